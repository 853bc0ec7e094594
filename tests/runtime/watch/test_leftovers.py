"""What a server keeps of dead stubs is found, and said when it is too much."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from runtime import synthetic
from runtime.guard import state
from runtime.server.control import CallFailed
from runtime.server.server import LocalServer
from runtime.watch import leftovers, stubs
from runtime.watch.heal import Healer
from runtime.watch.leftovers import Bounds, Leftovers
from tests.conftest import Serve
from tests.runtime.fixtures import Infer, PythonModel, WaitUntil


@pytest.mark.parametrize(
    ("found", "exceeded"),
    [
        (Leftovers(2, 2, 2, 2), False),
        (Leftovers(3, 0, 0, 0), True),
        (Leftovers(0, 3, 0, 0), True),
        (Leftovers(0, 0, 3, 0), True),
        (Leftovers(0, 0, 0, 3), True),
    ],
)
def test_each_bound_counts(found: Leftovers, exceeded: bool) -> None:
    assert Bounds(2, 2, 2, 2).exceeded(found) is exceeded


@pytest.mark.thorough
def test_a_server_that_keeps_dead_stubs_is_told_of_once(
    serve: Serve,
    tmp_path: Path,
    python_model: PythonModel,
    infer: Infer,
    wait_until: WaitUntil,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(synthetic, "can_be_probed", lambda _: False)
    python_model(tmp_path, "dies")
    server: LocalServer = serve(tmp_path)
    fresh = leftovers.measure(server.pid, server.region_prefix, state.SHARED_MEMORY)
    assert (fresh.zombies, fresh.regions, fresh.region_bytes) == (0, 0, 0)
    assert fresh.private_bytes > 2**20
    told: list[str] = []
    healed: list[str] = []
    with Healer(
        server,
        probe_seconds=0.2,
        bounds=Bounds(zombies=1, regions=1),
        exchange=told.append,
        report=healed.append,
    ):
        for _ in range(2):
            healed.clear()
            (stub,) = stubs.running(server.pid)
            os.kill(stub.pid, signal.SIGSTOP)
            # The request fails on the stub, and Triton keeps the model for it.
            os.kill(stub.pid, signal.SIGKILL)
            with pytest.raises(CallFailed):
                infer(server.control, "dies", [0.0])
            # The second may be too much before its model is back, and then it does not come back.
            wait_until(lambda: bool(told) or any("is back after" in line for line in healed))
            wait_until(lambda: bool(told) or len(stubs.running(server.pid)) == 1)
        wait_until(lambda: len(told) == 1)
    assert "ended stubs" in told[0] and "regions of shared memory" in told[0]
    assert len(told) == 1
