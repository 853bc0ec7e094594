"""A connection to a server over gRPC, which asks again if that is safe."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from typing import Any, Self, TypeVar

import numpy.typing as npt
import tritonclient.grpc as grpc
from tritonclient.grpc import model_config_pb2, service_pb2
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from clients.connection.address import Address, address_of
from clients.connection.bounds import INT32, PATIENCE
from clients.connection.errors import RequestError, failure, was_cut_off, was_not_sent
from clients.connection.ports import speaks_http
from clients.connection.stream import Calls, Stream
from clients.connection.streaming import Call, Late, request_of

T = TypeVar("T")
CUTS = 2
"""How often a request that was cut off is asked again: it may be what ended the server."""

WAITS = (0.1, 0.2, 0.4, 0.8, 1.6, *[2.0] * 20)
"""Seconds before each further try."""


class _NoChannel:
    def close(self) -> None:
        return


class Client(grpc.InferenceServerClient):
    """tritonclient's client, which also ends quietly if Ctrl-C came while it was being made.

    Its ``__del__`` closes what ``__init__`` may not have made yet.
    """

    _stream = None
    _channel = _NoChannel()

    def __init__(self, address: Address) -> None:
        super().__init__(
            address.target,
            ssl=address.secure,
            channel_args=[
                ("grpc.max_send_message_length", INT32),
                ("grpc.max_receive_message_length", INT32),
                ("grpc.enable_http_proxy", int(not address.is_loopback)),
                # By default a channel that could not connect refuses for up to two minutes.
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", 1000),
                # Nor does it learn from another channel's failures.
                ("grpc.use_local_subchannel_pool", 1),
            ],
        )


class Connection:
    """One server, asked with a deadline for each request.

    A request is asked again, after a growing wait, within its deadline:

    - if there was no connection (refused, or closed before anything was sent), as while a server
    starts: until the patience is over. The server saw nothing of the request;
    - if the connection ended after the request was sent: twice. That is safe, since inference keeps
    nothing: asking twice gives the same answer twice. It is not asked more often, since the request
    may be what ended the server.

    A request that was answered or refused is never asked again. An overloaded server says
    UNAVAILABLE, and the caller decides whether to try later.

    Args:
        address: the server's.
        timeout: seconds that a request may take, all tries together.
        patience: seconds for which a server that does not listen is asked again; 0 is never.
        waiting: is told, in a sentence, when a request is asked again.
    """

    def __init__(
        self,
        address: Address,
        timeout: float,
        patience: float = PATIENCE,
        waiting: Callable[[str], None] | None = None,
    ) -> None:
        self.address, self.timeout, self.patience = address, timeout, patience
        self._waiting = waiting or (lambda sentence: None)
        self._client = Client(address)

    def close(self) -> None:
        """Ends it."""
        self._client.close()

    def infer(
        self,
        model: str,
        inputs: Sequence[grpc.InferInput],
        *,
        timeout: float | None = None,
        cuts: int = CUTS,
        unsent: bool = True,
        **options: Any,
    ) -> grpc.InferResult:
        """One request; the answer is tritonclient's ``InferResult``.

        Args:
            model: its name.
            inputs: tritonclient's ``InferInput``.
            timeout: seconds, if not the connection's own.
            cuts: how often it is asked again after it was cut off; 0 for a part of a sequence,
                whose state the server may have lost.
            unsent: whether it is asked again when it was never sent.
            options: of tritonclient's ``infer``, as ``sequence_id``.

        Raises:
            RequestError: it was refused, or no answer came.
        """
        return self._asked(
            lambda left: self._client.infer(model, inputs, client_timeout=left, **options),
            self.timeout if timeout is None else timeout,
            cuts=cuts,
            unsent=unsent,
        )

    def stream(
        self,
        model: str,
        inputs: Sequence[grpc.InferInput],
        *,
        timeout: float | None = None,
        wait: float | None = None,
        cuts: int = CUTS,
        version: str = "",
        **parameters: str | bool | int,
    ) -> Stream:
        """One request, and each piece of its answer as soon as it comes.

        It is sent when the first piece is asked for. A model that answers once is asked as well.
        Any number of streams may be open at once, in any threads.

        Args:
            model: its name.
            inputs: tritonclient's ``InferInput``.
            timeout: seconds that the whole answer may take, if not the connection's own.
            wait: seconds that each piece may take; None is as long as the answer.
            cuts: how often it is asked again after it was cut off before its first piece.
            version: one of the model's versions; empty for the one that the server chooses.
            parameters: of the request.

        Raises:
            RequestError: it was refused, or an error or a deadline ended the answer.
        """
        seconds = self.timeout if timeout is None else timeout
        request = request_of(model, inputs, version, **parameters)
        calls = Calls(lambda left: Call(self._client, request, left, wait))

        def pieces() -> Generator[grpc.InferResult]:
            try:
                piece = self._asked(calls.begin, seconds, cuts=cuts)
                while piece is not None:
                    yield piece
                    piece = calls.next()
            except InferenceServerException as problem:
                raise self._failure(problem, seconds) from problem
            finally:
                calls.cancel()

        return Stream(pieces(), calls)

    def metadata(self, model: str, version: str = "") -> service_pb2.ModelMetadataResponse:
        """What a model takes and gives, as the server says; the batch's axis is in its shapes.

        Args:
            model: its name.
            version: one of its versions; empty for the one that the server chooses.

        Raises:
            RequestError: the server does not serve it, or no answer came.
        """
        return self._asked(
            lambda left: self._client.get_model_metadata(model, version, client_timeout=left),
            self.timeout,
        )

    def config(self, model: str, version: str = "") -> model_config_pb2.ModelConfig:
        """A model's config; as :meth:`metadata`."""
        return self._asked(
            lambda left: self._client.get_model_config(model, version, client_timeout=left),
            self.timeout,
        ).config

    def models(self) -> list[str]:
        """The names of the models that are ready, sorted.

        Raises:
            RequestError: no answer came.
        """
        # Not the repository index: a server of the kit asks for a key there.
        told = self._asked(
            lambda left: self._client.get_inference_statistics(client_timeout=left), self.timeout
        )
        return sorted({each.name for each in told.model_stats})

    def _asked(
        self,
        ask: Callable[[float], T],
        seconds: float,
        *,
        cuts: int = CUTS,
        unsent: bool = True,
    ) -> T:
        """What a call answers, asked again as the class says; it gets the seconds that are left."""
        deadline = time.monotonic() + seconds
        until: float | None = None
        waits = iter(WAITS)
        while True:
            left = max(deadline - time.monotonic(), 0.001)
            try:
                return ask(left)
            except InferenceServerException as problem:
                error, now = self._failure(problem, seconds), time.monotonic()
                wait, is_safe = next(waits, None), False
                if was_cut_off(problem):
                    is_safe, until = cuts > 0, None
                    cuts -= 1
                elif was_not_sent(problem) and not isinstance(error, WrongPort):
                    until = until or now + self.patience
                    is_safe = unsent and now + (wait or 0.0) <= until
                if not is_safe or wait is None or now + wait >= deadline:
                    raise error from problem
            self._waiting(f"{error}; it is asked again")
            time.sleep(wait)

    def _failure(self, problem: InferenceServerException, seconds: float) -> RequestError:
        address = self.address
        asks_port = "failed to connect" in (problem.message() or "") and not address.proxy
        if asks_port and not _refused(problem) and speaks_http(address.host, address.port):
            return WrongPort(
                "UNAVAILABLE",
                f"{address} speaks HTTP, and the address of gRPC is asked for; Triton's gRPC port "
                "is 8001, unless `--grpc-port` says otherwise",
            )
        return failure(problem, address, problem.seconds if isinstance(problem, Late) else seconds)


