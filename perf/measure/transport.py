"""The two ways to a server, gRPC and HTTP, under one interface: infer, and shared memory regions.

Both may be called from several threads at once. tritonclient's HTTP client may not: it is built on
gevent, belongs to one thread, and leaves file descriptors behind with each thread that used one.
So its message format is used, on connections of the standard library.
"""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator, Sequence
from typing import Any, Protocol
from urllib.parse import quote

import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException

from clients.connection.address import parse
from clients.connection.connection import Client
from clients.connection.errors import is_unreachable, reason
from clients.connection.streaming import Call, request_of
from perf.errors import PerfError
from repository.files.bounded_file import Unreadable
from repository.files.json_file import parse_object


class Transport(Protocol):
    """A server, reached in one way. Every call raises PerfError, with one sentence.

    Attributes:
        library: the module of tritonclient whose inputs and outputs it takes.
    """

    library: Any

    def infer(self, model: str, inputs: Sequence[Any], outputs: Sequence[Any] | None) -> Any:
        """One request; the answer is the library's InferResult."""

    def stream(self, model: str, inputs: Sequence[Any]) -> list[Any]:
        """One request to a decoupled model; every piece of the answer is an InferResult."""

    def register(self, region: str, size: int) -> None:
        """Lets the server open a shared memory region, by its key, which is also its name."""

    def unregister(self, region: str) -> None:
        """Lets the server forget it; no error if it does not know it."""

    def close(self) -> None:
        """Ends the connections."""


class Grpc:
    """Over one gRPC channel, which all threads share.

    Args:
        address: ``host:port``.
        timeout_seconds: the longest wait for any answer.
    """

    library: Any = tritonclient.grpc

    def __init__(self, address: str, timeout_seconds: float) -> None:
        self._address = address
        self._timeout = timeout_seconds
        self._client = Client(parse(address))

    def infer(self, model: str, inputs: Sequence[Any], outputs: Sequence[Any] | None) -> Any:
        """See :class:`Transport`."""
        with self._one_sentence(model):
            return self._client.infer(model, inputs, outputs=outputs, client_timeout=self._timeout)

    def stream(self, model: str, inputs: Sequence[Any]) -> list[Any]:
        """See :class:`Transport`."""
        with self._one_sentence(model):
            call = Call(self._client, request_of(model, inputs), self._timeout)
            return list(iter(call.next, None))

    def register(self, region: str, size: int) -> None:
        """See :class:`Transport`."""
        with self._one_sentence("shared memory"):
            self._client.register_system_shared_memory(
                region, region, size, client_timeout=self._timeout
            )

    def unregister(self, region: str) -> None:
        """See :class:`Transport`."""
        with self._one_sentence("shared memory"):
            self._client.unregister_system_shared_memory(region, client_timeout=self._timeout)

    def close(self) -> None:
        """See :class:`Transport`."""
        self._client.close()

    @contextlib.contextmanager
    def _one_sentence(self, subject: str) -> Iterator[None]:
        try:
            yield
        except InferenceServerException as problem:
            if is_unreachable(problem):
                raise PerfError(f"no server answers at {self._address}") from problem
            raise PerfError(_sentence(subject, problem)) from problem


class Http:
    """Over as many HTTP connections as there were calls at once; they are kept open.

    Args:
        address: ``host:port``.
        timeout_seconds: the longest silence while an answer is waited for.
    """

    library: Any = tritonclient.http

    def __init__(self, address: str, timeout_seconds: float) -> None:
        self._address = address
        self._timeout = timeout_seconds
        self._idle: list[http.client.HTTPConnection] = []

    def infer(self, model: str, inputs: Sequence[Any], outputs: Sequence[Any] | None) -> Any:
        """See :class:`Transport`."""
        client = tritonclient.http.InferenceServerClient
        body, json_size = client.generate_request_body(inputs, outputs=outputs)
        headers = {} if json_size is None else {"Inference-Header-Content-Length": str(json_size)}
        content, json_size = self._post(model, f"/v2/models/{quote(model)}/infer", body, headers)
        return client.parse_response_body(content, header_length=json_size)

    def stream(self, model: str, inputs: Sequence[Any]) -> list[Any]:
        """See :class:`Transport`."""
        raise PerfError(
            f"{model}: HTTP has no form for tensors of a model that answers in pieces (decoupled); "
            "ask it over gRPC"
        )

    def register(self, region: str, size: int) -> None:
        """See :class:`Transport`."""
        body = json.dumps({"key": region, "offset": 0, "byte_size": size}).encode()
        self._post("shared memory", f"/v2/systemsharedmemory/region/{region}/register", body, {})

    def unregister(self, region: str) -> None:
        """See :class:`Transport`."""
        self._post("shared memory", f"/v2/systemsharedmemory/region/{region}/unregister", b"", {})

    def close(self) -> None:
        """See :class:`Transport`."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    def _post(
        self, subject: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[bytes, int | None]:
        """The answer, and the size of the JSON at its front if more follows."""
        connection = self._take()
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as problem:
            connection.close()
            raise PerfError(
                f"no server answers at {self._address}: {problem or type(problem).__name__}"
            ) from problem
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        if answer.status != 200:
            raise PerfError(_sentence(subject, InferenceServerException(_told(content))))
        size = answer.getheader("Inference-Header-Content-Length")
        return content, None if size is None else int(size)

    def _take(self) -> http.client.HTTPConnection:
        try:
            return self._idle.pop()
        except IndexError:
            return http.client.HTTPConnection(self._address, timeout=self._timeout)


def _told(content: bytes) -> str:
    try:
        return str(parse_object(content, "the answer")["error"])
    except (Unreadable, KeyError, TypeError):
        return content.decode(errors="replace")


def _sentence(subject: str, problem: InferenceServerException) -> str:
    # If a stage failed by its own fault, a stack trace follows after the first line.
    told = reason(problem).splitlines()[0]
    if "restricted, expecting header" in told:
        told += "; start the server with the calls of shared-memory open to clients"
    return f"{subject}: {told}"
