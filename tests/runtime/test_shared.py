"""The server that tests share: its death is told in one test, and the next has a fresh one."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.runtime.fixtures import WaitUntil
from tests.runtime.shared import SharedServer


def test_a_dead_server_says_why_and_is_replaced(
    server_environment: ServerEnvironment, tmp_path: Path, wait_until: WaitUntil
) -> None:
    shared = SharedServer(lambda: LocalServer(tmp_path, load=(), environment=server_environment))
    try:
        first = shared.running()
        shared.check()
        assert shared.running() is first
        os.kill(first.pid, signal.SIGSEGV)
        # No later: a server still answers while it writes its last words.
        wait_until(lambda: any("Signal (11)" in line for line in first.log_lines))
        with pytest.raises(pytest.fail.Exception, match=r"(?s)exit code 139.*Signal \(11\)"):
            shared.check()
        assert shared.running() is not first
        shared.check()
    finally:
        shared.stop()
