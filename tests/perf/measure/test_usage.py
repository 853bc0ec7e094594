"""Processor time and memory of a real Triton's processes, and of this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from perf.measure.endpoint import Endpoint
from perf.measure.usage import Usage, parts_of_server, replaced, uses
from perf.result import ProcessUse
from runtime.server.server import LocalServer
from tests.perf.fixtures import WriteModel, WritePair

REQUESTS = [{"x": np.array([1], np.float32)}]
BURN = "end = time.process_time() + 0.02\n        while time.process_time() < end: pass"
SPIN = "import time\nwhile time.process_time() < 0.2: pass"


@pytest.fixture(scope="module")
def server(triton: LocalServer, write_model: WriteModel, write_pair: WritePair) -> LocalServer:
    write_model(triton.repository, "burner", work=BURN)
    write_model(triton.repository, "echo")
    write_pair(triton.repository, "pair", "echo", "burner")
    triton.control.load("pair")
    return triton


def by_part(found: tuple[ProcessUse, ...]) -> dict[str, ProcessUse]:
    return {use.part: use for use in found}


def spin(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_each_part_has_its_own_time_and_memory(server: LocalServer) -> None:
    parts = parts_of_server(server) | {"client": lambda: [os.getpid()]}
    assert set(parts) == {"server", "echo", "burner", "client"}  # an ensemble has no process
    usage = Usage(parts)
    with Endpoint(server.grpc, "pair", REQUESTS) as endpoint:
        endpoint(0)
        before = usage.snapshot()
        for i in range(10):
            endpoint(i)
        after = usage.snapshot()
    found = by_part(uses(before, after, 10))
    assert found["burner"].cpu_ms >= 20
    assert found["echo"].cpu_ms < found["burner"].cpu_ms
    assert found["server"].cpu_ms < found["burner"].cpu_ms
    for use in found.values():
        assert use.processes == 1
        assert use.cpu_ms > 0
        assert 0 < use.proportional_mib <= use.resident_mib
    assert replaced(before, after) == ()


def test_time_is_that_of_the_kernels_clock() -> None:
    usage = Usage({"client": lambda: [os.getpid()]})
    outer, before = time.process_time(), usage.snapshot()
    inner = time.process_time()
    spin(0.1)
    least = time.process_time() - inner
    after = usage.snapshot()
    most = time.process_time() - outer
    (client,) = uses(before, after, 4)
    assert least <= client.cpu_ms * 4 / 1e3 <= most


def test_the_time_that_looking_takes_is_not_counted() -> None:
    def found_slowly() -> list[int]:
        spin(0.1)
        return [os.getpid()]

    usage = Usage({"client": found_slowly})
    before = usage.snapshot()
    spin(0.02)
    (client,) = uses(before, usage.snapshot(), 1)
    assert 20 <= client.cpu_ms < 100


def test_a_replaced_stub_is_told_and_counts_from_its_start(server: LocalServer) -> None:
    parts = parts_of_server(server)
    usage = Usage(parts)
    before = usage.snapshot()
    (old,) = parts["burner"]()
    os.kill(old, signal.SIGKILL)
    server.control.unload("burner")
    server.control.load("burner")
    server.control.load("pair")
    after = usage.snapshot()
    (new,) = parts["burner"]()
    assert new != old
    assert replaced(before, after) == ("burner",)
    found = by_part(uses(before, after, 1))
    assert found["burner"].processes == 1
    (state,) = after.parts["burner"].values()
    assert found["burner"].cpu_ms == pytest.approx(state.cpu_seconds * 1e3)


def test_ended_processes_are_skipped() -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
    usage = Usage({"client": lambda: [os.getpid(), process.pid, 2**22 + 1]})
    before = usage.snapshot()
    process.wait()
    after = usage.snapshot()
    (client,) = uses(before, after, 1)
    assert client.processes == 1
    assert replaced(before, after) == ()


def test_children_that_ended_can_be_a_part() -> None:
    usage = Usage({})
    before = usage.snapshot()
    subprocess.run([sys.executable, "-c", SPIN], check=True)
    (client,) = uses(before, usage.snapshot(), 2, children="client")
    assert client.part == "client"
    assert client.cpu_ms * 2 >= 200 * 0.95  # the kernel's own rounding
    assert (client.processes, client.resident_mib) == (0, 0)


def test_there_is_no_use_of_no_request() -> None:
    snapshot = Usage({}).snapshot()
    with pytest.raises(ValueError, match="at least 1"):
        uses(snapshot, snapshot, 0)
