"""What this project uses of tritonclient's HTTP client; a test holds it to the installed one."""

from collections.abc import Callable, Mapping, Sequence
from ssl import SSLContext
from types import TracebackType
from typing import Any, Literal, Self

from tritonclient._client import InferenceServerClientBase
from tritonclient.http._infer_input import InferInput
from tritonclient.http._infer_result import InferResult
from tritonclient.http._requested_output import InferRequestedOutput

_Headers = Mapping[str, str] | None
_Query = Mapping[str, str | Sequence[str]] | None
_Parameters = Mapping[str, str | int | float | bool]

class InferAsyncRequest:
    def __init__(self, greenlet: object, verbose: bool = False) -> None: ...
    def get_result(self, block: bool = True, timeout: float | None = None) -> InferResult: ...

class InferenceServerClient(InferenceServerClientBase):
    def __init__(
        self,
        url: str,
        verbose: bool = False,
        concurrency: int = 1,
        connection_timeout: float = 60.0,
        network_timeout: float = 60.0,
        max_greenlets: int | None = None,
        ssl: bool = False,
        ssl_options: Mapping[str, object] | None = None,
        ssl_context_factory: Callable[[], SSLContext] | None = None,
        insecure: bool = False,
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
    def is_server_live(self, headers: _Headers = None, query_params: _Query = None) -> bool: ...
    def is_server_ready(self, headers: _Headers = None, query_params: _Query = None) -> bool: ...
    def is_model_ready(
        self,
        model_name: str,
        model_version: str = "",
        headers: _Headers = None,
        query_params: _Query = None,
    ) -> bool: ...
    def get_server_metadata(
        self, headers: _Headers = None, query_params: _Query = None
    ) -> dict[str, Any]: ...
    def get_model_metadata(
        self,
        model_name: str,
        model_version: str = "",
        headers: _Headers = None,
        query_params: _Query = None,
    ) -> dict[str, Any]: ...
    def get_model_config(
        self,
        model_name: str,
        model_version: str = "",
        headers: _Headers = None,
        query_params: _Query = None,
    ) -> dict[str, Any]: ...
    def get_inference_statistics(
        self,
        model_name: str = "",
        model_version: str = "",
        headers: _Headers = None,
        query_params: _Query = None,
    ) -> dict[str, Any]: ...
    def load_model(
        self,
        model_name: str,
        headers: _Headers = None,
        query_params: _Query = None,
        config: str | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> None: ...
    def unload_model(
        self,
        model_name: str,
        headers: _Headers = None,
        query_params: _Query = None,
        unload_dependents: bool = False,
    ) -> None: ...
    @staticmethod
    def generate_request_body(
        inputs: Sequence[InferInput],
        outputs: Sequence[InferRequestedOutput] | None = None,
        request_id: str = "",
        sequence_id: int | str = 0,
        sequence_start: bool = False,
        sequence_end: bool = False,
        priority: int = 0,
        timeout: int | None = None,
        parameters: _Parameters | None = None,
    ) -> tuple[bytes, int | None]: ...
    @staticmethod
    def parse_response_body(
        response_body: bytes,
        verbose: bool = False,
        header_length: int | None = None,
        content_encoding: str | None = None,
    ) -> InferResult: ...
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
        headers: _Headers = None,
        query_params: _Query = None,
        request_compression_algorithm: Literal["deflate", "gzip"] | None = None,
        response_compression_algorithm: Literal["deflate", "gzip"] | None = None,
        parameters: _Parameters | None = None,
    ) -> InferResult: ...
    def async_infer(
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
        headers: _Headers = None,
        query_params: _Query = None,
        request_compression_algorithm: Literal["deflate", "gzip"] | None = None,
        response_compression_algorithm: Literal["deflate", "gzip"] | None = None,
        parameters: _Parameters | None = None,
    ) -> InferAsyncRequest: ...
