"""Starting and stopping a real Triton, and what is left of it however it ends."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as grpcclient

from repository.places import ROOT
from runtime import processes
from runtime.errors import ServerFailed
from runtime.guard import connections, state
from runtime.machine.needs import has_gpu
from runtime.server.server import LocalServer
from tests.conftest import Serve
from tests.runtime.conftest import held_by
from tests.runtime.fixtures import Infer, PythonModel, WaitUntil
from tests.taken import wait_until_taken

OWNER = """
import os, sys, time
from pathlib import Path
from runtime import processes
from runtime.server.server import LocalServer
from tests.taken import wait_until_taken
server = LocalServer(Path(sys.argv[1]))
server.start()
(guard,) = processes.children(os.getpid())
print(server.pid, guard, server.http, flush=True)
time.sleep(600)
"""


def left_behind(identity: str) -> list[str]:
    """What there is of a server: processes, shared memory, temporary folders, state."""
    own = state.ServerState(state.base_folder() / identity)
    return [
        *(f"process {pid}" for pid in own.processes()),
        *map(str, state.SHARED_MEMORY.glob(f"{own.shared_memory_prefix}*")),
        *map(str, state.TEMPORARY.glob(f"{own.temporary_prefix}*")),
        *([str(own.folder)] if own.folder.exists() else []),
    ]


def identity_of(pid: int) -> str:
    """The id of the server with this process id."""
    variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    (found,) = (v.split(b"=")[1] for v in variables if v.startswith(state.VARIABLE.encode()))
    return found.decode()


@pytest.fixture
def repository(tmp_path: Path, python_model: PythonModel) -> Path:
    python_model(tmp_path / "models", "sleeper")
    return tmp_path / "models"


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """A file: for as long as it exists, the model of ``held_repository`` answers nothing."""
    made = tmp_path / "held"
    made.touch()
    return made


@pytest.fixture
def held_repository(tmp_path: Path, held: Path, python_model: PythonModel) -> Path:
    python_model(tmp_path / "models", "sleeper", work=held_by(held))
    return tmp_path / "models"


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of states of this test's own: no start of another test sweeps it."""
    (tmp_path / "states").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "states"))


Owner = tuple[subprocess.Popen[str], int, int, str]


