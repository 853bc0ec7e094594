"""Ctrl-C ends every kind of command in one line, with exit code 130."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.structure.rooms import ROOT


def start(*arguments: object, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tmk", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_command_that_waits_for_a_server_is_ended() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        process = start("smoke", f"http://127.0.0.1:{server.getsockname()[1]}")
        # It asks, and gets no answer.
        connection, _ = server.accept()
        with connection:
            connection.recv(1)
            process.send_signal(signal.SIGINT)
            said, told = process.communicate()
    assert (process.returncode, said, told) == (130, "", "Interrupted\n")


@pytest.mark.slow  # the export that runs comes to its end
def test_a_build_is_ended_and_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "models"
    process = start("build", "--out", out, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert process.stderr is not None
    assert "export" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 130
    assert told.splitlines()[-1] == "Interrupted" and "Traceback" not in told
    assert not out.exists()
