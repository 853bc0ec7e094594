from tritonclient._plugin import InferenceServerClientPlugin as InferenceServerClientPlugin
from tritonclient._request import Request as Request
from tritonclient.grpc._client import (
    InferenceServerClient as InferenceServerClient,
)
from tritonclient.grpc._client import (
    KeepAliveOptions as KeepAliveOptions,
)
from tritonclient.grpc._infer_input import InferInput as InferInput
from tritonclient.grpc._infer_result import InferResult as InferResult
from tritonclient.grpc._requested_output import InferRequestedOutput as InferRequestedOutput
from tritonclient.utils import InferenceServerException as InferenceServerException

__all__ = [
    "InferInput",
    "InferRequestedOutput",
    "InferResult",
    "InferenceServerClient",
    "InferenceServerClientPlugin",
    "InferenceServerException",
    "KeepAliveOptions",
    "Request",
]
