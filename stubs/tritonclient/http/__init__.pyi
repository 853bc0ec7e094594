from tritonclient._plugin import InferenceServerClientPlugin as InferenceServerClientPlugin
from tritonclient._request import Request as Request
from tritonclient.http._client import (
    InferAsyncRequest as InferAsyncRequest,
)
from tritonclient.http._client import (
    InferenceServerClient as InferenceServerClient,
)
from tritonclient.http._infer_input import InferInput as InferInput
from tritonclient.http._infer_result import InferResult as InferResult
from tritonclient.http._requested_output import InferRequestedOutput as InferRequestedOutput
from tritonclient.utils import InferenceServerException as InferenceServerException

__all__ = [
    "InferAsyncRequest",
    "InferInput",
    "InferRequestedOutput",
    "InferResult",
    "InferenceServerClient",
    "InferenceServerClientPlugin",
    "InferenceServerException",
    "Request",
]
