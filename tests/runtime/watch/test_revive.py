"""``serve`` starts a server that died again: the same ports, a new process, the next answer."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as grpcclient
from tritonclient.utils import InferenceServerException

from runtime import processes
from runtime.errors import ServerFailed
from runtime.options.addresses import Address
from runtime.server import deaths
from runtime.server.control import CallFailed, Control
from runtime.watch import stubs
from runtime.watch.counters import Counters, Exposed
from tests.conftest import Serve
from tests.runtime.fixtures import Infer, PythonModel
from tests.runtime.serving import FREE_PORTS, Serving

TEXT = """
name: "text" backend: "python" max_batch_size: 0
input { name: "x" data_type: TYPE_FP32 dims: [-1] }
output { name: "text" data_type: TYPE_STRING dims: [-1] }
instance_group { count: 1 kind: KIND_CPU }
"""
WORDS = """
import numpy, triton_python_backend_utils as pb

class TritonPythonModel:
    def execute(self, requests):
        return [pb.InferenceResponse([pb.Tensor("text", numpy.array([b"a", b"b"], object))])
                for _ in requests]
"""
GOOD = b'{"inputs":[{"name":"x","datatype":"FP32","shape":[2],"data":[0,7]}]}'


def asked(**changes: object) -> bytes:
    tensor = {"name": "x", "datatype": "FP32", "shape": [1], "data": [0]} | changes
    return json.dumps({"inputs": [tensor]}).encode()


DEADLY = {
    "a shape beyond 64 bits": asked(shape=[4611686018427387904]),
    "the largest shape, without data": asked(shape=[9223372036854775807], data=[]),
    "a shape that is not there": asked(shape=[1099511627776]),
    "fifty dimensions": asked(shape=[3] * 50),
    "classes of words": json.dumps(
        json.loads(GOOD) | {"outputs": [{"name": "text", "parameters": {"classification": 5}}]}
    ).encode(),
    "lists in lists": b"[" * 3_000_000,
    "data in data": asked(data=0).replace(b'"data": 0', b'"data": ' + b"[" * 38000 + b"]" * 38000),
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, python_model: PythonModel) -> Path:
    folder = tmp_path_factory.mktemp("revive")
    python_model(folder, "sleeper")
    (folder / "text" / "1").mkdir(parents=True)
    (folder / "text" / "config.pbtxt").write_text(TEXT)
    (folder / "text" / "1" / "model.py").write_text(WORDS)
    return folder


Start = Callable[..., Serving]


@pytest.fixture
def start(repository: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts ``serve`` with options, and waits until it is ready."""
    started: list[Serving] = []

    def serve(*options: str) -> Serving:
        arguments = [str(repository), "--no-verify", *FREE_PORTS, *options]
        serving = Serving(arguments, tmp_path / f"log{len(started)}")
        started.append(serving)
        serving.wait_until_ready()
        return serving

    yield serve
    for serving in started:
        serving.end()


def http_of(serving: Serving) -> str:
    return serving.address("HTTP").removeprefix("http://")


def answer(serving: Serving, body: bytes = GOOD, model: str = "sleeper") -> bytes:
    """The whole answer of one request, on a connection of its own."""
    connection = http.client.HTTPConnection(http_of(serving), timeout=60)
    try:
        connection.request("POST", f"/v2/models/{model}/infer", body)
        return connection.getresponse().read()
    finally:
        connection.close()


def metrics(url: str) -> dict[str, float]:
    with urllib.request.urlopen(url, timeout=60) as answered:
        lines = answered.read().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


class Users:
    """Clients that ask all the time, and tell a wrong answer from none.

    Args:
        serving: whom.
        expected: the right answer.
    """

    def __init__(self, serving: Serving, expected: bytes) -> None:
        self._serving, self._expected = serving, expected
        self.wrong: list[bytes] = []
        self.right = 0
        self.lost = 0
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(3)]

    def __enter__(self) -> Users:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._ended.is_set():
            try:
                got = answer(self._serving)
            except (OSError, http.client.HTTPException):
                self.lost += 1
                time.sleep(0.02)
                continue
            if got == self._expected:
                self.right += 1
            else:
                self.wrong.append(got)

    def wait_for_answers(self, count: int = 5, seconds: float = 60.0) -> None:
        wanted, deadline = self.right + count, time.monotonic() + seconds
        while self.right < wanted:
            assert time.monotonic() < deadline, "no more answers"
            time.sleep(0.02)


