"""The Triton that a gateway asks, over one channel of gRPC."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

import grpc.aio
import tritonclient.grpc.aio as triton
from tritonclient.grpc import InferResult, service_pb2
from tritonclient.utils import InferenceServerException

from clients.connection.address import Address
from clients.connection.bounds import INT32
from clients.connection.connection import tensor
from gateway.triton import failures
from gateway.triton.generation import Generate, Generation
from repository.arrays import Array

_METHOD = "/inference.GRPCInferenceService/ModelStreamInfer"


class Client(triton.InferenceServerClient):
    """tritonclient's client, which also opens a stream that asks once.

    Args:
        address: the server's.
    """

    def __init__(self, address: Address) -> None:
        super().__init__(
            address.target,
            ssl=address.secure,
            channel_args=[
                ("grpc.max_send_message_length", INT32),
                ("grpc.max_receive_message_length", INT32),
                ("grpc.enable_http_proxy", int(not address.is_loopback)),
                # A name may stand for several servers.
                ("grpc.lb_policy_name", "round_robin"),
                # A server that is started again is found again within a second.
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", 1000),
            ],
        )
        # The request and the end of requests go out together.
        self.opened = self._channel.unary_stream(
            _METHOD,
            request_serializer=service_pb2.ModelInferRequest.SerializeToString,
            response_deserializer=service_pb2.ModelStreamInferResponse.FromString,
        )


class Triton:
    """The server behind; to be made while the event loop runs.

    Args:
        address: of its gRPC endpoint.
        seconds: how long it may take for an answer, or the next piece of one.
    """

    def __init__(self, address: Address, seconds: float) -> None:
        self._address, self._seconds = address, seconds
        self._client = Client(address)

    async def close(self) -> None:
        """Ends the channel, and what it still waits for."""
        await self._client.close()

    async def is_ready(self, seconds: float = 2.0) -> bool:
        """Whether the server answers, and its models are loaded."""
        try:
            return await self._client.is_server_ready(client_timeout=seconds)
        except InferenceServerException:
            return False

    async def names(self) -> list[str]:
        """The names of the models that are served.

        Raises:
            ApiError: the server gave no answer.
        """
        # Not the repository index: a server asks strangers for a key there.
        try:
            told = await self._client.get_inference_statistics(client_timeout=self._seconds)
        except InferenceServerException as problem:
            raise failures.of_client(problem, self._address, "") from problem
        return sorted({each.name for each in told.model_stats})

    async def metadata(self, model: str) -> service_pb2.ModelMetadataResponse:
        """What a model takes and gives.

        Raises:
            ApiError: it is not served, or the server gave no answer.
        """
        try:
            return await self._client.get_model_metadata(model, client_timeout=self._seconds)
        except InferenceServerException as problem:
            raise failures.of_client(problem, self._address, model) from problem

    async def infer(self, model: str, inputs: Mapping[str, Array]) -> InferResult:
        """One request and its answer; cancelled with the task that waits for it.

        Raises:
            ApiError: it was refused, or there is no answer.
        """
        tensors = [tensor(name, array) for name, array in inputs.items()]
        try:
            return await self._client.infer(model, tensors, client_timeout=self._seconds)
        except InferenceServerException as problem:
            raise failures.of_client(problem, self._address, model) from problem

    @contextlib.asynccontextmanager
    async def generating(self, asked: Generate, *, stream: bool) -> AsyncIterator[Generation]:
        """An answer that is being written, cancelled if it is left before its end.

        Each has a stream of its own: a stream that several shared could not be cancelled for one.

        Args:
            asked: what to write.
            stream: it comes piece by piece, not whole.

        Raises:
            ApiError: the model refused, failed, or took too long.
        """
        call = self._client.opened(asked.request(stream=stream))
        try:
            async with asyncio.timeout(self._seconds) as limit:
                generation = Generation(call, limit, self._seconds, self._address, asked.model)
                yield generation
                await generation.end()
        except grpc.aio.AioRpcError as problem:
            raise failures.of_call(problem, self._address, asked.model) from problem
        except TimeoutError as problem:
            raise failures.late(asked.model) from problem
        finally:
            call.cancel()
