"""Stubs that stand still for longer than Triton waits, under a real Triton.

Without :mod:`repository.copied.abandoned` Triton takes such a stub's late answer for
that to its next request, and ends with SIGSEGV.
"""

from __future__ import annotations

import contextlib
import importlib
import mmap
import os
import signal
import struct
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import tritonclient.grpc as grpc
from onnx import TensorProto, helper
from tritonclient.utils import InferenceServerException

from builders.kit.graph import Ensemble, InstanceGroup, OnnxModel, PythonModel, Tensor
from builders.kit.graph.bls import bls
from clients.chained import request_input
from repository.arrays import DType
from repository.copied import abandoned
from repository.copied.abandoned import Watch
from runtime import processes
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from runtime.watch import stubs
from runtime.watch.heal import Healer
from tests.builders.kit import repositories
from tests.builders.kit.declared import export
from tests.waiting import until

X, Y = Tensor("x", DType.FP32, {"value": -1}), Tensor("y", DType.FP32, {"value": -1})
ONE = (InstanceGroup(count=1),)
STALL = PythonModel(name="stall", inputs=(X,), outputs=(Y,), stage="toy_stall", instances=ONE)
TWICE = OnnxModel(name="twice", inputs=(X,), outputs=(Y,), export=export("twice"), instances=ONE)
PIPELINE = Ensemble(name="pipeline", inputs=(X,), outputs=(Y,), steps=STALL >> ())


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, server_environment: ServerEnvironment
) -> Iterator[LocalServer]:
    root = tmp_path_factory.mktemp("abandoned")
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "twice",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["value"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["value"])],
    )
    opset = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), root / "twice.onnx")
    sys.path.insert(0, str(Path(__file__).parent / "stages"))
    importlib.invalidate_caches()
    models = (STALL, TWICE, PIPELINE, replace(bls(PIPELINE), instances=ONE))
    repositories.write(root / "models", models, {"twice": root / "twice.onnx"})
    sys.path.remove(str(Path(__file__).parent / "stages"))
    with LocalServer(root / "models", environment=server_environment) as started:
        yield started
        started.stop(now=True)


def ask(server: LocalServer, model: str, value: float, size: int) -> None:
    """One request, whose answer has to be its own."""
    given = np.full(size, value, np.float32)
    with grpc.InferenceServerClient(server.grpc) as client:
        answer = client.infer(model, [request_input("x", given)], client_timeout=60)
    np.testing.assert_array_equal(answer.as_numpy("y"), 2 * given)


def rests(pid: int) -> bool:
    """Whether no thread of a process runs, or waits for a processor."""
    for task in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            if task.read_text().rpartition(")")[2].split()[0] == "R":
                return False
    return True


@pytest.mark.sampled(1)
@pytest.mark.parametrize("model", ["stall", "pipeline_bls", "twice"])
def test_a_stub_that_stood_still_ends_and_the_server_does_not(
    server: LocalServer, model: str
) -> None:
    triton = server.pid
    (stub,) = (each.pid for each in stubs.running(triton) if each.instance == f"{model}_0_0")
    told: list[str] = []
    with Healer(server, probe_seconds=600, report=told.append):
        if model == "stall":  # stops itself as it computes, the others before the request comes
            value = -1.0
        else:
            os.kill(stub, signal.SIGSTOP)
            until(lambda: processes.is_stopped(stub))
            value = 1.0
        with pytest.raises(InferenceServerException, match="is not healthy"):
            ask(server, model, value, 5000)
        # The client reads that a request is given up before Triton has let go of it. A stub that
        # goes on just then takes the server along, before any code of ours runs in it.
        until(lambda: rests(triton))
        os.kill(stub, signal.SIGCONT)
        until(lambda: not server.is_running() or any("is back after" in line for line in told))
        assert server.is_running(), "\n".join([*told, *server.log_lines[-60:]])
        assert not processes.is_running(stub), told
        for number in range(1, 5):
            ask(server, model, float(number), 1000 * number)
    assert server.is_running() and server.pid == triton


