"""Stubs that die, stop and hang under a real Triton, and what the users of the others notice."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from runtime import processes, synthetic
from runtime.machine.environment import ServerEnvironment
from runtime.server import logs
from runtime.server.control import CallFailed, Control
from runtime.server.server import LocalServer
from runtime.watch import heal, stubs
from runtime.watch.heal import Healer
from tests.conftest import Serve
from tests.runtime.fixtures import Ensemble, Infer, PythonModel, WaitUntil
from tests.runtime.shared import SharedServer
from tests.waiting import answers


@dataclass
class Calls:
    """What the requests of one client came to: (when, how long, what went wrong)."""

    made: list[tuple[float, float, str]] = field(default_factory=list)

    def failed(self) -> list[tuple[float, float, str]]:
        return [call for call in self.made if call[2]]

    def succeeded_since(self, moment: float) -> int:
        return sum(when > moment and not wrong for when, _, wrong in self.made)


@contextmanager
def load(infer: Infer, control: Control, model: str, clients: int) -> Iterator[Calls]:
    """Clients that call a model without a pause."""
    calls = Calls()
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            started = time.monotonic()
            wrong = ""
            try:
                assert infer(control, model, [0.005]) == pytest.approx([0.005])
            except CallFailed as failure:
                wrong = str(failure)
                time.sleep(0.02)
            calls.made.append((started, time.monotonic() - started, wrong))

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield calls
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def stub_of(server: LocalServer, instance: str) -> int:
    (pid,) = (stub.pid for stub in stubs.running(server.pid) if stub.instance == instance)
    return pid


def logged(server: LocalServer, message: str) -> list[float]:
    """When Triton has logged a message: seconds of the day."""
    lines = [line for line in map(logs.parse, server.log_lines) if line is not None]
    times = [line.time.split(":") for line in lines if line.message == message]
    return [int(hours) * 3600 + int(minutes) * 60 + float(rest) for hours, minutes, rest in times]


def write_identity(repository: Path, name: str) -> None:
    """An ONNX model that returns its input, for the onnxruntime backend."""
    (repository / name / "1").mkdir(parents=True)
    tensors = [
        helper.make_tensor_value_info(each, TensorProto.FLOAT, ["length"]) for each in ("x", "y")
    ]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], name, tensors[:1], tensors[1:]
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="tests"
    )
    onnx.save(model, repository / name / "1" / "model.onnx")
    (repository / name / "config.pbtxt").write_text(
        f'name: "{name}" backend: "onnxruntime" max_batch_size: 0\n'
        'input { name: "x" data_type: TYPE_FP32 dims: [-1] }\n'
        'output { name: "y" data_type: TYPE_FP32 dims: [-1] }\n'
        "instance_group { count: 1 kind: KIND_CPU }\n"
    )


@pytest.fixture(scope="module")
def shared(
    server_environment: ServerEnvironment,
    tmp_path_factory: pytest.TempPathFactory,
    python_model: PythonModel,
    ensemble: Ensemble,
) -> Iterator[SharedServer]:
    folder = tmp_path_factory.mktemp("heal")
    python_model(folder, "first", count=2)
    python_model(folder, "second")
    python_model(folder, "apart")
    ensemble(folder, "both", ["first", "second"])
    ensemble(folder, "nested", ["both", "second"])
    write_identity(folder, "identity")
    shared = SharedServer(lambda: LocalServer(folder, environment=server_environment))
    yield shared
    shared.stop()


@pytest.fixture
def server(shared: SharedServer) -> Iterator[LocalServer]:
    """A server for all tests that leave it as they found it."""
    yield shared.running()
    shared.check()


@pytest.mark.thorough
def test_a_killed_stub_under_load_costs_only_its_own_requests(
    server: LocalServer, infer: Infer, wait_until: WaitUntil
) -> None:
    control = server.control
    told: list[str] = []
    with (
        Healer(server, report=told.append),
        load(infer, control, "nested", 3) as users,
        load(infer, control, "apart", 1) as others,
    ):
        wait_until(lambda: len(users.made) > 20 and len(others.made) > 20)
        killed = stub_of(server, "second_0_0")
        os.kill(killed, signal.SIGKILL)
        at = time.monotonic()
        wait_until(lambda: users.succeeded_since(at) > 0)
        wait_until(lambda: users.succeeded_since(at) > 100 and len(told) > 1)
    assert not others.failed()
    # Those that waited for the dead stub fail one a second; a wait for ever would be "No answer".
    assert users.failed()
    assert all("is not healthy" in w or "no available versions" in w for _, _, w in users.failed())
    assert [status.name for status in control.index() if not status.ready] == []
    assert stub_of(server, "second_0_0") != killed
    assert "second_0_0 has ended" in told[0]
    assert "is back after" in told[1]


def test_a_model_is_loaded_again_well_before_the_old_one_ends(
    server: LocalServer, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A request that fails on a dead stub can keep its model from ever ending.
    monkeypatch.setattr(synthetic, "can_be_probed", lambda _: False)
    ends = "successfully unloaded 'apart' version 1"
    with Healer(server):
        killed = stub_of(server, "apart_0_0")
        before = len(logged(server, ends))
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: len(logged(server, ends)) > before)
    # If it were loaded just as the old one ends, it would take over freed memory.
    overlap = logged(server, ends)[-1] - logged(server, "loading: apart:1")[-1]
    assert overlap % 86400 > 0.5
    assert overlap % 86400 < 3600, "it was loaded when the old one had ended"
    assert stub_of(server, "apart_0_0") != killed


@pytest.mark.thorough
def test_one_of_two_instances_is_replaced_and_the_new_other_one_too(
    server: LocalServer, infer: Infer, wait_until: WaitUntil
) -> None:
    told: list[str] = []
    # Without a probe: what ends is seen at once, even while the old stubs are still there.
    healer = Healer(server, probe_seconds=600.0, report=told.append)
    with healer, load(infer, server.control, "first", 2) as users:
        wait_until(lambda: len(users.made) > 20)
        old = {stub.pid for stub in stubs.running(server.pid)}
        os.kill(stub_of(server, "first_0_1"), signal.SIGKILL)
        wait_until(lambda: len(told) == 2)
        (new,) = (
            stub.pid
            for stub in stubs.running(server.pid)
            if stub.instance == "first_0_0" and stub.pid not in old
        )
        os.kill(new, signal.SIGKILL)
        at = time.monotonic()
        wait_until(lambda: len(told) == 4)
        wait_until(lambda: users.succeeded_since(at) > 100)
    assert "first_0_1 has ended" in told[0]
    assert f"{new} of instance first_0_0 has ended" in told[2]
    assert {"first_0_0", "first_0_1"} <= {stub.instance for stub in stubs.running(server.pid)}


@pytest.mark.thorough
def test_no_stub_of_a_replaced_model_stays(
    serve: Serve,
    tmp_path: Path,
    python_model: PythonModel,
    infer: Infer,
    wait_until: WaitUntil,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(synthetic, "can_be_probed", lambda _: False)
    python_model(tmp_path / "models", "pair", count=2)
    server = serve(tmp_path / "models")
    with Healer(server, probe_seconds=0.2, hang_seconds=0.5):
        # A request that fails on a dead stub keeps its model from ever ending.
        with load(infer, server.control, "pair", 2) as users:
            wait_until(lambda: len(users.made) > 20)
            os.kill(stub_of(server, "pair_0_1"), signal.SIGKILL)
            wait_until(lambda: bool(users.failed()))
        wait_until(lambda: len(stubs.running(server.pid)) == 2)
        assert infer(server.control, "pair", [0.0]) == [0.0]


@pytest.mark.thorough
def test_the_stub_of_an_onnx_model_is_replaced(
    server: LocalServer, infer: Infer, wait_until: WaitUntil
) -> None:
    with Healer(server), load(infer, server.control, "identity", 2) as users:
        wait_until(lambda: len(users.made) > 20)
        killed = stub_of(server, "identity_0_0")
        os.kill(killed, signal.SIGKILL)
        at = time.monotonic()
        wait_until(lambda: users.succeeded_since(at + 0.1) > 0)
    assert stub_of(server, "identity_0_0") != killed
    assert users.failed()


def test_several_stubs_killed_at_once_are_all_replaced(
    server: LocalServer, infer: Infer, wait_until: WaitUntil
) -> None:
    with Healer(server):
        killed = {stub.pid for stub in stubs.running(server.pid)}
        for pid in killed:
            os.kill(pid, signal.SIGKILL)

        def are_replaced() -> bool:
            # A killed process is still listed for a moment, and its model still called ready.
            running = {stub.pid for stub in stubs.running(server.pid)}
            return len(running - killed) == 5 and not running & killed

        wait_until(are_replaced)
        wait_until(lambda: all(status.ready for status in server.control.index()))
        assert infer(server.control, "nested", [0.0]) == [0.0]


@pytest.mark.thorough
def test_a_stopped_stub_is_replaced_though_requests_wait_for_it(
    server: LocalServer, infer: Infer, wait_until: WaitUntil
) -> None:
    told: list[str] = []
    with (
        Healer(server, report=told.append),
        load(infer, server.control, "apart", 4) as users,
    ):
        wait_until(lambda: len(users.made) > 20)
        stopped = stub_of(server, "apart_0_0")
        os.kill(stopped, signal.SIGSTOP)
        at = time.monotonic()
        wait_until(lambda: len(told) == 2)
        wait_until(lambda: users.succeeded_since(at + 0.1) > 0)
    assert "that was stopped" in told[0]
    assert stopped not in [stub.pid for stub in stubs.running(server.pid)]


def test_a_stub_that_triton_holds_for_dead_is_found_by_a_probe(
    server: LocalServer, infer: Infer, wait_until: WaitUntil, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "is_stopped", lambda _: False)
    told: list[str] = []
    with Healer(server, probe_seconds=0.3, report=told.append):
        os.kill(stub_of(server, "apart_0_0"), signal.SIGSTOP)
        wait_until(lambda: len(told) == 2)
        assert "does not answer a probe" in told[0]
        assert infer(server.control, "apart", [0.0]) == [0.0]


@pytest.mark.thorough
def test_a_model_that_hangs_is_replaced_and_a_slow_one_is_not(
    serve: Serve, tmp_path: Path, python_model: PythonModel, infer: Infer, wait_until: WaitUntil
) -> None:
    folder = tmp_path / "models"
    python_model(folder, "hangs", work="time.sleep(600 if x[0] == 7 else 0)")
    busy = "ends = time.monotonic() + float(x[0])\n            while time.monotonic() < ends: pass"
    python_model(folder, "works", work=busy)
    server = serve(folder)
    told: list[str] = []
    with Healer(server, probe_seconds=0.3, hang_seconds=1.5, report=told.append):

        def hang() -> None:
            with pytest.raises(CallFailed, match="is not healthy"):
                infer(server.control, "hangs", [7.0])

        hanging = threading.Thread(target=hang)
        hanging.start()
        assert infer(server.control, "works", [4.0]) == [4.0]
        wait_until(lambda: any("is back" in line for line in told))
        hanging.join(timeout=60)
        assert not hanging.is_alive()
        assert infer(server.control, "hangs", [0.0]) == [0.0]
    assert all("'hangs'" in line for line in told)


@pytest.mark.thorough
def test_models_unloaded_on_purpose_stay_unloaded(
    server: LocalServer, wait_until: WaitUntil
) -> None:
    told: list[str] = []
    with Healer(server, probe_seconds=0.2, report=told.append):
        time.sleep(0.5)
        server.control.unload("apart")
        wait_until(lambda: "apart_0_0" not in {s.instance for s in stubs.running(server.pid)})
        time.sleep(0.6)
    assert told == []
    assert not server.control.is_ready("apart")
    server.control.load("apart")


@pytest.mark.thorough
def test_a_model_that_dies_by_its_own_fault_is_replaced_ever_more_slowly(
    serve: Serve, tmp_path: Path, python_model: PythonModel, infer: Infer, wait_until: WaitUntil
) -> None:
    folder = tmp_path / "models"
    python_model(folder, "dies", work="__import__('os').kill(__import__('os').getpid(), 9)")
    server = serve(folder)
    told: list[str] = []
    with Healer(server, probe_seconds=0.2, report=told.append):
        wait_until(lambda: any(" in 2 s" in line for line in told))
        assert answers(server)
    until_then = next(number for number, line in enumerate(told) if " in 2 s" in line)
    assert sum("is back after" in line for line in told[:until_then]) == 3


@pytest.mark.thorough
def test_ensembles_survive_a_reload_that_first_fails(
    server: LocalServer, infer: Infer, wait_until: WaitUntil
) -> None:
    config = server.repository / "second" / "config.pbtxt"
    good = config.read_text()
    told: list[str] = []
    with Healer(server, probe_seconds=0.2, report=told.append):
        config.write_text("not a config")
        os.kill(stub_of(server, "second_0_0"), signal.SIGKILL)
        wait_until(lambda: any("could not be loaded again" in line for line in told))
        assert infer(server.control, "apart", [0.0]) == [0.0]
        config.write_text(good)
        wait_until(lambda: any("is back after" in line for line in told))
        wait_until(lambda: server.control.is_ready("nested"))
        assert infer(server.control, "nested", [0.0]) == [0.0]


SLOW = """    def initialize(self, args):
        time.sleep(4.0)

    def execute"""


@pytest.mark.thorough
def test_a_load_that_takes_long_is_waited_for(
    serve: Serve,
    tmp_path: Path,
    python_model: PythonModel,
    wait_until: WaitUntil,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heal, "_LOAD_SECONDS", 2.0)
    python_model(tmp_path, "slow")
    model = tmp_path / "slow" / "1" / "model.py"
    model.write_text(model.read_text().replace("    def execute", SLOW))
    server: LocalServer = serve(tmp_path)
    told: list[str] = []
    with Healer(server, probe_seconds=0.2, report=told.append, exchange=told.append):
        os.kill(stub_of(server, "slow_0_0"), signal.SIGKILL)
        wait_until(lambda: any("is back after" in line for line in told))
    assert len(told) == 2, told


def test_a_load_that_waits_for_a_dead_stub_asks_for_another_server(
    serve: Serve,
    tmp_path: Path,
    python_model: PythonModel,
    wait_until: WaitUntil,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def time_out(*_: object, **__: object) -> None:
        raise CallFailed("no answer")

    python_model(tmp_path, "dies")
    server: LocalServer = serve(tmp_path)
    monkeypatch.setattr(Control, "load", time_out)
    asked: list[str] = []
    with Healer(server, exchange=asked.append):
        os.kill(stub_of(server, "dies_0_0"), signal.SIGKILL)
        wait_until(lambda: asked != [])
    assert asked == [
        "model 'dies' cannot be loaded, as Triton waits for a stub that died as it started"
    ]