@pytest.mark.thorough
def test_a_killed_server_is_back_on_its_ports_and_is_healed_and_counted(
    start: Start,
) -> None:
    serving = start("--runtime-metrics-port=0")
    counters = serving.address("runtime")
    before = metrics(counters)
    assert before["triton_runtime_server_ready"] == 1
    assert before["triton_runtime_server_restarts_total"] == 0
    expected = answer(serving)
    ends = [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL]
    seen = []
    with Users(serving, expected) as users:
        for number, end in enumerate(ends, 1):
            users.wait_for_answers()
            seen.append(serving.server())
            os.kill(seen[-1], end)
            serving.wait_until_told("Triton is ready again", times=number)
            assert f"was ended by signal {end.value} ({end.name}); " in serving.log.read_text()
        users.wait_for_answers()
    assert users.wrong == []
    assert users.lost
    assert serving.server() not in seen
    with grpcclient.InferenceServerClient(serving.address("gRPC")) as client:
        assert client.is_model_ready("text")
    after = metrics(counters)
    assert after["triton_runtime_server_restarts_total"] == len(ends)
    assert after["triton_runtime_server_ready"] == 1
    assert (
        after["triton_runtime_server_ready_since_seconds"]
        > (before["triton_runtime_server_ready_since_seconds"])
    )
    for end in ends:
        assert after[f'triton_runtime_server_deaths_total{{cause="{end.name}"}}'] == 1
    with pytest.raises(CallFailed, match="restricted"):
        Control(http_of(serving)).index()
    # The healer has the new server's key, and watches the new stubs.
    victim = next(s for s in stubs.running(serving.server()) if s.instance.startswith("text"))
    os.kill(victim.pid, signal.SIGKILL)
    serving.wait_until_told("model 'text' is back after")
    serving.process.terminate()
    assert serving.process.wait(timeout=60) == 0
    assert "Traceback" not in serving.log.read_text()


QUICK = ("a shape beyond 64 bits", "classes of words", "data in data")


@pytest.mark.thorough
@pytest.mark.parametrize(
    "names",
    [
        QUICK,
        *(pytest.param((each,), marks=pytest.mark.slow) for each in DEADLY if each not in QUICK),
    ],
)
def test_after_a_request_that_ends_the_server_the_next_one_gets_its_answer(
    start: Start, names: tuple[str, ...]
) -> None:
    serving = start()
    expected = {model: answer(serving, model=model) for model in ("sleeper", "text")}
    assert b'"data":["a","b"]' in expected["text"]
    for number, name in enumerate(names, 1):
        server = serving.server()
        with pytest.raises((OSError, http.client.HTTPException)):
            answer(serving, DEADLY[name], "text")
        serving.wait_until_told("Triton is ready again", times=number)
        assert serving.server() != server
        assert {model: answer(serving, model=model) for model in expected} == expected, name
    log = serving.log.read_text()
    assert log.count("a request may have done that. ") == len(names)
    # What it still says itself is shown; of a stack that is full it says nothing any more.
    assert log.count("Signal (6) received.\n   0# ") == log.count("signal 6 (SIGABRT)")


def send_chunks(serving: Serving) -> None:
    """A body of 600,000 chunks of one byte."""
    host, _, port = http_of(serving).partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        head = (
            "POST /v2/models/text/infer HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        connection.sendall(head.encode() + b"1\r\n \r\n" * 600_000 + b"0\r\n\r\n")
        if not connection.recv(1):
            raise ConnectionResetError


def ask_for_classes(serving: Serving) -> None:
    """Classes of words, over gRPC."""
    with grpcclient.InferenceServerClient(serving.address("gRPC")) as client:
        tensor = grpcclient.InferInput("x", [1], "FP32")
        tensor.set_data_from_numpy(np.zeros(1, np.float32))
        client.infer(
            "text", [tensor], outputs=[grpcclient.InferRequestedOutput("text", class_count=1)]
        )


@pytest.mark.slow
@pytest.mark.parametrize("ask", [send_chunks, ask_for_classes])
def test_after_other_deadly_requests_too(start: Start, ask: Callable[[Serving], None]) -> None:
    serving = start()
    expected = answer(serving, model="text")
    with pytest.raises((OSError, InferenceServerException)):
        ask(serving)
    serving.wait_until_told("Triton is ready again")
    assert answer(serving, model="text") == expected


@pytest.mark.slow
def test_a_server_that_goes_on_dying_is_given_up_with_a_sentence(start: Start) -> None:
    serving = start("--restarts=1")
    os.kill(serving.server(), signal.SIGKILL)
    serving.wait_until_told("Triton is ready again")
    os.kill(serving.server(), signal.SIGKILL)
    assert serving.process.wait(timeout=60) == 1
    log = serving.log.read_text()
    assert "error: Triton was ended by signal 9 (SIGKILL)" in log
    assert "done 1 times within ten minutes, as often as is allowed (--restarts)." in log
    assert "Traceback" not in log


def test_a_server_that_is_not_to_be_started_again_ends_with_a_failure(start: Start) -> None:
    serving = start("--restarts=0")
    os.kill(serving.server(), signal.SIGSEGV)
    assert serving.process.wait(timeout=60) == 1
    log = serving.log.read_text()
    assert "ended by signal 11 (SIGSEGV)" in log
    assert "Signal (11) received" in log
    assert "It is not started again" in log


@pytest.mark.slow
def test_a_server_that_somebody_else_asked_to_end_stays_ended(start: Start) -> None:
    serving = start()
    os.kill(serving.server(), signal.SIGTERM)
    assert serving.process.wait(timeout=60) == 1
    assert "because another program asked it to" in serving.log.read_text()


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM]
)
def test_a_signal_while_it_is_started_again_ends_all(start: Start, number: int) -> None:
    serving = start()
    before = serving.server()
    os.kill(before, signal.SIGKILL)
    serving.wait_until_told("It is started again now")
    serving.process.send_signal(number)
    assert serving.process.wait(timeout=60) == 0
    log = serving.log.read_text()
    assert "Traceback" not in log
    with pytest.raises(OSError):
        answer(serving)