@pytest.fixture
def owner(repository: Path) -> Iterator[Owner]:
    """A process that owns a server: (the process, the server's pid, its guard's, its address)."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(repository)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    pid, guard, address = process.stdout.readline().split()
    yield process, int(pid), int(guard), address
    process.kill()
    process.wait()
    process.stdout.close()


def answered(result: object) -> list[float]:
    """The output of an answer over gRPC."""
    assert isinstance(result, grpcclient.InferResult), result
    y = result.as_numpy("y")
    assert y is not None
    return [float(each) for each in y]


HOURS = 7200.0
"""A grace period so long that what holds a stop until its end is seen."""


def stop(server: LocalServer) -> None:
    """Ends a server that has hours for it, and fails if something holds the stop."""
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    stopping.join(60)
    if held := stopping.is_alive():
        server.ask_to_stop(now=True)
        stopping.join()
    assert not held, "something held the stop"


def test_the_empty_server_is_live_and_has_no_model(triton: LocalServer) -> None:
    assert triton.control.is_live()
    assert triton.pid > 1
    assert not any(status.ready for status in triton.control.index() if status.name == "sleeper")


def test_two_servers_do_not_disturb_each_other(
    triton: LocalServer, serve: Serve, repository: Path, infer: Infer
) -> None:
    other = serve(repository)
    assert {other.http, other.grpc, other.metrics}.isdisjoint(
        {triton.http, triton.grpc, triton.metrics}
    )
    assert infer(other.control, "sleeper", [0.0, 3.0]) == [0.0, 3.0]
    identity = identity_of(other.pid)
    assert left_behind(identity)
    other.stop(now=True)
    assert left_behind(identity) == []
    assert triton.control.is_live()
    assert left_behind(identity_of(triton.pid))


def test_requests_in_flight_are_answered_and_idle_connections_do_not_hold_the_stop(
    serve: Serve, held_repository: Path, held: Path, infer: Infer
) -> None:
    server = serve(held_repository, exit_grace_seconds=HOURS)
    identity = identity_of(server.pid)
    idle = http.client.HTTPConnection(server.http)
    idle.request("GET", "/v2/health/live")
    assert idle.getresponse().read() == b""
    silent = http.client.HTTPConnection(server.http)
    silent.connect()
    channel = grpcclient.InferenceServerClient(server.grpc)
    assert channel.is_server_live()
    tensor = grpcclient.InferInput("x", [1], "FP32")
    tensor.set_data_from_numpy(np.array([0.5], np.float32))
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        # One instance: the second and the third wait in the queue until the first may go on.
        answers = [pool.submit(infer, server.control, "sleeper", [0.5]) for _ in range(2)]
        over_grpc = pool.submit(channel.infer, "sleeper", [tensor])
        wait_until_taken(server.metrics, "sleeper", 2)
        held.unlink()
        stop(server)
        assert [answer.result() for answer in answers] == [[0.5], [0.5]]
        assert answered(over_grpc.result()) == [0.5]
    assert left_behind(identity) == []
    idle.close()
    silent.close()
    channel.close()


@pytest.mark.thorough
def test_a_request_that_is_still_being_sent_at_the_stop_is_answered(
    serve: Serve, repository: Path
) -> None:
    # A sender that pauses is taken for an idle one, and on a busy machine this one may have to.
    assert any(is_answered_though_it_stops(serve(repository)) for _ in range(20))


def is_answered_though_it_stops(server: LocalServer) -> bool:
    """Sends a large request; False if it was cut off and there was a long pause in it."""
    values = np.zeros(1_000_000, np.float32)
    header = json.dumps(
        {
            "inputs": [
                {
                    "name": "x",
                    "datatype": "FP32",
                    "shape": [values.size],
                    "parameters": {"binary_data_size": values.nbytes},
                }
            ],
            "parameters": {"binary_data_output": True},
        }
    ).encode()
    body = header + values.tobytes()
    connection = http.client.HTTPConnection(server.http)
    connection.putrequest("POST", "/v2/models/sleeper/infer")
    connection.putheader("Inference-Header-Content-Length", str(len(header)))
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    stopping = threading.Thread(target=server.stop)
    sent, longest = time.monotonic(), 0.0
    try:
        for start in range(0, len(body), 100_000):
            if start == 1_000_000:
                stopping.start()
            connection.send(body[start : start + 100_000])
            time.sleep(0.03)
            now = time.monotonic()
            sent, longest = now, max(longest, now - sent)
        answer = connection.getresponse()
        assert answer.status == 200
        assert len(answer.read()) > values.nbytes
        return True
    except (OSError, http.client.HTTPException):
        if longest < connections.QUIET_MILLISECONDS / 1000:
            raise
        return False
    finally:
        stopping.join()
        connection.close()


@pytest.mark.thorough
def test_an_open_stream_does_not_hold_the_stop(
    serve: Serve, held_repository: Path, held: Path
) -> None:
    server = serve(held_repository, exit_grace_seconds=HOURS)
    identity = identity_of(server.pid)
    answers: queue.Queue[object] = queue.Queue()
    client = grpcclient.InferenceServerClient(server.grpc)
    client.start_stream(lambda result, error: answers.put(error or result))
    tensor = grpcclient.InferInput("x", [1], "FP32")
    for seconds in (0.0, 1.0, 0.5):
        tensor.set_data_from_numpy(np.array([seconds], np.float32))
        client.async_stream_infer("sleeper", [tensor])
    wait_until_taken(server.metrics, "sleeper", 2)
    held.unlink()
    assert answered(answers.get(timeout=60)) == [0.0]
    stop(server)
    assert [answered(answers.get(timeout=60)) for _ in range(2)] == [[1.0], [0.5]]
    assert left_behind(identity) == []
    client.close()


@pytest.mark.thorough
def test_clients_that_never_pause_do_not_hold_the_stop(
    serve: Serve, repository: Path, wait_until: WaitUntil
) -> None:
    server = serve(repository, exit_grace_seconds=HOURS)
    identity = identity_of(server.pid)
    body = '{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[0.001]}]}'
    answered: list[float] = []
    wrong: list[object] = []

    def call_on_one_connection() -> None:
        connection = http.client.HTTPConnection(server.http)
        try:
            while True:
                connection.request("POST", "/v2/models/sleeper/infer", body)
                answer = connection.getresponse()
                if b'"data":[0.001' not in answer.read():
                    wrong.append(answer.status)
                answered.append(time.monotonic())
        except (OSError, http.client.HTTPException):
            connection.close()

    clients = [threading.Thread(target=call_on_one_connection) for _ in range(3)]
    for client in clients:
        client.start()
    wait_until(lambda: len(answered) > 20)
    started = time.monotonic()
    stop(server)
    for client in clients:
        client.join(timeout=60)
        assert not client.is_alive()
    assert wrong == []
    assert max(answered) > started
    assert left_behind(identity) == []


def test_nothing_is_left_when_the_server_is_killed(
    serve: Serve, repository: Path, wait_until: WaitUntil
) -> None:
    server = serve(repository)
    identity = identity_of(server.pid)
    os.kill(server.pid, signal.SIGKILL)
    assert server.wait() == 128 + signal.SIGKILL
    assert not server.is_running()
    assert left_behind(identity) == []


def test_nothing_is_left_when_the_owner_is_killed(owner: Owner, wait_until: WaitUntil) -> None:
    process, pid, _, _ = owner
    identity = identity_of(pid)
    process.kill()
    wait_until(lambda: not left_behind(identity))


@pytest.mark.usefixtures("apart")
def test_the_next_start_removes_what_a_killed_guard_left(
    owner: Owner, serve: Serve, tmp_path: Path, wait_until: WaitUntil
) -> None:
    _, pid, guard, _ = owner
    identity = identity_of(pid)
    foreign = state.SHARED_MEMORY / f"not_{identity}_ours"
    foreign.touch()
    try:
        os.kill(guard, signal.SIGKILL)
        wait_until(lambda: not processes.is_running(pid))
        assert left_behind(identity)
        other = tmp_path / "other"
        other.mkdir()
        serve(other)
        assert left_behind(identity) == []
        assert foreign.exists()
    finally:
        foreign.unlink()


def test_nothing_is_written_into_the_repository(
    serve: Serve, repository: Path, infer: Infer
) -> None:
    (repository / "sleeper" / "1" / "helper.py").touch()
    model = repository / "sleeper" / "1" / "model.py"
    model.write_text("from . import helper\n" + model.read_text())
    before = sorted(repository.rglob("*"))
    server = serve(repository)
    assert infer(server.control, "sleeper", [0.0]) == [0.0]
    server.stop()
    assert sorted(repository.rglob("*")) == before


def test_a_port_in_use_is_named(triton: LocalServer, repository: Path, serve: Serve) -> None:
    port = int(triton.grpc.rpartition(":")[2])
    with pytest.raises(ServerFailed, match=rf"grpc port {port} on 127\.0\.0\.1"):
        serve(repository, grpc_port=port)


def test_an_option_that_triton_does_not_know_is_its_own_words(
    repository: Path, serve: Serve
) -> None:
    for option, told in {
        "--no-such-option=1": "unrecognized option '--no-such-option=1'",
        "--log-verbose=much": 'Bad option: "--log-verbose".; Invalid option value. Got much',
        "word": "Unexpected argument: word",
        "--help": "it printed its help",
    }.items():
        with pytest.raises(ServerFailed, match=re.escape(f"Triton did not start: {told}") + "$"):
            serve(repository, options=(option,))


def test_a_model_that_does_not_load_is_named_with_its_reason(
    repository: Path, python_model: PythonModel, serve: Serve, infer: Infer
) -> None:
    python_model(repository, "broken", work="1 +")
    python_model(repository, "empty")
    shutil.rmtree(repository / "empty" / "1")
    python_model(repository, "odd")
    (repository / "odd" / "config.pbtxt").write_text("no config {")
    (repository / ".hidden").mkdir()
    server = serve(repository)
    failed = {each.name: each.reason for each in server.failed_models()}
    assert failed.keys() == {"broken", "empty", "odd"}
    assert "invalid syntax" in failed["broken"]
    assert "at least one version must be available" in failed["empty"]
    assert "failed to read text proto" in failed["odd"]
    assert infer(server.control, "sleeper", [0.0]) == [0.0]


def test_options_are_passed_and_configs_are_not_completed(repository: Path, serve: Serve) -> None:
    began = time.monotonic()
    server = serve(repository, options=("--rate-limit=off", "--id=mine"))
    took = time.monotonic() - began
    assert json.loads(server.control.request("GET", "/v2"))["name"] == "mine"
    assert any("strict_model_config" in line and "| 1 " in line for line in server.log_lines)
    assert any("rate_limit" in line and "OFF" in line for line in server.log_lines)
    assert 0 < server.load_seconds["sleeper"] < took
    assert has_gpu() or not any("NVML" in line for line in server.log_lines)


def test_a_repository_that_is_not_there(tmp_path: Path, serve: Serve) -> None:
    with pytest.raises(ServerFailed, match="no model repository"):
        serve(tmp_path / "none")


@pytest.mark.thorough
def test_servers_started_at_once_all_start(repository: Path, serve: Serve, infer: Infer) -> None:
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        servers = list(pool.map(lambda _: serve(repository), range(4)))
    identities = {identity_of(server.pid) for server in servers}
    assert len(identities) == 4
    assert all(infer(server.control, "sleeper", [0.0]) == [0.0] for server in servers)
    for server in servers:
        server.stop(now=True)
    assert not any(left_behind(identity) for identity in identities)


def test_a_folder_for_states_that_is_not_ours_is_a_sentence(
    serve: Serve, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "triton-kit").mkdir()
    (tmp_path / "triton-kit").chmod(0o777)
    with pytest.raises(ServerFailed, match="not this user's own folder; remove it"):
        serve(repository)


ENDS_THE_SERVER = """
import os, signal
from pathlib import Path

