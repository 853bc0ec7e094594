"""Calls of models that answer in pieces, against a stand-in for what newer servers have.

The local server is older: it cannot cancel a call, and loses an error after a piece.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import repository.copied

HERE = Path(repository.copied.__file__).parent


class Error:
    """A ``TritonError``."""

    INTERNAL, NOT_FOUND, INVALID_ARG, UNAVAILABLE, UNSUPPORTED, ALREADY_EXISTS = range(6)

    def __init__(self, text: str) -> None:
        self.text = text

    def message(self) -> str:
        return self.text

    def code(self) -> int:
        return self.INTERNAL


class Response:
    """An ``InferenceResponse``: an error, or some numbers."""

    def __init__(self, *numbers: int, error: str = "") -> None:
        self.numbers, self.text = numbers, error

    def has_error(self) -> bool:
        return bool(self.text)

    def error(self) -> Error:
        return Error(self.text)

    def output_tensors(self) -> list[Any]:
        return [
            SimpleNamespace(name=lambda: "y", as_numpy=lambda each=each: np.array([each]))
            for each in self.numbers
        ]


class Responses:
    """The responses of a decoupled call."""

    def __init__(self, responses: Sequence[Response]) -> None:
        self.rest = iter(responses)
        self.cancelled = 0

    def __iter__(self) -> Iterator[Response]:
        return self.rest

    def cancel(self) -> None:
        self.cancelled += 1


class Server:
    """What the stand-in was asked, and what it answers."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.responses = Responses(())

    def answers(self, *responses: Response) -> None:
        self.responses = Responses(responses)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()

    def request(**asked: Any) -> Any:
        server.asked = asked

        def run(decoupled: bool = False) -> Responses:
            assert decoupled
            return server.responses

        return SimpleNamespace(exec=run)

    utils = ModuleType("triton_python_backend_utils")
    utils.__dict__.update(
        TritonError=Error,
        InferenceRequest=request,
        Tensor=lambda name, value: (name, value),
        Logger=SimpleNamespace(log_error=lambda text: None),
    )
    monkeypatch.setitem(sys.modules, utils.__name__, utils)
    monkeypatch.syspath_prepend(str(HERE))
    for name in ("calling", "client_text"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield server
    for name in ("calling", "client_text"):
        sys.modules.pop(name, None)


def pieces(*outputs: str) -> Any:
    caller = importlib.import_module("calling").Caller("caller", ["callee"])
    return caller.stream("callee", {"x": np.zeros(1)}, outputs)


def test_pieces_come_one_by_one_without_the_empty_end(server: Server) -> None:
    server.answers(Response(1), Response(2), Response())
    assert [each["y"].tolist() for each in pieces("y")] == [[1], [2]]
    assert server.asked["requested_output_names"] == ["y"]
    assert server.responses.cancelled == 0


def test_a_call_that_is_closed_early_is_cancelled(server: Server) -> None:
    server.answers(*[Response(number) for number in range(1, 10)])
    found = pieces()
    assert next(found)["y"].tolist() == [1]
    found.close()
    assert server.responses.cancelled == 1


def test_an_error_after_a_piece_is_raised_with_its_code(server: Server) -> None:
    server.answers(Response(1), Response(error="UNAVAILABLE: all is full"))
    found = pieces()
    next(found)
    with pytest.raises(RuntimeError, match=r"^all is full$") as problem:
        next(found)
    assert problem.value.code == "UNAVAILABLE"  # type: ignore[attr-defined]
    assert server.responses.cancelled == 1


def test_the_code_of_an_error_within_an_ensemble_is_kept(server: Server) -> None:
    server.answers(Response(error="in ensemble 'whole', in ensemble 'part', INVALID_ARG: no image"))
    with pytest.raises(RuntimeError, match=r"^no image$") as problem:
        next(pieces())
    assert problem.value.code == "INVALID_ARG"  # type: ignore[attr-defined]


def test_a_model_that_is_not_declared_is_refused(server: Server) -> None:
    caller = importlib.import_module("calling").Caller("caller", ["callee"])
    with pytest.raises(KeyError, match="declares no call of 'other'"):
        next(caller.stream("other", {}))
