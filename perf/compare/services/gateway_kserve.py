"""A gateway on KServe's model server: ``python -m perf.compare.services.gateway_kserve``.

It runs in KServe's own environment. KServe has no ModelConfig, so perf_analyzer cannot drive it,
and it reads no BF16. The options are those of KServe's own command line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import uvicorn
from grpc_interceptor.exceptions import GrpcException
from kserve import InferRequest, Model, ModelServer
from kserve.protocol.grpc import grpc_predict_v2_pb2 as messages
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import GRPCInferenceServiceStub

from perf.compare.services.chain import Chain, ChainFailed
from perf.compare.services.owner import Owner
from perf.compare.services.plan import Plan, Tensor


class Pipeline(Model):  # type: ignore[misc]
    """The pipeline as a KServe model, whose ``predict`` calls the steps."""

    def __init__(self, plan: Plan, chain: Chain) -> None:
        super().__init__(plan.pipeline)
        self._plan = plan
        self._chain = chain
        self.load()

    def get_input_types(self) -> list[dict[str, object]]:
        """The pipeline's inputs, for its metadata."""
        return [_metadata(tensor) for tensor in self._plan.inputs]

    def get_output_types(self) -> list[dict[str, object]]:
        """The pipeline's outputs, for its metadata."""
        return [_metadata(tensor) for tensor in self._plan.outputs]

    async def predict(
        self,
        payload: InferRequest,
        headers: dict[str, str] | None = None,
        response_headers: dict[str, str] | None = None,
    ) -> Any:
        """Answers one request; its tensors stay the bytes that came in."""
        try:
            return await self._chain.infer(payload.to_grpc())
        except ChainFailed as failure:
            raise GrpcException(failure.sentence, status_code=failure.code) from failure


def _metadata(tensor: Tensor) -> dict[str, object]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}


def _listen_here(announce: Callable[[int], None]) -> None:
    """KServe listens on all of the machine's addresses, and cannot be told otherwise; nor does it
    say which free port it got."""
    make_server, make_config = grpc.aio.server, uvicorn.Config

    def server(*args: Any, **options: Any) -> Any:
        made: Any = make_server(*args, **options)
        listen = made.add_insecure_port
        made.add_insecure_port = lambda address: announce(listen("127.0.0.1:0"))
        return made

    def config(*args: Any, **options: Any) -> Any:
        return make_config(*args, **options | {"host": "127.0.0.1", "port": 0})

    grpc.aio.server, uvicorn.Config = server, config  # type: ignore[assignment, misc]


def main() -> None:
    """Serves what the owner says, until the owner ends."""
    owner = Owner()
    _listen_here(owner.announce)
    chain = Chain(owner.plan, owner.addresses, messages, GRPCInferenceServiceStub)
    ModelServer().start([Pipeline(owner.plan, chain)])


if __name__ == "__main__":
    main()