def test_a_stub_that_is_only_slow_is_left_alone(server: LocalServer) -> None:
    """Triton waits for as long as the stub's own thread shows that it lives."""
    (stub,) = (each.pid for each in stubs.running(server.pid) if each.instance == "stall_0_0")
    for _ in range(5):
        os.kill(stub, signal.SIGSTOP)
        time.sleep(0.1)
        os.kill(stub, signal.SIGCONT)
        ask(server, "stall", 1.0, 100)
    assert processes.is_running(stub)


class Ended(Exception):
    pass


def end() -> None:
    raise Ended


def watched(
    monkeypatch: pytest.MonkeyPatch, folder: Path, head: int, tail: int, size: int = 1000
) -> tuple[Watch, mmap.mmap]:
    """A watch over a file that is laid out as Triton's shared memory, and the file."""
    file = folder / "region"
    content = bytearray(8192)
    struct.pack_into("=Q", content, 64 + 16 + 88, 512)  # control structure: the queue's handle
    struct.pack_into("=QQii", content, 512 + 16 + 104, size, 1024, head, tail)
    file.write_bytes(content)
    line = ["/x/triton_python_backend_stub", "/m/1/model.py", str(file), "8192", "1", "1", "/x"]
    cmdline = folder / "cmdline"
    cmdline.write_bytes("\0".join([*line, "64", "m_0_0", "DEFAULT", ""]).encode())
    monkeypatch.setattr(abandoned, "_COMMAND_LINE", cmdline)
    monkeypatch.setattr(abandoned, "_SHARED_MEMORY", Path("/"))
    watch = Watch(end)
    return watch, mmap.mmap(os.open(file, os.O_RDWR), 8192)


def push(memory: mmap.mmap, head: int) -> None:
    struct.pack_into("=i", memory, 512 + 16 + 104 + 16, head)


def pop(memory: mmap.mmap, tail: int) -> None:
    struct.pack_into("=i", memory, 512 + 16 + 104 + 20, tail)


def test_a_message_that_comes_while_a_request_is_computed_ends_the_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    watch, memory = watched(monkeypatch, tmp_path, head=999, tail=999)
    assert watch.is_active
    with watch.request():
        pass
    with pytest.raises(Ended), watch.request():
        push(memory, 0)
    computed = False
    with pytest.raises(Ended), watch.request():
        computed = True
    assert not computed


def test_a_thread_beside_it_waits_until_the_stub_has_taken_a_message(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    watch, memory = watched(monkeypatch, tmp_path, head=999, tail=999)
    watch.wait_for_quiet()
    push(memory, 0)
    with ThreadPoolExecutor(1) as pool:
        waited = pool.submit(watch.wait_for_quiet)
        time.sleep(0.05)
        assert not waited.done()
        pop(memory, 0)
        waited.result(60)
    push(memory, 2)  # a second one: that of a request that was given up
    with pytest.raises(Ended):
        watch.wait_for_quiet()
    pop(memory, 1)
    monkeypatch.setattr(abandoned, "TAKEN_SECONDS", 0.05)
    with pytest.raises(Ended):
        watch.wait_for_quiet()


@pytest.mark.parametrize(
    ("head", "tail", "size"), [(3, 2, 1000), (7, 7, 7), (-1, -1, 9), (0, 0, 0), (1, 1, 2**40)]
)
def test_memory_of_another_layout_is_not_watched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, head: int, tail: int, size: int
) -> None:
    watch, memory = watched(monkeypatch, tmp_path, head, tail, size)
    assert not watch.is_active
    push(memory, 5)
    with watch.request():
        pass


def test_outside_a_stub_nothing_is_watched() -> None:
    with Watch(end).request():
        assert not Watch(end).is_active
