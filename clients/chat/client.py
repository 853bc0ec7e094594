"""A decoder as a typed call: messages and images in, pieces of text out as they come."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import tritonclient.grpc as grpc

from clients.chat.answer import Answer
from clients.chat.conversation import Message
from clients.connection.bounds import PATIENCE
from clients.connection.connection import PipelineClient, tensor
from clients.connection.errors import RequestError, UnknownModel

INPUTS, OUTPUTS = frozenset({"messages", "text_input"}), frozenset({"text_output"})
"""What a model has that answers questions, by which it is found."""

LONGEST = 86_400.0
"""Seconds that a whole answer may take, however often a piece of it comes."""

AT_ONCE = 8
"""Models of a server that are looked at, at the same time."""

_NUMBERS: Mapping[str, type[np.generic]] = {
    "max_tokens": np.int32,
    "temperature": np.float32,
    "top_p": np.float32,
    "top_k": np.int32,
    "seed": np.int64,
}


@dataclass(frozen=True)
class Decoder:
    """A served model that answers questions.

    Attributes:
        name: the model's.
        inputs: the names of its inputs.
    """

    name: str
    inputs: frozenset[str]


class ChatClient(PipelineClient):
    """Asks a decoder over gRPC.

    It may be asked from several threads at once.

    Args:
        url: as :class:`.PipelineClient` takes it; so the last two.
        model: the decoder; by default the only one that the server has.
        timeout: seconds to wait for the next piece of an answer.
        patience: seconds for which a server that does not listen is asked again.
        waiting: is told, in a sentence, when a request is asked again.

    Raises:
        clients.connection.address.AddressError: the URL is not one of a gRPC server.
    """

    def __init__(
        self,
        url: str | None = None,
        model: str | None = None,
        timeout: float = 60.0,
        patience: float = PATIENCE,
        waiting: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(url, timeout, patience, waiting)
        self._model = model
        self._found: Decoder | None = None

    @property
    def address(self) -> str:
        """The server's."""
        return str(self._connection.address)

    def decoder(self) -> Decoder:
        """The model that is asked, which is looked for once.

        Raises:
            RequestError: there is none, or the one that was named answers no questions, or there
                are several and none was named, or no answer came.
        """
        if self._found is None:
            self._found = self._only() if self._model is None else self._named(self._model)
        return self._found

    def answer(
        self,
        messages: Sequence[Message],
        images: Sequence[bytes] = (),
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        top_k: int | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> Answer:
        """One answer, which is asked for as its first piece is. What is None is left to the server.

        Args:
            messages: what was said, the question last.
            images: encoded files, one for each place in the messages.
            max_tokens: the most tokens of the answer.
            temperature: 0 takes the likeliest token each time; up to 2.
            top_p: chooses from the likeliest tokens that have this share together; up to 1.
            top_k: chooses from so many of the likeliest tokens; 0 for all.
            seed: the same one gives the same answer again.
            stop: texts that end the answer.

        Raises:
            RequestError: no decoder was found, or it has no such input. The answer raises it too:
                the request was refused, or no answer came, or not all of it.
        """
        decoder = self.decoder()
        inputs = [_text("messages", [json.dumps(list(messages), ensure_ascii=False)])]
        if images:
            inputs.append(tensor("image", np.array(list(images), np.object_)))
        numbers = {
            "max_tokens": max_tokens,
            "temperature": temperature,
            "top_p": top_p,
            "top_k": top_k,
            "seed": seed,
        }
        inputs += [_number(name, each) for name, each in numbers.items() if each is not None]
        if stop:
            inputs.append(_text("stop", stop))
        for each in inputs:
            if each.name() not in decoder.inputs:
                raise RequestError(
                    "INVALID_ARGUMENT",
                    f"{each.name()}: '{decoder.name}' has no such input; leave it out",
                )
        if "stream" in decoder.inputs:
            inputs.append(tensor("stream", np.array([True])))
        results = self._connection.stream(
            decoder.name, inputs, timeout=LONGEST, wait=self._connection.timeout
        )
        return Answer(results)

    def _named(self, model: str) -> Decoder:
        try:
            found = self._looked_at(model)
        except UnknownModel as problem:
            others = ", ".join(each.name for each in self._all())
            told = f"there are: {others}" if others else "it has none that answers questions"
            raise RequestError(
                problem.code, f"the server has no model '{model}'; {told}", arguments=("model",)
            ) from problem
        if found is None:
            raise RequestError(
                "INVALID_ARGUMENT",
                f"'{model}' answers no questions: expected {_WANTED}, found others. Name another",
                arguments=("model",),
            )
        return found

    def _only(self) -> Decoder:
        found = self._all()
        if not found:
            raise RequestError(
                "NOT_FOUND",
                f"the server at {self._connection.address} has no model that answers questions, "
                f"with {_WANTED}; the profile's key families: {{decoder: }} adds one",
            )
        if len(found) > 1:
            names = ", ".join(each.name for each in found)
            raise RequestError(
                "INVALID_ARGUMENT",
                f"several models answer questions: {names}. Name one",
                arguments=("model",),
            )
        return found[0]

    def _all(self) -> list[Decoder]:
        """Those of the server that fit, by their names."""

        def looked_at(model: str) -> Decoder | None:
            try:
                return self._looked_at(model)
            except UnknownModel:  # unloaded since it was listed
                return None

        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="looking") as pool:
            found = list(pool.map(looked_at, self._connection.models()))
        return [each for each in found if each is not None]

    def _looked_at(self, model: str) -> Decoder | None:
        """A model, if it fits.

        Raises:
            UnknownModel: the server has none of that name.
            RequestError: no answer came.
        """
        metadata = self._connection.metadata(model)
        inputs = frozenset(each.name for each in metadata.inputs)
        outputs = {each.name for each in metadata.outputs}
        return Decoder(model, inputs) if inputs >= INPUTS and outputs >= OUTPUTS else None


_WANTED = "the inputs messages and text_input, and the output text_output"


def _text(name: str, texts: Sequence[str]) -> grpc.InferInput:
    try:
        encoded = [each.encode() for each in texts]
    except UnicodeEncodeError as problem:
        raise RequestError(
            "INVALID_ARGUMENT",
            f"{name}: expected Unicode text, found half of a surrogate pair, as bytes that are "
            "no UTF-8 give",
        ) from problem
    return tensor(name, np.array(encoded, np.object_))


def _number(name: str, value: Any) -> grpc.InferInput:
    kind = _NUMBERS[name]
    try:
        return tensor(name, np.array([value], kind))
    except OverflowError as problem:
        bounds = np.iinfo(kind)  # type: ignore[type-var]
        raise RequestError(
            "INVALID_ARGUMENT",
            f"{name}: expected a whole number from {bounds.min} to {bounds.max}, found {value}",
        ) from problem
