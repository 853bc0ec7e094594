"""What this project uses of tritonclient's gRPC client; a test holds it to the installed one."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Protocol, Self, overload

import grpc
from tritonclient._client import InferenceServerClientBase
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.grpc._infer_input import InferInput
from tritonclient.grpc._infer_result import InferResult
from tritonclient.grpc._requested_output import InferRequestedOutput
from tritonclient.utils import InferenceServerException

_Parameters = Mapping[str, str | int | float | bool]

class _Callback(Protocol):
    def __call__(
        self, *, result: InferResult | None, error: InferenceServerException | None
    ) -> object: ...

class KeepAliveOptions:
    keepalive_time_ms: int
    keepalive_timeout_ms: int
    keepalive_permit_without_calls: bool
    http2_max_pings_without_data: int
    def __init__(
        self,
        keepalive_time_ms: int = ...,
        keepalive_timeout_ms: int = 20000,
        keepalive_permit_without_calls: bool = False,
        http2_max_pings_without_data: int = 2,
    ) -> None: ...

class CallContext:
    def __init__(self, grpc_future: grpc.Future[object]) -> None: ...
    def cancel(self) -> None: ...

class InferenceServerClient(InferenceServerClientBase):
    _client_stub: service_pb2_grpc.GRPCInferenceServiceStub
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
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        type: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
    def __del__(self) -> None: ...
    def close(self) -> None: ...
    def is_server_live(
        self, headers: Mapping[str, str] | None = None, client_timeout: float | None = None
    ) -> bool: ...
    def is_server_ready(
        self, headers: Mapping[str, str] | None = None, client_timeout: float | None = None
    ) -> bool: ...
    def is_model_ready(
        self,
        model_name: str,
        model_version: str = "",
        headers: Mapping[str, str] | None = None,
        client_timeout: float | None = None,
    ) -> bool: ...
    @overload
    def get_server_metadata(
        self,
        headers: Mapping[str, str] | None = None,
        as_json: Literal[False] = False,
        client_timeout: float | None = None,
    ) -> service_pb2.ServerMetadataResponse: ...
    @overload
    def get_server_metadata(
        self,
        headers: Mapping[str, str] | None = None,
        *,
        as_json: Literal[True],
        client_timeout: float | None = None,
    ) -> dict[str, Any]: ...
    @overload
    def get_model_metadata(
        self,
        model_name: str,
        model_version: str = "",
        headers: Mapping[str, str] | None = None,
        as_json: Literal[False] = False,
        client_timeout: float | None = None,
    ) -> service_pb2.ModelMetadataResponse: ...
    @overload
    def get_model_metadata(
        self,
        model_name: str,
        model_version: str = "",
        headers: Mapping[str, str] | None = None,
        *,
        as_json: Literal[True],
        client_timeout: float | None = None,
    ) -> dict[str, Any]: ...
    @overload
    def get_model_config(
        self,
        model_name: str,
        model_version: str = "",
        headers: Mapping[str, str] | None = None,
        as_json: Literal[False] = False,
        client_timeout: float | None = None,
    ) -> service_pb2.ModelConfigResponse: ...
    @overload
    def get_model_config(
        self,
        model_name: str,
        model_version: str = "",
        headers: Mapping[str, str] | None = None,
        *,
        as_json: Literal[True],
        client_timeout: float | None = None,
    ) -> dict[str, Any]: ...
    @overload
    def get_model_repository_index(
        self,
        headers: Mapping[str, str] | None = None,
        as_json: Literal[False] = False,
        client_timeout: float | None = None,
    ) -> service_pb2.RepositoryIndexResponse: ...
    @overload
    def get_model_repository_index(
        self,
        headers: Mapping[str, str] | None = None,
        *,
        as_json: Literal[True],
        client_timeout: float | None = None,
    ) -> dict[str, Any]: ...
    @overload
    def get_inference_statistics(
        self,
        model_name: str = "",
        model_version: str = "",
        headers: Mapping[str, str] | None = None,
        as_json: Literal[False] = False,
        client_timeout: float | None = None,
    ) -> service_pb2.ModelStatisticsResponse: ...
    @overload
    def get_inference_statistics(
        self,
        model_name: str = "",
        model_version: str = "",
        headers: Mapping[str, str] | None = None,
        *,
        as_json: Literal[True],
        client_timeout: float | None = None,
    ) -> dict[str, Any]: ...
    @overload
    def get_system_shared_memory_status(
        self,
        region_name: str = "",
        headers: Mapping[str, str] | None = None,
        as_json: Literal[False] = False,
        client_timeout: float | None = None,
    ) -> service_pb2.SystemSharedMemoryStatusResponse: ...
    @overload
    def get_system_shared_memory_status(
        self,
        region_name: str = "",
        headers: Mapping[str, str] | None = None,
        *,
        as_json: Literal[True],
        client_timeout: float | None = None,
    ) -> dict[str, Any]: ...
    def load_model(
        self,
        model_name: str,
        headers: Mapping[str, str] | None = None,
        config: str | None = None,
        files: Mapping[str, bytes] | None = None,
        client_timeout: float | None = None,
    ) -> None: ...
    def unload_model(
        self,
        model_name: str,
        headers: Mapping[str, str] | None = None,
        unload_dependents: bool = False,
        client_timeout: float | None = None,
    ) -> None: ...
    def register_system_shared_memory(
        self,
        name: str,
        key: str,
        byte_size: int,
        offset: int = 0,
        headers: Mapping[str, str] | None = None,
        client_timeout: float | None = None,
    ) -> None: ...
    def unregister_system_shared_memory(
        self,
        name: str = "",
        headers: Mapping[str, str] | None = None,
        client_timeout: float | None = None,
    ) -> None: ...
    def infer(
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
        compression_algorithm: Literal["deflate", "gzip"] | None = None,
        parameters: _Parameters | None = None,
    ) -> InferResult: ...
    def async_infer(
        self,
        model_name: str,
        inputs: Sequence[InferInput],
        callback: _Callback,
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
        compression_algorithm: Literal["deflate", "gzip"] | None = None,
        parameters: _Parameters | None = None,
    ) -> CallContext: ...
    def start_stream(
        self,
        callback: _Callback,
        stream_timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        compression_algorithm: Literal["deflate", "gzip"] | None = None,
    ) -> None: ...
    def stop_stream(self, cancel_requests: bool = False) -> None: ...
    def async_stream_infer(
        self,
        model_name: str,
        inputs: Sequence[InferInput],
        model_version: str = "",
        outputs: Sequence[InferRequestedOutput] | None = None,
        request_id: str = "",
        sequence_id: int | str = 0,
        sequence_start: bool = False,
        sequence_end: bool = False,
        enable_empty_final_response: bool = False,
        priority: int = 0,
        timeout: int | None = None,
        parameters: _Parameters | None = None,
    ) -> None: ...
