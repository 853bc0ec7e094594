"""What a served model takes and gives, as its server tells it."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from tritonclient.utils import InferenceServerException

from clients.connection.address import parse
from clients.connection.connection import Client
from clients.connection.errors import is_unreachable, reason
from perf.errors import LegFailed
from repository.files.bounded_file import Unreadable
from repository.files.json_file import parse_object

_SECONDS = 30.0
"""The longest wait for the answer, which needs no inference."""


@dataclass(frozen=True)
class Input:
    """One input: its datatype, as ``FP32`` or ``BYTES``, and whether a request may leave it out."""

    datatype: str
    optional: bool


@dataclass(frozen=True)
class Model:
    """What a model says about its requests.

    Attributes:
        name: as it is served.
        batches: whether the first axis of every tensor is the batch, which its dims do not name.
        inputs: by name.
        outputs: their names.
        decoupled: whether it answers in pieces.
    """

    name: str
    batches: bool
    inputs: Mapping[str, Input]
    outputs: tuple[str, ...]
    decoupled: bool = False


def describe(address: str, model: str, protocol: Literal["grpc", "http"]) -> Model:
    """Asks a server for a model's configuration.

    Raises:
        LegFailed: the server does not answer, or has no such model, or does not tell.
    """
    try:
        config = (_over_grpc if protocol == "grpc" else _over_http)(address, model)
    except (OSError, http.client.HTTPException) as problem:
        raise LegFailed(_unreachable(address)) from problem
    except InferenceServerException as problem:
        if is_unreachable(problem):
            raise LegFailed(_unreachable(address)) from problem
        raise LegFailed(
            f"the server at {address} does not tell what '{model}' takes: "
            f"{reason(problem).splitlines()[0]}"
        ) from problem
    return Model(
        name=model,
        batches=int(config.get("max_batch_size", 0)) > 0,
        inputs={
            each["name"]: Input(_datatype(each["data_type"]), bool(each.get("optional")))
            for each in config.get("input", [])
        },
        outputs=tuple(each["name"] for each in config.get("output", [])),
        decoupled=bool(config.get("model_transaction_policy", {}).get("decoupled")),
    )


def _over_grpc(address: str, model: str) -> Any:
    with Client(parse(address)) as client:
        answer = client.get_model_config(model, as_json=True, client_timeout=_SECONDS)
        return answer["config"]


def _over_http(address: str, model: str) -> Any:
    connection = http.client.HTTPConnection(address, timeout=_SECONDS)
    try:
        connection.request("GET", f"/v2/models/{quote(model, safe='')}/config")
        answer = connection.getresponse()
        content = parse_object(answer.read() or b"{}", "its answer")
    except Unreadable:
        raise InferenceServerException("its answer is no JSON") from None
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise InferenceServerException(str(content.get("error", f"status {answer.status}")))
    return content


def _datatype(name: str) -> str:
    """``TYPE_FP32`` as requests name it."""
    datatype = name.removeprefix("TYPE_")
    return "BYTES" if datatype == "STRING" else datatype


def _unreachable(address: str) -> str:
    return f"no server answers at {address}; see whether it has started, and its log if it ended"
