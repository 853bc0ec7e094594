"""One request on a gRPC stream of its own, by which a decoupled model answers in pieces.

An error on a stream is a text, without a status. So the kit's own models are asked to write the
code before the text. Triton's header ``triton_grpc_error``, by which an error ends the stream with
its status, is left out on purpose: a server of 24.10 aborts when some streams at once end so
("ASSERTION FAILED: prior > 0", once in a few thousand errors).
"""

from __future__ import annotations

import contextlib
import math
import re
import threading
import time
from collections.abc import Sequence
from typing import Any

import grpc
from tritonclient.grpc import (
    InferenceServerClient,
    InferenceServerException,
    InferInput,
    InferResult,
    service_pb2,
)

from repository.copied.client_text import CODED, split_code

_STATUS = {"INVALID_ARG": "INVALID_ARGUMENT", "UNSUPPORTED": "UNIMPLEMENTED"}
"""The gRPC status of each of Triton's codes, where it has another name."""

_OF_TRITON = (
    ("NOT_FOUND", re.compile("Request for unknown model")),
    ("UNAVAILABLE", re.compile(r"Exceeds maximum queue size|Request timeout expired|not ready")),
    ("INVALID_ARGUMENT", re.compile(r"expected \d+ inputs|unexpected |inference input|input '")),
)
"""What Triton itself says, and the gRPC status with which it answers a request of one answer so."""

FINAL = "triton_final_response"
EMPTY_FINAL = "triton_enable_empty_final_response"
"""Triton's parameters: of an answer, whether it is the last one; of a request, that an end without
outputs is told too."""


class Late(InferenceServerException):
    """A piece of an answer did not come in time.

    Attributes:
        seconds: how long it was waited for.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__("Deadline Exceeded", "StatusCode.DEADLINE_EXCEEDED")
        self.seconds = seconds


class Call:
    """A request that is answered in pieces.

    Args:
        client: its connection, which many calls may share.
        request: as :func:`request_of` makes it.
        timeout: seconds that the whole answer may take.
        wait: seconds that each piece may take; None is as long as the answer.
    """

    def __init__(
        self,
        client: InferenceServerClient,
        request: service_pb2.ModelInferRequest,
        timeout: float,
        wait: float | None = None,
    ) -> None:
        self._call = client._client_stub.ModelStreamInfer(iter([request]), timeout=timeout)
        self._wait = wait
        self._ended = threading.Event()
        self._final = False
        self._late = False
        self._until = math.inf
        if wait is not None:
            threading.Thread(target=self._watch, args=(wait,), daemon=True).start()

    def next(self) -> InferResult | None:
        """The next piece; None after the last one.

        Raises:
            InferenceServerException: an error ended the answer, or it did not come in time.
        """
        while not self._ended.is_set():
            if self._final:
                self._end()
                break
            try:
                answer = self._read()
            except StopIteration:
                self._ended.set()
                raise InferenceServerException(
                    "Stream removed: it ended before the last answer", "StatusCode.UNAVAILABLE"
                ) from None
            except grpc.RpcError as problem:
                self._ended.set()
                raise self._told(problem) from problem
            if answer.error_message:
                self._end()
                raise _failure(answer.error_message)
            found = answer.infer_response
            if FINAL not in found.parameters or found.parameters[FINAL].bool_param:
                self._final = True
            if found.outputs:
                return InferResult(found)
        return None

    def cancel(self) -> None:
        """Ends it at once; the server learns that nobody waits for the rest."""
        self._ended.set()
        self._call.cancel()

    def _read(self) -> service_pb2.ModelStreamInferResponse:
        if self._wait is not None:
            self._until = time.monotonic() + self._wait
        try:
            return next(self._call)
        finally:
            self._until = math.inf

    def _watch(self, wait: float) -> None:
        """Gives the call up if a piece takes longer; gRPC knows a deadline of the whole alone."""
        while not self._ended.wait(min(max(self._until - time.monotonic(), 0.0), wait)):
            if time.monotonic() >= self._until:
                self._late = True
                self._call.cancel()
                return

    def _end(self) -> None:
        """Reads the end of the stream, which a call that is dropped before would cancel.

        A stream that is cancelled right after its error may leave a request in a server of 24.10,
        so that the model is never unloaded.
        """
        self._ended.set()
        with contextlib.suppress(grpc.RpcError, StopIteration):
            self._read()

    def _told(self, problem: grpc.RpcError) -> InferenceServerException:
        assert isinstance(problem, grpc.Call)
        if self._late and self._wait is not None:
            return Late(self._wait)
        return InferenceServerException(problem.details(), str(problem.code()))


def request_of(
    model: str, inputs: Sequence[InferInput], version: str = "", **parameters: str | bool | int
) -> service_pb2.ModelInferRequest:
    """A request for :class:`Call`.

    Args:
        model: its name.
        inputs: tritonclient's.
        version: of the model; empty leaves the choice to the server.
        parameters: further parameters of the request.
    """
    request = service_pb2.ModelInferRequest(model_name=model, model_version=version)
    for each in inputs:
        request.inputs.append(each._get_tensor())
        if (content := each._get_content()) is not None:
            request.raw_input_contents.append(content)
    given: dict[str, Any] = {EMPTY_FINAL: True, CODED: True, **parameters}
    for name, value in given.items():
        if isinstance(value, bool):
            request.parameters[name].bool_param = value
        elif isinstance(value, int):
            request.parameters[name].int64_param = value
        else:
            request.parameters[name].string_param = value
    return request


def status_of(text: str) -> tuple[str, str]:
    """The gRPC status of an error on a stream, and its sentence, without the code before it.

    Args:
        text: the answer's ``error_message``, if the request had the parameter
            :data:`repository.copied.client_text.CODED`.
    """
    code, sentence = split_code(text)
    if code:
        return _STATUS.get(code, code), sentence
    return next((status for status, known in _OF_TRITON if known.search(text)), "UNKNOWN"), text


def _failure(text: str) -> InferenceServerException:
    status, sentence = status_of(text)
    return InferenceServerException(sentence, f"StatusCode.{status}")
