"""The remote engine in a real Triton: answers, streams, errors, cancelled requests, metrics."""

from __future__ import annotations

import json
import queue
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpc
from tritonclient.utils import InferenceServerException

from builders.decoder.engines.contract import NAME
from builders.decoder.engines.remote import pipeline
from builders.decoder.remote_options import RemoteOptions
from repository.check.check import check_repository
from repository.copied.client_text import CODED
from repository.findings import errors
from repository.release import release
from runtime.inprocess import InProcess
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.builders.decoder.remote.asking import metric
from tests.builders.decoder.remote.stub import Exchange, Stub, echoes, says, stub
from tests.builders.kit import repositories
from tests.waiting import until

KEY = "sk-served-0123456789"


@pytest.fixture(scope="module")
def server() -> Iterator[Stub]:
    with stub() as server:
        yield server


@pytest.fixture(autouse=True)
def _right(server: Stub) -> None:
    server.behave = echoes


@pytest.fixture(scope="module")
def repository(server: Stub, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("remote")
    remote = RemoteOptions(url=server.url, model="toy", api_key_env="DECODER_KEY", retries=0)
    model = pipeline(remote, slots=2, waiting=1, max_tokens=2000)
    repositories.write(folder, (model,))
    return folder


@pytest.fixture(scope="module")
def triton(repository: Path, server_environment: ServerEnvironment) -> Iterator[LocalServer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECODER_KEY", KEY)
        triton = LocalServer(repository, environment=server_environment)
        triton.start()
    yield triton
    triton.stop(now=True)


def _post(triton: LocalServer, path: str, **body: Any) -> bytes:
    url = f"http://{triton.http}/v2/models/{NAME}/{path}"
    request = urllib.request.Request(url, json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: bytes = answer.read()
        return found


class Stream:
    """A request on a gRPC stream of its own."""

    def __init__(self, triton: LocalServer, text: str) -> None:
        self._came: queue.Queue[tuple[grpc.InferResult | None, Any]] = queue.Queue()
        self._client = grpc.InferenceServerClient(triton.grpc)
        self._client.start_stream(lambda result, error: self._came.put((result, error)))
        inputs = [
            grpc.InferInput("text_input", [1], "BYTES"),
            grpc.InferInput("stream", [1], "BOOL"),
        ]
        inputs[0].set_data_from_numpy(np.array([text.encode()], np.object_))
        inputs[1].set_data_from_numpy(np.array([True]))
        # Triton's streams have no codes.
        self._client.async_stream_infer(
            NAME, inputs, enable_empty_final_response=True, parameters={CODED: True}
        )

    def next(self) -> tuple[str, str, bool]:
        """A response's text, its reason, and whether it is the last."""
        result, error = self._came.get(timeout=60)
        if error is not None:
            raise error
        assert result is not None
        text, reason = result.as_numpy("text_output"), result.as_numpy("finish_reason")
        assert text is not None
        assert reason is not None
        final = result.get_response().parameters["triton_final_response"].bool_param
        return text[0].decode(), reason[0].decode(), final

    def leave(self) -> None:
        self._client.stop_stream(cancel_requests=True)
        self._client.close()


def test_the_repository_is_right(repository: Path) -> None:
    assert errors(check_repository(repository, release("24.10"))) == []


def test_one_answer_over_http(triton: LocalServer, server: Stub) -> None:
    answer = json.loads(_post(triton, "generate", text_input="Zwölf Boxkämpfer"))
    assert answer["text_output"] == "Zwölf Boxkämpfer"
    assert answer["finish_reason"] == "stop"
    assert (answer["prompt_tokens"], answer["completion_tokens"]) == (7, 1)
    assert server.last().headers["authorization"] == f"Bearer {KEY}"


def test_a_stream_over_http(triton: LocalServer, server: Stub) -> None:
    server.behave = says("Two ", "circles")
    body = _post(triton, "generate_stream", text_input="How many?", stream=True).decode()
    events = [json.loads(line[5:]) for line in body.splitlines() if line.startswith("data:")]
    assert [each["text_output"] for each in events] == ["Two ", "circles", ""]
    assert events[-1]["finish_reason"] == "stop"


def test_the_last_piece_comes_with_the_end(triton: LocalServer, server: Stub) -> None:
    server.behave = says("Two ", "circles", finish="length")
    stream = Stream(triton, "How many?")
    came = [stream.next() for _ in range(3)]
    assert came == [("Two ", "", False), ("circles", "", False), ("", "length", True)]
    stream.leave()


def test_a_client_that_leaves_closes_the_remote_connection(
    triton: LocalServer, server: Stub
) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.head()
        exchange.text("first")
        exchange.wait_closed()

    server.behave = behave
    streams = [Stream(triton, str(number)) for number in range(2)]
    assert [each.next()[0] for each in streams] == ["first", "first"]
    until(lambda: metric(triton, "running") == 2)
    for each in streams:
        each.leave()
    for exchange in server.exchanges[-2:]:
        assert exchange.closed.wait(60)
    until(lambda: metric(triton, "running") == 0)
    server.behave = echoes
    assert json.loads(_post(triton, "generate", text_input="next"))["text_output"] == "next"


def test_more_than_may_wait_are_refused(triton: LocalServer, server: Stub) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.head()
        exchange.text("first")
        exchange.wait_closed()

    server.behave = behave
    streams = [Stream(triton, str(number)) for number in range(3)]
    until(lambda: (metric(triton, "running"), metric(triton, "waiting")) == (2, 1))
    refused = Stream(triton, "too many")
    with pytest.raises(InferenceServerException, match=r"UNAVAILABLE: .* try again later"):
        refused.next()
    for each in (*streams, refused):
        each.leave()
    until(lambda: (metric(triton, "running"), metric(triton, "waiting")) == (0, 0))


def test_errors_have_their_codes_and_one_sentence(triton: LocalServer, server: Stub) -> None:
    server.behave = lambda it: it.body_of("400 Bad", b'{"error": {"message": "too long"}}')
    with pytest.raises(urllib.error.HTTPError) as raised:
        _post(triton, "generate", text_input="hello")
    assert raised.value.code == 400
    assert json.loads(raised.value.read())["error"].endswith("refused the request: too long")

    def half(exchange: Exchange) -> None:
        exchange.head()
        exchange.text("half")
        exchange.data({"error": "gone"})

    server.behave = half
    stream = Stream(triton, "hello")
    assert stream.next()[0] == "half"
    with pytest.raises(InferenceServerException, match=r"UNAVAILABLE: .* an error: gone"):
        stream.next()
    stream.leave()


def test_metrics_count_tokens(triton: LocalServer, server: Stub) -> None:
    names = [f"{name}_tokens_total" for name in ("prompt", "cached", "generated")]
    before = [metric(triton, name) for name in names]
    server.behave = says(*"a" * 1000)
    _post(triton, "generate", text_input="hello")
    # What earlier tests broke off may be counted meanwhile: a token each.
    until(lambda: metric(triton, names[2]) - before[2] >= 1000)
    grown = [metric(triton, name) - max(old, 0) for name, old in zip(names, before, strict=True)]
    assert grown[:2] == [7, 3]
    assert grown[2] < 1010
    assert metric(triton, "slots") == 2


def test_in_process_it_answers_too(
    repository: Path, server: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DECODER_KEY", KEY)
    with InProcess(repository) as process:
        answer = process.run(NAME, {"text_input": np.array([b"hello"], np.object_)})
    assert answer["text_output"].tolist() == [b"hello"]


def test_without_its_key_it_does_not_load(
    repository: Path, server_environment: ServerEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DECODER_KEY", raising=False)
    with InProcess(repository) as process, pytest.raises(RuntimeError, match="DECODER_KEY"):
        process.load(NAME)
