"""One request over gRPC or HTTP, and its answer byte for byte."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import numpy as np
import tritonclient.grpc as grpc
import tritonclient.http as triton_http
from tritonclient.utils import InferenceServerException

from clients.connection.errors import is_unreachable, reason

Arrays = Mapping[str, np.ndarray]
Answer = tuple[tuple[str, str, tuple[int, ...], bytes], ...]
"""Name, datatype, shape and content of each output, in the order of their names."""

TIMEOUT = 75.0
"""Seconds to wait for an answer; a longer one would be a fault in any case."""

KINDS = {"u": "UINT8", "i": "INT32", "f": "FP32"}
CODES = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


@dataclass(frozen=True)
class Part:
    """The place of a request in its sequence."""

    sequence: int
    start: bool
    end: bool

    def options(self) -> dict[str, Any]:
        return {
            "sequence_id": self.sequence,
            "sequence_start": self.start,
            "sequence_end": self.end,
        }


class Refused(Exception):
    """The server answered with an error: its code, as INVALID_ARGUMENT, and its sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code, self.sentence = code, sentence


class Lost(Exception):
    """No answer came: the connection was refused or closed, or the time was over."""


class Wire(Protocol):
    """A way to the server, for one thread."""

    name: str

    def infer(self, model: str, arrays: Arrays, part: Part | None = None) -> Answer: ...

    def is_live(self) -> bool: ...

    def close(self) -> None: ...


class Grpc:
    name = "gRPC"

    def __init__(self, address: str) -> None:
        # Never by way of a proxy: the server is on this machine.
        self._client = grpc.InferenceServerClient(
            address,
            channel_args=[
                ("grpc.enable_http_proxy", 0),
                ("grpc.use_local_subchannel_pool", 1),
                ("grpc.max_receive_message_length", -1),
            ],
        )

    def infer(self, model: str, arrays: Arrays, part: Part | None = None) -> Answer:
        tensors = [_tensor(grpc, name, array) for name, array in arrays.items()]
        try:
            result = self._client.infer(
                model, tensors, client_timeout=TIMEOUT, **(part.options() if part else {})
            )
        except InferenceServerException as problem:
            code = str(problem.status()).removeprefix("StatusCode.")
            if is_unreachable(problem) or code in ("DEADLINE_EXCEEDED", "CANCELLED"):
                raise Lost(f"{code}: {problem.message()}") from problem
            raise Refused(code, reason(problem)) from problem
        response = result.get_response()
        contents = zip(response.outputs, response.raw_output_contents, strict=True)
        return tuple(sorted((o.name, o.datatype, tuple(o.shape), c) for o, c in contents))

    def is_live(self) -> bool:
        try:
            return bool(self._client.is_server_live(client_timeout=TIMEOUT))
        except InferenceServerException as problem:
            raise Lost(f"{problem.status()}: {problem.message()}") from problem

    def close(self) -> None:
        self._client.close()


class Http:
    name = "HTTP"

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=TIMEOUT)

    def infer(self, model: str, arrays: Arrays, part: Part | None = None) -> Answer:
        tensors = [_tensor(triton_http, name, array) for name, array in arrays.items()]
        body, size = triton_http.InferenceServerClient.generate_request_body(
            tensors, **(part.options() if part else {})
        )
        headers = {} if size is None else {"Inference-Header-Content-Length": str(size)}
        status, content, size = self._request(
            "POST", f"/v2/models/{quote(model)}/infer", body, headers
        )
        if status != 200:
            told = InferenceServerException(_error(content))
            raise Refused(CODES.get(status, str(status)), reason(told))
        head = json.loads(content[:size])
        found, at = [], size if size is not None else len(content)
        for output in head["outputs"]:
            length = output["parameters"]["binary_data_size"]
            shape = tuple(output["shape"])
            found.append((output["name"], output["datatype"], shape, content[at : at + length]))
            at += length
        return tuple(sorted(found))

    def is_live(self) -> bool:
        return self._request("GET", "/v2/health/live", b"", {})[0] == 200

    def _request(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, bytes, int | None]:
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as problem:
            self._connection.close()
            raise Lost(f"{type(problem).__name__}: {problem}") from problem
        size = answer.getheader("Inference-Header-Content-Length")
        return answer.status, content, None if size is None else int(size)

    def close(self) -> None:
        self._connection.close()


def _tensor(library: Any, name: str, array: np.ndarray) -> Any:
    tensor = library.InferInput(name, list(array.shape), KINDS[array.dtype.kind])
    tensor.set_data_from_numpy(array)
    return tensor


def _error(content: bytes) -> str:
    try:
        return str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace")
