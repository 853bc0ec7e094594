"""``serve --gateway``: a gateway beside a server, from its start to its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from repository.places import ROOT
from runtime import processes
from tests.gateway.conftest import DOUBLE
from tests.gateway.running import Gateway
from tests.runtime.serving import FREE_PORTS, Serving
from tests.waiting import until

pytestmark = pytest.mark.xdist_group("gateway")

OPTIONS = (*FREE_PORTS, "--no-verify", "--gateway", "--gateway-port=0")


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    serving = Serving((str(DOUBLE), *OPTIONS), tmp_path / "log")
    yield serving
    serving.end()


def gateways(serving: Serving) -> list[int]:
    """The process ids of its gateways."""
    return [
        pid
        for pid in processes.children(serving.process.pid)
        if "gateway" in processes.arguments(pid) and processes.is_running(pid)
    ]


def test_it_starts_and_ends_with_the_server(serving: Serving) -> None:
    serving.wait_until_ready()
    gateway = Gateway(serving.address("OpenAI").removesuffix("/v1"))
    assert gateway.ask("POST", "/v1/chat/completions", gateway.chat("red"))[0] == 200
    (pid,) = gateways(serving)
    serving.process.send_signal(signal.SIGINT)
    assert serving.process.wait(60) == 0
    assert not processes.is_running(pid)


@pytest.mark.thorough
def test_it_is_started_again_and_ends_with_the_server(serving: Serving) -> None:
    serving.wait_until_ready()
    gateway = Gateway(serving.address("OpenAI").removesuffix("/v1"))
    (first,) = gateways(serving)
    os.kill(first, signal.SIGKILL)
    serving.wait_until_told("it is started again")
    until(lambda: len(gateways(serving)) == 1 and gateways(serving) != [first])
    until(lambda: _answers(gateway))
    (second,) = gateways(serving)
    serving.process.send_signal(signal.SIGINT)
    assert serving.process.wait(60) == 0
    assert not processes.is_running(second)


@pytest.mark.thorough
def test_it_ends_with_a_server_that_is_killed(serving: Serving) -> None:
    serving.wait_until_ready()
    (gateway,) = gateways(serving)
    serving.process.kill()
    until(lambda: not processes.is_running(gateway))


def test_what_keeps_it_from_starting_is_told(tmp_path: Path) -> None:
    (tmp_path / "starlette").mkdir()
    (tmp_path / "starlette" / "__init__.py").write_text(
        "raise ModuleNotFoundError('No module', name='starlette')"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "runtime", "serve", str(DOUBLE), *OPTIONS],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 1
    assert "the gateway needs the package 'starlette'" in ended.stderr
    assert "The gateway did not start" in ended.stderr
    assert "Traceback" not in ended.stderr


def _answers(gateway: Gateway) -> bool:
    try:
        return gateway.ask("GET", "/health/live")[0] == 200
    except OSError:
        return False
