"""A server that keeps too much of dead stubs is exchanged for a fresh one on the same ports."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from runtime import synthetic
from runtime.errors import ServerFailed
from runtime.guard import state
from runtime.server.control import CallFailed
from runtime.server.server import LocalServer
from runtime.watch import leftovers, stubs
from runtime.watch.counters import Counters
from runtime.watch.heal import Healer
from runtime.watch.leftovers import Bounds
from runtime.watch.revive import Exchange, Reviver
from tests.conftest import Serve
from tests.runtime.fixtures import Infer, PythonModel, WaitUntil
from tests.taken import wait_until_taken


@pytest.mark.thorough
def test_a_server_that_holds_too_much_is_exchanged(
    serve: Serve,
    tmp_path: Path,
    python_model: PythonModel,
    infer: Infer,
    wait_until: WaitUntil,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(synthetic, "can_be_probed", lambda _: False)
    python_model(tmp_path, "dies", count=2)
    python_model(tmp_path, "apart")
    server: LocalServer = serve(tmp_path)
    counters, told = Counters(), list[str]()
    bounds = Bounds(zombies=0, regions=10)

    def healing(exchange: Exchange) -> Healer:
        return Healer(server, probe_seconds=0.2, bounds=bounds, exchange=exchange)

    def run() -> None:
        with pytest.raises(ServerFailed, match="another program asked it to"):
            Reviver(
                server,
                most=0,
                healing=healing,
                check=lambda _: None,
                counters=counters,
                report=told.append,
            ).run()

    reviving = threading.Thread(target=run)
    reviving.start()
    old, address = server.pid, server.http
    answers: list[list[float]] = []
    # What is under way as the server is exchanged gets its answer: one runs, and another waits.
    long = [
        threading.Thread(target=lambda: answers.append(infer(server.control, "apart", [2.0, 7.0])))
        for _ in range(2)
    ]
    for each in long:
        each.start()
    wait_until_taken(server.metrics, "apart", 1)
    os.kill(next(s.pid for s in stubs.running(old) if s.instance == "dies_0_0"), signal.SIGKILL)
    with pytest.raises(CallFailed):
        for _ in range(4):  # two instances take turns
            infer(server.control, "dies", [0.0])
    wait_until(lambda: server.pid not in (0, old) and any("ready again" in line for line in told))
    for each in long:
        each.join()
    assert answers == [[2.0, 7.0]] * 2
    assert server.http == address
    assert infer(server.control, "dies", [0.0, 1.0]) == [0.0, 1.0]
    found = leftovers.measure(server.pid, server.region_prefix, state.SHARED_MEMORY)
    assert (found.zombies, found.regions) == (0, 0)
    assert "is exchanged for a fresh one: it holds" in told[0]
    assert "triton_runtime_server_exchanges_total 1" in counters.text()
    assert "triton_runtime_server_restarts_total 1" in counters.text()
    server.ask_to_stop()
    reviving.join()