class WrongPort(RequestError):
    """Another protocol is spoken there."""


def _refused(problem: InferenceServerException) -> bool:
    return "Connection refused" in (problem.message() or "")


class PipelineClient:
    """The base of all pipelines' clients: one connection, which is closed as the context ends.

    Args:
        url: ``host:port``, also with ``grpc://``, or ``grpcs://`` for TLS; by default that of the
            environment variable ``TRITON_GRPC``, else ``127.0.0.1:8001``.
        timeout: seconds to wait for an answer, all tries together.
        patience: seconds for which a server that does not listen is asked again; 0 is never.
        waiting: is told, in a sentence, when a request is asked again.

    Raises:
        clients.connection.address.AddressError: the URL is not one of a gRPC server.
    """

    def __init__(
        self,
        url: str | None = None,
        timeout: float = 60.0,
        patience: float = PATIENCE,
        waiting: Callable[[str], None] | None = None,
    ) -> None:
        self._connection = Connection(address_of(url), timeout, patience, waiting)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def tensor(name: str, array: npt.NDArray[Any]) -> grpc.InferInput:
    """An array as an input of a request; texts are bytes in an array of objects."""
    made = grpc.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
    made.set_data_from_numpy(array)
    return made


def output(result: grpc.InferResult, name: str, model: str) -> npt.NDArray[Any]:
    """An output of an answer, as an array.

    Raises:
        RequestError: the answer has no such output.
    """
    found = result.as_numpy(name)
    if found is None:
        raise RequestError(
            "INVALID_ARGUMENT",
            f"the answer of '{model}' has no output '{name}'; name a pipeline that gives it",
        )
    return found
