"""Stages that answer piece by piece: on Triton as in process, and whatever goes wrong."""

from __future__ import annotations

import importlib
import os
import queue
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpc
from tritonclient.utils import InferenceServerException

from builders.kit.emit.check import check_graph
from builders.kit.emit.config import model_config
from builders.kit.graph import Asked, Model, PythonModel, Tensor, calls_of
from clients.connection.errors import RequestError
from clients.infer.client import ModelClient
from repository.arrays import Arrays, DType
from repository.check.check import check_repository
from repository.findings import errors
from repository.release import release
from runtime import processes
from runtime.inprocess import InProcess
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from runtime.watch import stubs
from runtime.watch.heal import Healer
from tests.builders.kit import repositories
from tests.waiting import until

HERE = Path(__file__).parent / "stages"
RELEASE = release("24.10")
X, Y = Tensor("x", DType.FP32, {"value": -1}), Tensor("y", DType.FP32, {"value": -1})
DOUBLE = PythonModel(
    name="double",
    inputs=(X,),
    outputs=(Y,),
    stage="toy_slow",
    parameters={"seconds": "0"},
)
TEXT = Tensor("text", DType.BYTES, {"word": -1})
PAUSE = Tensor("pause", DType.FP32, {"one": 1}, optional=True)
WORD, NUMBER = Tensor("word", DType.BYTES, {"piece": 1}), Tensor("number", DType.INT32, {"p": 1})
STREAMER = PythonModel(
    name="streamer",
    inputs=(TEXT, PAUSE),
    outputs=(WORD, NUMBER),
    stage="toy_streamer",
    streamed=True,
    asks=("double",),
    parameters={"callee": "double"},
)
FULL = replace(STREAMER, name="full", asks=(), parameters={"most": "1"})
DIES = replace(FULL, name="dies", parameters={})
RELAY = replace(
    STREAMER,
    name="relay",
    stage="toy_relay",
    asks=("streamer",),
    parameters={"callee": "streamer"},
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("streamed")
    sys.path.insert(0, str(HERE))
    importlib.invalidate_caches()
    repositories.write(folder, (DOUBLE, STREAMER, FULL, DIES, RELAY))
    yield folder
    sys.path.remove(str(HERE))


@pytest.fixture(scope="module")
def server(repository: Path, server_environment: ServerEnvironment) -> Iterator[LocalServer]:
    server = LocalServer(repository, environment=server_environment)
    server.start()
    yield server
    server.stop(now=True)


@pytest.fixture(scope="module")
def process(repository: Path) -> Iterator[InProcess]:
    with InProcess(repository) as process:
        yield process


class Stream:
    """One request on a gRPC stream of its own, and what came of it so far."""

    def __init__(self, server: LocalServer, model: str, *words: str, pause: float = 0.0) -> None:
        self.came: queue.Queue[tuple[grpc.InferResult | None, Any]] = queue.Queue()
        self.client = grpc.InferenceServerClient(server.grpc)
        self.client.start_stream(lambda result, error: self.came.put((result, error)))
        inputs = [grpc.InferInput("text", [len(words)], "BYTES")]
        inputs[0].set_data_from_numpy(np.array([each.encode() for each in words], np.object_))
        inputs.append(grpc.InferInput("pause", [1], "FP32"))
        inputs[1].set_data_from_numpy(np.array([pause], np.float32))
        self.client.async_stream_infer(model, inputs, enable_empty_final_response=True)

    def next(self) -> tuple[str | None, bool]:
        """The next piece's word, and whether it is the last.

        Raises:
            InferenceServerException: it is an error.
        """
        result, error = self.came.get(timeout=60)
        if error is not None:
            raise error
        assert result is not None
        word = result.as_numpy("word")
        final = result.get_response().parameters["triton_final_response"].bool_param
        return (None if word is None else word[0].decode()), final

    def rest(self) -> list[str]:
        """All further words; the last comes together with the end."""
        words, final = [], False
        try:
            while not final:
                word, final = self.next()
                assert word is not None
                words.append(word)
        finally:
            self.close()
        return words

    def leave(self) -> None:
        """As a client that goes away."""
        self.client.stop_stream(cancel_requests=True)
        self.client.close()

    def close(self) -> None:
        self.client.stop_stream()
        self.client.close()


def asked(server: LocalServer, model: str, *words: str, timeout: float = 60.0) -> list[str]:
    """All words of an answer, by the kit's own client."""
    with ModelClient(server.grpc, timeout) as client:
        answer = client.infer(client.served(model), given(*words))
        return [each.decode() for each in answer.outputs["word"]]


def given(*words: str, pause: float = 0.0) -> Arrays:
    text = np.array([each.encode() for each in words], np.object_)
    return {"text": text, "pause": np.array([pause], np.float32)}


def metric(server: LocalServer, name: str, model: str) -> float:
    with urllib.request.urlopen(f"http://{server.metrics}/metrics", timeout=60) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(f'{name}{{model="{model}"}}'):
                return float(line.rpartition(" ")[2])
    return -1.0


def test_a_streamed_model_is_decoupled_and_its_queue_has_no_bound(repository: Path) -> None:
    config = model_config(STREAMER)
    assert config.model_transaction_policy.decoupled
    assert not config.HasField("dynamic_batching")
    assert config.parameters["calls"].string_value == "double"
    assert calls_of(STREAMER) == ("double",)
    assert errors(check_graph([STREAMER, DOUBLE], RELEASE)) == []
    assert errors(check_repository(repository, RELEASE)) == []


@pytest.mark.parametrize(
    "model",
    [
        replace(STREAMER, max_batch_size=4, inputs=(), outputs=()),
        replace(STREAMER, response_cache=True),
    ],
)
def test_what_a_streamed_model_cannot_be(model: Model) -> None:
    found = [each.rule for each in errors(check_graph([model, DOUBLE], RELEASE))]
    assert "streamed" in found


def test_a_pipeline_that_is_asked_has_to_be_there() -> None:
    (found,) = errors(check_graph([STREAMER], RELEASE))
    assert (found.rule, found.where, found.found) == ("missing-call", "streamer", "'double'")


@pytest.mark.parametrize(
    ("takes", "gives", "found"),
    [
        ((X,), (Y,), []),
        ((X,), (), []),
        ((), (replace(Y, axes={"value": 4}),), []),
        ((replace(X, name="z"),), (Y,), ["the inputs x", "'x'"]),
        ((X,), (replace(Y, name="z"),), ["the outputs y"]),
        ((X,), (replace(Y, dtype=DType.INT32),), ["FP32 [-1]"]),
        ((X,), (replace(Y, axes={"value": -1, "width": 4}),), ["FP32 [-1]"]),
    ],
)
def test_a_pipeline_that_is_asked_has_to_take_and_give_it(
    takes: tuple[Tensor, ...], gives: tuple[Tensor, ...], found: list[str]
) -> None:
    asking = replace(STREAMER, asks=(Asked("double", takes, gives),))
    assert calls_of(asking) == ("double",)
    told = errors(check_graph([asking, DOUBLE], RELEASE))
    assert [each.found for each in told] == found
    assert {each.rule for each in told} <= {"asked-tensors"}


def test_a_stage_that_answers_once_calls_no_model_that_answers_in_pieces() -> None:
    caller = replace(DOUBLE, name="caller", asks=("streamer",))
    (found,) = errors(check_graph([caller, DOUBLE, STREAMER], RELEASE))
    assert (found.rule, found.where) == ("decoupled-call", "caller")
    assert errors(check_graph([replace(STREAMER, asks=("full",)), DOUBLE, FULL], RELEASE)) == []


def test_pieces_come_in_order_and_the_last_with_the_end(
    server: LocalServer, process: InProcess
) -> None:
    words = [f"w{number}" for number in range(50)]
    assert Stream(server, "streamer", *words).rest() == words
    answer = process.run("streamer", given(*words))
    assert [each.decode() for each in answer["word"]] == words
    assert answer["number"].tolist() == list(range(1, 51))
    assert answer["number"].dtype == np.int32


def test_a_piece_comes_as_soon_as_it_is_given(server: LocalServer) -> None:
    stream = Stream(server, "streamer", "one", "two", pause=600)
    assert stream.next() == ("one", False)
    stream.leave()


def test_an_engines_thread_calls_another_model(server: LocalServer, process: InProcess) -> None:
    assert Stream(server, "streamer", "a", "call", "b").rest() == ["a", "called 4", "b"]
    answer = process.run("streamer", given("a", "call", "b"))
    assert answer["word"].tolist() == [b"a", b"called 4", b"b"]


def test_an_engine_passes_on_what_another_streams(server: LocalServer, process: InProcess) -> None:
    stream = Stream(server, "relay", "a", "b", pause=0.05)
    assert [stream.next() for _ in range(3)] == [("a", False), ("b", False), (None, True)]
    stream.close()
    stream = Stream(server, "relay", "one", "two", pause=5)
    assert stream.next() == ("one", False), "it comes before the next one is there"
    stream.leave()
    assert process.run("relay", given("a", "b"))["word"].tolist() == [b"a", b"b"]


def test_a_call_may_be_closed_before_its_end(server: LocalServer) -> None:
    before = max(0.0, metric(server, "tmk_toy_closed_total", "relay"))
    stream = Stream(server, "relay", "a", "enough", *["word"] * 200)
    assert [stream.next() for _ in range(2)] == [("a", False), (None, True)]
    stream.close()
    until(lambda: metric(server, "tmk_toy_closed_total", "relay") == before + 1)
    assert Stream(server, "streamer", "fine").rest() == ["fine"]


def test_an_error_of_another_stream_is_passed_on(server: LocalServer) -> None:
    with pytest.raises(InferenceServerException, match="send a word"):
        Stream(server, "relay").rest()


INTERNAL = "streamer failed on this request; the server's log has the reason"


@pytest.mark.parametrize(
    ("words", "before", "code", "text"),
    [
        ((), [], "INVALID_ARG", "send a word"),
        (("crash",), [], "INTERNAL", INTERNAL),
        (("a", "fail"), ["a"], "INVALID_ARG", "not this word"),
        (("a", "broken"), ["a"], "INTERNAL", INTERNAL),
        (("a", "lacking", "b"), ["a"], "INTERNAL", INTERNAL),
        (("drop",), [], "INTERNAL", INTERNAL),
    ],
)
def test_an_error_ends_a_request_in_one_sentence(
    server: LocalServer, words: tuple[str, ...], before: list[str], code: str, text: str
) -> None:
    stream = Stream(server, "streamer", *words)
    assert [stream.next() for _ in before] == [(word, False) for word in before]
    with pytest.raises(InferenceServerException) as failure:
        stream.next()
    assert text in str(failure.value.message())
    assert "secret" not in str(failure.value)
    stream.close()
    assert stream.came.empty(), "nothing comes after the end"
    with pytest.raises(RequestError, match=text) as told:
        asked(server, "streamer", *words)
    assert told.value.code.startswith(code)
    assert asked(server, "streamer", "fine") == ["fine"]


def test_in_process_an_error_is_raised(process: InProcess) -> None:
    with pytest.raises(ValueError, match=r"^send a word$"):
        process.run("streamer", given())
    with pytest.raises(RuntimeError, match="a secret"):
        process.run("streamer", given("crash"))
    with pytest.raises(RuntimeError, match="dropped this request"):
        process.run("streamer", given("drop"))
    with pytest.raises(KeyError, match="number"):
        process.run("streamer", given("a", "lacking", "b"))


def test_a_client_that_leaves_frees_its_place_within_a_second(server: LocalServer) -> None:
    words = ["word"] * 500
    stream = Stream(server, "full", *words, pause=0.01)
    assert stream.next() == ("word", False)
    with pytest.raises(InferenceServerException, match="all places are taken"):
        Stream(server, "full", "other").rest()
    began = time.monotonic()
    stream.leave()

    def has_room() -> bool:
        try:
            return Stream(server, "full", "other").rest() == ["other"]
        except InferenceServerException:
            return False

    until(has_room)
    assert time.monotonic() - began < 5
    until(lambda: metric(server, "tmk_toy_under_way", "full") == 0)


def test_many_requests_at_once_each_get_their_own_answer(
    server: LocalServer, process: InProcess
) -> None:
    def ask(number: int) -> bool:
        words = [f"{number}-{piece}" for piece in range(5 + number % 7)]
        return Stream(server, "streamer", *words).rest() == words

    def ask_here(number: int) -> bool:
        words = [f"{number}-{piece}" for piece in range(5 + number % 7)]
        return [each.decode() for each in process.run("streamer", given(*words))["word"]] == words

    with ThreadPoolExecutor(100) as pool:
        assert all(pool.map(ask, range(200)))
        assert all(pool.map(ask_here, range(200)))
    until(lambda: metric(server, "tmk_toy_under_way", "streamer") == 0)
    assert metric(server, "tmk_toy_pieces_total", "streamer") > 1000


def test_an_engine_that_dies_fails_its_requests_and_another_takes_its_place(
    server: LocalServer, process: InProcess
) -> None:
    slow = Stream(server, "dies", "a", "b", pause=600)
    assert slow.next() == ("a", False)
    with pytest.raises(InferenceServerException, match="dies failed on this request"):
        Stream(server, "dies", "die").rest()
    with pytest.raises(InferenceServerException, match="dies failed on this request"):
        slow.next()
    slow.close()
    assert Stream(server, "dies", "fine").rest() == ["fine"]
    for _ in range(3):
        with pytest.raises(RuntimeError, match="has failed"):
            process.run("dies", given("die"))
        assert process.run("dies", given("fine"))["number"].tolist() == [1]


def test_what_is_under_way_ends_before_the_model_is_unloaded(server: LocalServer) -> None:
    words = [f"w{number}" for number in range(8)]
    stream = Stream(server, "dies", *words, pause=0.05)
    assert stream.next() == ("w0", False)
    unloading = threading.Thread(target=server.control.unload, args=("dies",))
    unloading.start()
    assert stream.rest() == words[1:]
    unloading.join()
    server.control.load("dies")
    assert Stream(server, "dies", "fine").rest() == ["fine"]


@pytest.mark.thorough
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_a_stub_that_ends_or_stands_still_does_not_end_the_server(
    server: LocalServer, end: signal.Signals
) -> None:
    """What it answers then is lost: Triton does not tell its clients, who have deadlines."""
    (stub,) = (each.pid for each in stubs.running(server.pid) if each.instance == "streamer_0_0")
    told: list[str] = []
    with Healer(server, probe_seconds=600, report=told.append):
        stream = Stream(server, "streamer", *["word"] * 100_000, pause=0.002)
        assert stream.next() == ("word", False)
        os.kill(stub, end)
        if end == signal.SIGSTOP:
            with pytest.raises(RequestError, match="is not healthy"):
                asked(server, "streamer", "during")
            time.sleep(1)  # Triton lets go of the request a moment after its client has read so
            os.kill(stub, signal.SIGCONT)
        until(lambda: not server.is_running() or any("is back after" in line for line in told))
        assert server.is_running(), "\n".join([*told, *server.log_lines[-60:]])
        for number in range(20):
            assert asked(server, "streamer", str(number)) == [str(number)]
        stream.leave()
    assert not processes.is_running(stub)


def test_over_http_one_response_is_had(server: LocalServer) -> None:
    url = f"http://{server.http}/v2/models/streamer/generate"
    body = b'{"text": "only"}'
    with urllib.request.urlopen(urllib.request.Request(url, body), timeout=60) as answer:
        assert b'"word":"only"' in answer.read().replace(b": ", b":")
