"""The pipeline over a compiled engine on a real Triton, with a stand-in for TensorRT-LLM's backend.

No GPU is here, and no engine. The stand-in has the backend's tensors, so this tries the contract,
the tokens of images, and how requests wait and end.
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpc
from tokenizers import Tokenizer

from builders.decoder.engines import contract
from builders.kit.graph import Model
from clients.chained import request_input
from clients.connection.address import parse
from clients.connection.connection import Connection
from clients.connection.errors import RequestError
from repository.arrays import Arrays
from runtime.inprocess import InProcess, NotInProcess
from runtime.server.server import LocalServer
from tests.builders.decoder.conftest import DEMO
from tests.builders.decoder.engines.test_legacy import made
from tests.builders.kit import repositories
from tests.waiting import until

STANDIN = Path(__file__).parent / "standins" / "engine"
WIDTH, ROWS, VOCABULARY = 160, 64, 640
OUTPUTS = [each.name for each in contract.OUTPUTS]


class Served:
    """The repository on a server.

    Attributes:
        triton: the server.
        tokenizer: the checkpoint's.
    """

    def __init__(self, triton: LocalServer, folder: Path) -> None:
        self.triton = triton
        self.tokenizer = Tokenizer.from_file(str(DEMO / "tokenizer.json"))
        self._model = folder / "tensorrt_llm" / "1"

    def gauge(self, name: str) -> float:
        """The value of ``tmk_decoder_<name>``."""
        with urllib.request.urlopen(f"http://{self.triton.metrics}/metrics", timeout=60) as answer:
            (line,) = (
                each
                for each in answer.read().decode().splitlines()
                if each.startswith(f"tmk_decoder_{name}{{")
            )
        return float(line.split()[-1])

    def answers(self, text: str, *more: int, **told: Any) -> int:
        """What the engine answers from now on; how many tokens the text has."""
        tokens = self.tokenizer.encode(text, add_special_tokens=False).ids
        part = self._model / "answer.part"
        part.write_text(json.dumps({"tokens": [*tokens, *more], **told}))
        part.rename(self._model / "answer.json")
        return len(tokens)

    def go(self) -> None:
        """Lets the engine go on that waits for it."""
        (self._model / "go").touch()

    def asked(self) -> dict[str, np.ndarray]:
        """What the engine was asked last."""
        with np.load(self._model / "asked.npz") as found:
            return dict(found)

    def ask(self, **inputs: Any) -> list[Arrays]:
        """The pieces of an answer."""
        asked = [request_input(name, _array(value)) for name, value in inputs.items()]
        connection = Connection(parse(self.triton.grpc), 60)
        try:
            pieces = connection.stream("generate", asked)
            return [{name: _output(each, name) for name in OUTPUTS} for each in pieces]
        finally:
            connection.close()


def _output(piece: grpc.InferResult, name: str) -> np.ndarray:
    found = piece.as_numpy(name)
    assert found is not None
    return found


def _array(value: Any) -> np.ndarray:
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, str):
        return np.array([value.encode()], np.object_)
    kind = {bool: np.bool_, int: np.int32, float: np.float32}[type(value)]
    return np.array([value], kind)


def text_of(pieces: list[Arrays]) -> str:
    return b"".join(each["text_output"][0] for each in pieces).decode()


def _python(model: Model) -> Model:
    """The engine's model as one that the local Triton can serve."""
    files = {"model.py": STANDIN / "model.py"}
    return replace(model, backend="python", files=files)  # type: ignore[call-arg]


def repository(folder: Path, **keys: Any) -> Path:
    model = made(images=2, **keys)
    exports = {each.name: folder / each.name for each in model.exports}
    folder.mkdir(exist_ok=True)
    for each in model.exports:
        each.make(DEMO, exports[each.name])
    out = folder / "repository"
    repositories.write(out, [replace(model, calls=tuple(map(_python, model.calls)))], exports)
    return out


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = repository(tmp_path_factory.mktemp("engine"), slots=2, waiting=1)
    with LocalServer(folder) as triton:
        yield Served(triton, folder)


def test_an_answer_in_one_response(served: Served) -> None:
    tokens = served.answers("a red ring", 5)
    (piece,) = served.ask(text_input="What is there?")
    assert text_of([piece]) == "a red ring"
    assert piece["finish_reason"].tolist() == [b"stop"]
    assert piece["completion_tokens"].tolist() == [tokens + 1]
    prompt = served.tokenizer.encode("What is there?").ids
    assert piece["prompt_tokens"].tolist() == [len(prompt)]
    assert served.asked()["input_ids"].tolist() == [prompt]


def test_an_answer_in_pieces(served: Served) -> None:
    served.answers("a red ring", 5)
    pieces = served.ask(text_input="What is there?", stream=True)
    assert text_of(pieces) == "a red ring"
    assert len(pieces) > 2
    assert [each["finish_reason"][0] for each in pieces[:-1]] == [b""] * (len(pieces) - 1)
    assert pieces[-1]["finish_reason"].tolist() == [b"stop"]


def test_a_curl_gets_it_too(served: Served) -> None:
    served.answers("a red ring", 5)
    body = json.dumps({"text_input": "What?", "max_tokens": 9}).encode()
    address = f"http://{served.triton.http}/v2/models/generate/generate"
    with urllib.request.urlopen(address, body, timeout=60) as response:
        assert json.loads(response.read())["text_output"] == "a red ring"


def test_an_engine_that_keeps_the_last_token_to_itself(served: Served) -> None:
    served.answers("a red ring", 5, silent=True)
    (piece,) = served.ask(text_input="What?")
    assert (text_of([piece]), piece["finish_reason"][0]) == ("a red ring", b"stop")


