"""What a client is told when the server behind gives no answer."""

from __future__ import annotations

import logging

import grpc.aio
from tritonclient.utils import InferenceServerException

from clients.connection.address import Address
from clients.connection.errors import RequestError, UnknownModel, failure, is_unreachable
from clients.connection.streaming import status_of
from gateway.errors import ApiError, invalid, overloaded

log = logging.getLogger("gateway")


def of_call(problem: grpc.aio.AioRpcError, address: Address, model: str) -> ApiError:
    """What to raise for a call that ended with a status."""
    text, status = problem.details() or "", str(problem.code())
    return of_client(InferenceServerException(text, status), address, model)


def of_text(text: str, address: Address, model: str) -> ApiError:
    """What to raise for an error that stands in a stream's message."""
    status, sentence = status_of(text)
    return of_client(InferenceServerException(sentence, f"StatusCode.{status}"), address, model)


def of_client(problem: InferenceServerException, address: Address, model: str) -> ApiError:
    """What to raise for what tritonclient raised."""
    error = failure(problem, address)
    if is_unreachable(problem):
        # The client need not know where the server is.
        log.warning("%s: %s", model, error)
        told = "the model's server cannot be reached; ask again later"
        return ApiError(502, told, code="server_unreachable")
    return _told(error, model)


def _told(error: RequestError, model: str) -> ApiError:
    if isinstance(error, UnknownModel):
        return no_model(model)
    match error.code:
        case "INVALID_ARGUMENT":
            return invalid(str(error))
        case "NOT_FOUND":
            return no_model(model)
        case "UNAVAILABLE":
            return overloaded(str(error))
        case "RESOURCE_EXHAUSTED":
            told = "the request is larger than the model's server takes; send smaller files"
            return ApiError(413, told, code="request_too_large")
        case "DEADLINE_EXCEEDED":
            return late(model)
    log.warning("%s: %s: %s", model, error.code, error)
    return ApiError(502, str(error), code="server_failed")


def no_model(name: str) -> ApiError:
    """The error for a model that is not served."""
    told = f"the model '{name}' is not served here; GET /v1/models lists those that are"
    return ApiError(404, told, param="model", code="model_not_found")


def late(model: str) -> ApiError:
    """The error for a model that takes too long."""
    told = f"the model '{model}' did not answer in time; ask again later, or for less"
    return ApiError(504, told, code="timeout")