@pytest.mark.slow
def test_the_killed_guard_is_a_death_like_another(start: Start) -> None:
    serving = start()
    expected = answer(serving)
    (guard,) = processes.children(serving.process.pid)
    os.kill(guard, signal.SIGKILL)
    serving.wait_until_told("Triton is ready again")
    assert answer(serving) == expected


@pytest.mark.slow
def test_a_model_that_does_not_load_again_is_tried_again_and_told(
    tmp_path: Path, python_model: PythonModel
) -> None:
    python_model(tmp_path / "models", "sleeper")
    arguments = [str(tmp_path / "models"), "--no-verify", *FREE_PORTS, "--restarts=2"]
    serving = Serving(arguments, tmp_path / "log")
    try:
        serving.wait_until_ready()
        (tmp_path / "models" / "sleeper" / "1" / "model.py").write_text("1 +")
        os.kill(serving.server(), signal.SIGKILL)
        assert serving.process.wait(timeout=60) == 1
        log = serving.log.read_text()
        assert "It could not be started again: 1 model(s) did not load:\n  sleeper: " in log
        assert "that was done 2 times" in log
    finally:
        serving.end()


def test_a_restarted_server_has_its_ports_another_process_and_another_key(
    serve: Serve, repository: Path, infer: Infer
) -> None:
    server = serve(repository)
    before = (server.http, server.grpc, server.metrics)
    pid, key = server.pid, server.admin_key
    os.kill(pid, signal.SIGKILL)
    assert server.wait() == 128 + signal.SIGKILL
    host, _, port = server.http.partition(":")
    with socket.create_server((host, int(port))):  # by somebody who insists
        with pytest.raises(ServerFailed, match=f"'{host}:{port}' already in use"):
            server.restart()
        assert not server.is_running()
    server.restart()
    assert (server.http, server.grpc, server.metrics) == before
    assert server.pid != pid
    assert server.admin_key != key
    assert [each.ready for each in server.control.index()] == [True, True]
    assert infer(server.control, "sleeper", [0.0]) == [0.0]
    with pytest.raises(CallFailed, match="restricted"):
        Control(server.http, admin_key=key).index()


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (139, "Triton was ended by signal 11 (SIGSEGV); a request may have done that"),
        (-9, "Triton was ended by signal 9 (SIGKILL); somebody killed it, or memory ran out"),
        (1, "Triton ended by itself with exit code 1"),
        (128, "Triton ended by itself with exit code 128"),
        (255, "Triton ended by itself with exit code 255"),
    ],
)
def test_how_it_ended_is_told(code: int, told: str) -> None:
    assert deaths.sentence(code) == told


def test_the_last_lines_are_without_information_and_tables() -> None:
    info = 'I1123 14:44:34.335603 8767 model_lifecycle.cc:472] "loading: echo:1"'
    error = 'E1123 14:44:34.335603 8767 a.cc:1] "it is bad"'
    lines = [
        info,
        "Error: Failed to initialize NVML",
        "+---+",
        "| a |",
        "",
        error,
        "Signal (11) received.",
        " 0# main",
        info,
    ]
    assert deaths.last_lines(lines) == [
        "14:44:34.335 error: it is bad",
        "Signal (11) received.",
        " 0# main",
    ]
    assert len(deaths.last_lines([error] * 50)) == 12
    frames = [f" {number}# frame" for number in range(40)]
    told = deaths.last_lines(["x", "a", "b", "what(): it", "Signal (6) received.", *frames])
    assert told == ["a", "b", "what(): it", "Signal (6) received.", *frames[:8]]


def test_the_counters_are_at_one_path_only_and_a_port_in_use_is_a_sentence() -> None:
    counters, address = Counters(), Address("127.0.0.1")
    counters.died("SIGSEGV")
    counters.died("SIGSEGV")
    with Exposed(counters, address, 0) as exposed:
        assert metrics(exposed.url)['triton_runtime_server_deaths_total{cause="SIGSEGV"}'] == 2
        assert metrics(exposed.url)["triton_runtime_server_ready"] == 0
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(exposed.url.replace("/metrics", "/"), timeout=60)
        port = int(exposed.url.rpartition(":")[2].partition("/")[0])
        with pytest.raises(ServerFailed, match=f"runtime metrics port {port} on"):
            Exposed(counters, address, port)