def test_as_many_tokens_as_were_asked_for(served: Served) -> None:
    served.answers("a red ring and a blue one", 5)
    (piece,) = served.ask(text_input="What?", max_tokens=2)
    assert piece["finish_reason"].tolist() == [b"length"]
    assert piece["completion_tokens"].tolist() == [2]


def test_a_stop_text_ends_it_wherever_tokens_begin(served: Served) -> None:
    served.answers("a red ring and more", 5)
    (piece,) = served.ask(text_input="What?", stop=np.array([b"d ri"], np.object_))
    assert (text_of([piece]), piece["finish_reason"][0]) == ("a re", b"stop")


def test_images_are_rows_of_the_table(served: Served) -> None:
    served.answers("a ring", 5)
    rows = np.random.default_rng(1).standard_normal((2 * ROWS, WIDTH)).astype(np.float32)
    part = [{"type": "image"}, {"type": "image"}, {"type": "text", "text": "What?"}]
    messages = json.dumps([{"role": "user", "content": part}])
    (piece,) = served.ask(messages=messages, image_embeds=rows)
    asked = served.asked()
    assert np.array_equal(asked["prompt_embedding_table"][0], rows.astype(np.float16))
    ids = asked["input_ids"][0]
    assert ids[ids >= VOCABULARY].tolist() == list(range(VOCABULARY, VOCABULARY + 2 * ROWS))
    assert piece["prompt_tokens"].item() == len(ids) == asked["input_lengths"].item()


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another width": (
        {"text_input": "<image>", "image_embeds": np.zeros((4, 8), np.float32)},
        "Expected [-1,160]",
    ),
    "files": ({"text_input": "x", "image": "png"}, "takes no images"),
    "more rows than an image has": (
        {"text_input": "<image>", "image_embeds": np.zeros((ROWS + 1, WIDTH), np.float32)},
        "at most 64 rows of an image",
    ),
    "no place": (
        {"text_input": "x", "image_embeds": np.zeros((4, WIDTH), np.float32)},
        "each of the 0 places for images",
    ),
    "beyond FP16": (
        {"text_input": "<image>", "image_embeds": np.full((4, WIDTH), 1e6, np.float32)},
        "as FP16 holds",
    ),
    "a long prompt": ({"text_input": "word " * 900}, "which the engine was built for"),
    "too many tokens": ({"text_input": "x", "max_tokens": 600}, "max_tokens: expected at most"),
    "neither": ({"max_tokens": 1}, "found neither"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_in_a_sentence(served: Served, case: str) -> None:
    served.answers("a ring", 5)
    inputs, told = REFUSED[case]
    with pytest.raises(RequestError) as problem:
        served.ask(**inputs)
    assert told in str(problem.value)
    assert "\n" not in str(problem.value)
    assert text_of(served.ask(text_input="What?")) == "a ring"


def test_an_engine_that_fails_tells_nothing_of_its_inside(served: Served) -> None:
    served.answers("", error="Executor failed at /app/engine.cc:12")
    with pytest.raises(RequestError, match="'tensorrt_llm' failed on this request"):
        served.ask(text_input="What?")
    served.answers("a ring", 5)
    assert text_of(served.ask(text_input="What?")) == "a ring"


def test_a_crowd_waits_and_is_refused_beyond_that(served: Served) -> None:
    served.answers("a red ring", 5, until="go")

    def one(_: int) -> str:
        try:
            return text_of(served.ask(text_input="What?"))
        except RequestError as problem:
            return str(problem)

    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(one, number) for number in range(6)]
        # Two are with the engine, and one waits.
        until(lambda: sum(each.done() for each in asked) == 3)
        refused = [each.result() for each in asked if each.done()]
        until(lambda: (served.gauge("waiting"), served.gauge("running")) == (1, 2))
        served.go()
        came = [each.result() for each in asked]
    assert all("2 requests are being answered and 1 wait" in each for each in refused)
    assert came.count("a red ring") == 3
    until(lambda: (served.gauge("waiting"), served.gauge("running")) == (0, 0))


def test_a_client_that_leaves_frees_its_place(served: Served) -> None:
    served.answers("a red ring and a red ring and a red ring", 5, seconds=0.05)
    gone = [_leave(served) for _ in range(2)]
    for leave in gone:
        leave()
    served.answers("a ring", 5)

    def answered() -> bool:
        try:
            return text_of(served.ask(text_input="What?")) == "a ring"
        except RequestError as problem:
            assert "wait" in str(problem)
            return False

    until(answered)


def _leave(served: Served) -> Callable[[], None]:
    """A stream that has begun, and what leaves it."""
    client, begun = grpc.InferenceServerClient(served.triton.grpc), threading.Event()
    client.start_stream(lambda result, error: begun.set())
    asked = {"text_input": "What?", "stream": True}
    inputs = [request_input(name, _array(value)) for name, value in asked.items()]
    client.async_stream_infer("generate", inputs)
    assert begun.wait(60)

    def leave() -> None:
        client.stop_stream(cancel_requests=True)
        client.close()

    return leave


def test_in_process_it_cannot_run(tmp_path: Path) -> None:
    model = made(images=2)
    exports = {each.name: tmp_path / each.name for each in model.exports}
    for each in model.exports:
        each.make(DEMO, exports[each.name])
    out = tmp_path / "repository"
    repositories.write(out, [model], exports)
    with InProcess(out) as process, pytest.raises(NotInProcess, match="tensorrtllm"):
        process.run("generate", {"text_input": np.array([b"What?"], np.object_)})
