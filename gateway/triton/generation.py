"""The contract of a pipeline that writes text: its request, and its answer piece by piece.

The messages are made and read here field by field, without arrays: each token passes by.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
from google.protobuf.message import Message
from tritonclient.grpc import service_pb2

from clients.connection.address import Address
from clients.connection.streaming import EMPTY_FINAL
from gateway.errors import ApiError
from gateway.triton import failures
from repository.copied.client_text import CODED

Call = grpc.aio.UnaryStreamCall[Message, service_pb2.ModelStreamInferResponse]
Option = bool | int | float | Sequence[str]

FORMS = {
    "max_tokens": ("INT32", struct.Struct("<i")),
    "temperature": ("FP32", struct.Struct("<f")),
    "top_p": ("FP32", struct.Struct("<f")),
    "top_k": ("INT32", struct.Struct("<i")),
    "frequency_penalty": ("FP32", struct.Struct("<f")),
    "presence_penalty": ("FP32", struct.Struct("<f")),
    "seed": ("INT64", struct.Struct("<q")),
    "ignore_eos": ("BOOL", struct.Struct("<?")),
    "stream": ("BOOL", struct.Struct("<?")),
}
"""Inputs of one value -> data type and bytes; ``stop`` is a list of texts."""

OUTPUTS = ("text_output", "finish_reason", "prompt_tokens", "cached_tokens", "completion_tokens")
_SIZE = struct.Struct("<I")
_NUMBER = struct.Struct("<i")

_PARTS = 100
"""A piece's limit is set anew after such a part of it; at each piece it would cost too much."""


@dataclass(frozen=True)
class Generate:
    """What a pipeline is asked to write.

    Attributes:
        model: its name.
        prompt: a text, or a list of messages with roles; an image's part is ``{"type": "image"}``.
        images: encoded files, in the order of their parts.
        options: inputs of :data:`FORMS`, and ``stop``.
    """

    model: str
    prompt: str | Sequence[Mapping[str, Any]]
    images: Sequence[bytes] = ()
    options: Mapping[str, Option] = field(default_factory=dict)

    def request(self, *, stream: bool) -> service_pb2.ModelInferRequest:
        """As Triton takes it.

        Args:
            stream: the answer comes piece by piece, not whole.
        """
        made = service_pb2.ModelInferRequest(model_name=self.model)
        if isinstance(self.prompt, str):
            _add(made, "text_input", "BYTES", 1, _bytes([self.prompt.encode()]))
        else:
            messages = json.dumps(self.prompt, ensure_ascii=False).encode()
            _add(made, "messages", "BYTES", 1, _bytes([messages]))
        if self.images:
            _add(made, "image", "BYTES", len(self.images), _bytes(self.images))
        for name, value in {**self.options, "stream": stream}.items():
            if name == "stop":
                texts = [str(each).encode() for each in value]  # type: ignore[union-attr]
                _add(made, name, "BYTES", len(texts), _bytes(texts))
            else:
                datatype, form = FORMS[name]
                _add(made, name, datatype, 1, form.pack(value))
        for name in OUTPUTS:
            made.outputs.add(name=name)
        # Else a model that ends without a last response would never be known to have ended; and an
        # error on a stream would have no code.
        for name in (EMPTY_FINAL, CODED):
            made.parameters[name].bool_param = True
        return made


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer.

    Attributes:
        text: what was written since the last piece; may be empty in the last one.
        finish: ``stop`` or ``length`` in the last piece, else empty.
        prompt_tokens: known in the last piece; so the next two.
        cached_tokens: of the prompt, those that were computed before.
        completion_tokens: of the whole answer.
    """

    text: str
    finish: str = ""
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


class Generation:
    """An answer that is being written.

    Args:
        call: the stream of responses.
        limit: of the waiting, which each piece begins anew.
        seconds: how long a piece may take.
        address: of the server.
        model: its name.
    """

    def __init__(
        self, call: Call, limit: asyncio.Timeout, seconds: float, address: Address, model: str
    ) -> None:
        self._call, self._limit, self._seconds = call, limit, seconds
        self._address, self._model = address, model
        self._now = asyncio.get_running_loop().time
        self._set = self._now()

    async def read(self) -> Piece:
        """The next piece; the one with a finish reason is the last.

        Raises:
            ApiError: the model refused or failed, or ended in the middle.
            grpc.aio.AioRpcError: the server is not there, or ended.
        """
        now = self._now()
        if now > self._set + self._seconds / _PARTS:
            self._set = now
            self._limit.reschedule(now + self._seconds)
        message = await self._call.read()
        if not isinstance(message, service_pb2.ModelStreamInferResponse):  # the stream's end
            raise self._broken()
        if message.error_message:
            await self.end()
            raise failures.of_text(message.error_message, self._address, self._model)
        response = message.infer_response
        outputs = response.outputs
        if not outputs:
            await self.end()
            raise self._broken()
        contents = response.raw_output_contents
        # As a model gives them, which is in the order that they are declared in; a text that is
        # empty has no more than its length.
        is_usual = outputs[0].name == "text_output" and outputs[1].name == "finish_reason"
        if is_usual and len(contents[1]) == 4:
            return Piece(contents[0][4:].decode("utf-8", "replace"))
        return _piece({each.name: value for each, value in zip(outputs, contents, strict=True)})

    async def end(self) -> None:
        """Waits for the end of the stream, whose last piece or error was read.

        A stream that is cancelled right after its error may leave a request in the server, so that
        the model is never unloaded.
        """
        self._limit.reschedule(self._now() + self._seconds)
        while isinstance(await self._call.read(), service_pb2.ModelStreamInferResponse):
            pass

    def _broken(self) -> ApiError:
        told = f"the model '{self._model}' ended in the middle of its answer; ask again"
        failures.log.warning("%s", told)
        return ApiError(502, told, code="server_failed")


def _piece(values: Mapping[str, bytes]) -> Piece:
    counts = {name: _NUMBER.unpack(values[name])[0] for name in OUTPUTS[2:] if name in values}
    return Piece(
        values["text_output"][4:].decode("utf-8", "replace"),
        values.get("finish_reason", b"")[4:].decode("utf-8", "replace"),
        **counts,
    )


def _add(
    made: service_pb2.ModelInferRequest, name: str, datatype: str, size: int, content: bytes
) -> None:
    made.inputs.add(name=name, datatype=datatype, shape=[size])
    made.raw_input_contents.append(content)


def _bytes(texts: Sequence[bytes]) -> bytes:
    return b"".join(_SIZE.pack(len(each)) + each for each in texts)
