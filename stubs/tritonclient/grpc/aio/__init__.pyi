"""What this project uses of tritonclient's asyncio client; a test holds it to the installed one."""

from collections.abc import Mapping, Sequence
from typing import Literal, Self

import grpc
import grpc.aio
from tritonclient._client import InferenceServerClientBase
from tritonclient.grpc import service_pb2
from tritonclient.grpc._client import KeepAliveOptions
from tritonclient.grpc._infer_input import InferInput
from tritonclient.grpc._infer_result import InferResult
from tritonclient.grpc._requested_output import InferRequestedOutput

class InferenceServerClient(InferenceServerClientBase):
    _channel: grpc.aio.Channel
    def __init__(
        self,
        url: str,
        verbose: bool = False,
        ssl: bool = False,
        root_certificates: str | None = None,
        private_key: str | None = None,
        certificate_chain: str | None = None,
        creds: grpc.ChannelCredentials | None = None,
        keepalive_options: KeepAliveOptions | None = None,
        channel_args: Sequence[tuple[str, object]] | None = None,
    ) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, type: object, value: object, traceback: object) -> None: ...
    async def close(self) -> None: ...
    async def is_server_ready(
        self, headers: Mapping[str, str] | None = None, client_timeout: float | None = None
    ) -> bool: ...
    async def get_model_metadata(
        self,
        model_name: str,
        model_version: str = "",
        headers: Mapping[str, str] | None = None,
        as_json: Literal[False] = False,
        client_timeout: float | None = None,
    ) -> service_pb2.ModelMetadataResponse: ...
    async def get_inference_statistics(
        self,
        model_name: str = "",
        model_version: str = "",
        headers: Mapping[str, str] | None = None,
        as_json: Literal[False] = False,
        client_timeout: float | None = None,
    ) -> service_pb2.ModelStatisticsResponse: ...
    async def infer(
        self,
        model_name: str,
        inputs: Sequence[InferInput],
        model_version: str = "",
        outputs: Sequence[InferRequestedOutput] | None = None,
        request_id: str = "",
        sequence_id: int | str = 0,
        sequence_start: bool = False,
        sequence_end: bool = False,
        priority: int = 0,
        timeout: int | None = None,
        client_timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        compression_algorithm: str | None = None,
        parameters: Mapping[str, str | int | bool] | None = None,
    ) -> InferResult: ...
