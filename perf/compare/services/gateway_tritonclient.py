"""A gateway on tritonclient's own servicer.

``python -m perf.compare.services.gateway_tritonclient`` starts it.

It has what perf_analyzer asks of a server: metadata, the model's config, and its statistics.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import grpc
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2, service_pb2, service_pb2_grpc

from perf.compare.services.chain import UNLIMITED, Chain, ChainFailed
from perf.compare.services.owner import Owner
from perf.compare.services.plan import Plan, Tensor

_VERSION = "1"


class Statistics:
    """The gateway's own requests, as ``ModelStatistics`` tells them; it has no queue."""

    def __init__(self) -> None:
        self._success = service_pb2.StatisticDuration()
        self._fail = service_pb2.StatisticDuration()
        self._last_ms = 0

    def add(self, started_ns: int, *, success: bool) -> None:
        """Counts a request that has been answered.

        Args:
            started_ns: when it came in, by ``time.perf_counter_ns``.
            success: whether it was answered with tensors.
        """
        duration = self._success if success else self._fail
        duration.count += 1
        duration.ns += time.perf_counter_ns() - started_ns
        self._last_ms = time.time_ns() // 1_000_000

    def message(self, model: str) -> Any:
        """The ``ModelStatistics`` of the model."""
        count = self._success.count
        return service_pb2.ModelStatistics(
            name=model,
            version=_VERSION,
            last_inference=self._last_ms,
            inference_count=count,
            execution_count=count,
            inference_stats=service_pb2.InferStatistics(
                success=self._success,
                fail=self._fail,
                queue=service_pb2.StatisticDuration(count=count),
                compute_input=service_pb2.StatisticDuration(count=count),
                compute_infer=self._success,
                compute_output=service_pb2.StatisticDuration(count=count),
            ),
        )


class Servicer(service_pb2_grpc.GRPCInferenceServiceServicer):
    """One pipeline as a model that Triton's clients can call.

    Methods of the service that it does not have answer UNIMPLEMENTED.
    """

    def __init__(self, plan: Plan, chain: Chain) -> None:
        self._plan = plan
        self._chain = chain
        self._config = text_format.Parse(plan.config, model_config_pb2.ModelConfig())
        self._statistics = Statistics()

    async def ServerLive(self, request: Any, context: Any) -> Any:
        """It is, if it answers."""
        return service_pb2.ServerLiveResponse(live=True)

    async def ServerReady(self, request: Any, context: Any) -> Any:
        """It is, as soon as it listens."""
        return service_pb2.ServerReadyResponse(ready=True)

    async def ModelReady(self, request: Any, context: Any) -> Any:
        """Whether it is the pipeline that is asked for."""
        return service_pb2.ModelReadyResponse(ready=self._serves(request))

    async def ServerMetadata(self, request: Any, context: Any) -> Any:
        """Its name, and the extension that makes perf_analyzer ask for statistics."""
        return service_pb2.ServerMetadataResponse(
            name="gateway", version=_VERSION, extensions=["model_configuration", "statistics"]
        )

    async def ModelMetadata(self, request: Any, context: Any) -> Any:
        """The pipeline's tensors."""
        await self._expect(request, context)
        return service_pb2.ModelMetadataResponse(
            name=self._plan.pipeline,
            versions=[_VERSION],
            platform=self._config.platform,
            inputs=[_metadata(tensor) for tensor in self._plan.inputs],
            outputs=[_metadata(tensor) for tensor in self._plan.outputs],
        )

    async def ModelConfig(self, request: Any, context: Any) -> Any:
        """The ensemble's own, without its steps."""
        await self._expect(request, context)
        return service_pb2.ModelConfigResponse(config=self._config)

    async def ModelStatistics(self, request: Any, context: Any) -> Any:
        """The gateway's own requests."""
        if request.name:
            await self._expect(request, context)
        return service_pb2.ModelStatisticsResponse(
            model_stats=[self._statistics.message(self._plan.pipeline)]
        )

    async def ModelInfer(self, request: Any, context: Any) -> Any:
        """Calls the steps."""
        started = time.perf_counter_ns()
        try:
            answer = await self._chain.infer(request)
        except Exception as error:
            self._statistics.add(started, success=False)
            if not isinstance(error, ChainFailed):
                logging.exception("a request failed")
                sentence = "the gateway failed on this request; its log has the reason"
                error = ChainFailed(grpc.StatusCode.INTERNAL, sentence)
            await context.abort(error.code, error.sentence)
        self._statistics.add(started, success=True)
        return answer

    def _serves(self, request: Any) -> bool:
        return request.name == self._plan.pipeline and request.version in ("", _VERSION)

    async def _expect(self, request: Any, context: Any) -> None:
        if not self._serves(request):
            sentence = f"this gateway serves '{self._plan.pipeline}', not '{request.name}'"
            await context.abort(grpc.StatusCode.NOT_FOUND, sentence)


def _metadata(tensor: Tensor) -> Any:
    return service_pb2.ModelMetadataResponse.TensorMetadata(
        name=tensor.name, datatype=tensor.datatype, shape=tensor.shape
    )


async def main() -> None:
    """Serves what the owner says, until the owner ends."""
    owner = Owner()
    chain = Chain(
        owner.plan, owner.addresses, service_pb2, service_pb2_grpc.GRPCInferenceServiceStub
    )
    server = grpc.aio.server(options=UNLIMITED)
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(Servicer(owner.plan, chain), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    owner.announce(port)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