class TritonPythonModel:
    def initialize(self, args):
        seen = Path({seen!r})
        count = int(seen.read_text() or 0) if seen.exists() else 0
        seen.write_text(str(count + 1))
        if count < {times}:
            os.kill(os.getppid(), signal.SIGABRT)

    def execute(self, requests):
        return [None for _ in requests]
"""


def ends_the_server(repository: Path, times: int) -> Path:
    """A model that ends its server so often as it loads; returns what counts its loads."""
    seen = repository.parent / "loads"
    text = ENDS_THE_SERVER.format(seen=str(seen), times=times)
    (repository / "sleeper" / "1" / "model.py").write_text(text)
    return seen


@pytest.mark.thorough
def test_a_server_that_a_signal_ends_as_it_starts_is_started_again(repository: Path) -> None:
    said: list[str] = []
    seen = ends_the_server(repository, 1)
    with LocalServer(repository, log=said.append) as server:
        assert server.control.is_live() and not server.failed_models()
    assert seen.read_text() == "2"
    assert [line for line in said if "It is started again." in line]


@pytest.mark.thorough
def test_it_is_started_three_times_at_most(repository: Path) -> None:
    seen = ends_the_server(repository, 9)
    with pytest.raises(ServerFailed, match="Triton did not start"), LocalServer(repository):
        pass
    assert seen.read_text() == "3"
