"""A deployed Triton over HTTP: a pipeline's known question, and its answer as tensors."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import urllib3

from clients.connection.bfloat16 import of_bfloat16
from clients.connection.ports import speaks_grpc
from clients.deployed import pieces
from clients.errors import ClientError
from repository.arrays import Array, Arrays, DType
from repository.usage import Question
from repository.usage.answers import difference
from repository.usage.requests import requests_of
from repository.usage.tensors import taken_by_metadata

_IN_BYTES = (DType.FP16, DType.BF16)
"""Types that Triton does not write as JSON."""


class Wrong(ClientError):
    """A pipeline did not pass; the message is a sentence.

    Attributes:
        result: one word or two for the table.
    """

    def __init__(self, result: str, sentence: str, *, arguments: Sequence[str] = ()) -> None:
        super().__init__(sentence, arguments=arguments)
        self.result = result


class Unreachable(ClientError):
    """Nothing answers at the address; the message is a sentence."""


class Deployed:
    """A Triton behind its public address.

    Args:
        url: ``http://`` or ``https://``, with a path if a gateway routes by one.
        host: the Host header, for a gateway that routes by it; by default that of the URL.
        timeout: seconds that a request may take.
    """

    def __init__(self, url: str, host: str | None = None, timeout: float = 60.0) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Host": host} if host else {}
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, Any], bytes]:
        """The status, the JSON object, and the bytes behind it of one request's answer.

        Raises:
            Unreachable: no connection, no answer in time, or one that is not Triton's.
        """
        answer = self._answer(method, path, body, headers)
        length = answer.headers.get("Inference-Header-Content-Length", "")
        head = int(length) if length.isdecimal() else len(answer.data)
        try:
            content = json.loads(answer.data[:head])
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise self._no_triton(path, answer)
        return answer.status, content, answer.data[head:]

    def _answer(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(
                method, self._url + path, body=body, headers=self._headers | (headers or {})
            )
        except (urllib3.exceptions.HTTPError, ValueError) as problem:
            raise Unreachable(self._why(path, problem)) from problem

    def _no_triton(self, path: str, answer: urllib3.BaseHTTPResponse) -> Unreachable:
        return Unreachable(
            f"what answers at {self._url}{path} is no Triton (expected a JSON object, found "
            f"HTTP {answer.status} and {answer.data[:60]!r}); where a gateway routes by host "
            "name, give it",
            arguments=("host",),
        )

    def _why(self, path: str, problem: Exception) -> str:
        """A sentence for a request that got no answer."""
        where = urlsplit(self._url)
        port = where.port or {"http": 80, "https": 443}[where.scheme]
        garbled = isinstance(problem, urllib3.exceptions.ProtocolError)
        if garbled and speaks_grpc(where.hostname or "", port):
            return (
                f"{where.hostname}:{port} speaks gRPC, and the address of HTTP is asked for; "
                "Triton's HTTP port is 8000, unless `--http-port` says otherwise"
            )
        said = {
            urllib3.exceptions.NameResolutionError: "its name is not known here",
            urllib3.exceptions.SSLError: "it does not speak TLS, or its certificate is not trusted",
            urllib3.exceptions.NewConnectionError: "it refuses the connection, or is not there",
            urllib3.exceptions.TimeoutError: "it did not answer in time",
            urllib3.exceptions.ProtocolError: "it closed the connection, or does not speak HTTP",
        }
        why = next((text for kind, text in said.items() if isinstance(problem, kind)), None)
        return (
            f"nothing answers at {self._url}{path}: {why or type(problem).__name__}; check the "
            "address, and that the pods are ready: kubectl get inferenceservice"
        )

    def models(self) -> list[str]:
        """The names of the models that are served, sorted.

        Raises:
            Unreachable: nothing answers.
        """
        # Not the repository index: the bundle's runtime asks for the admin key there.
        _, statistics, _ = self.request("GET", "/v2/models/stats")
        return sorted({str(each["name"]) for each in statistics.get("model_stats", ())})

    def is_ensemble(self, name: str) -> bool:
        """Whether a model that is served is an ensemble; raises as :meth:`models`."""
        return self.request("GET", f"/v2/models/{name}")[1].get("platform") == "ensemble"

    def ask(self, name: str, question: Question) -> None:
        """Asks a pipeline its known question.

        Raises:
            Wrong: it is not served, it refused, or its answer is another.
            Unreachable: nothing answers.
            RequestUnfit: the question does not fit this pipeline.
        """
        status, metadata, _ = self.request("GET", f"/v2/models/{name}")
        if status != 200:
            raise Wrong(
                "missing",
                f"{name} is not served at {self._url} ({metadata.get('error')}); check the "
                "service's storageUri and its log, or ask others alone",
                arguments=("pipeline",),
            )
        (inputs,) = requests_of(name, [question.inputs], taken_by_metadata(metadata))
        types = {each["name"]: each["datatype"] for each in metadata.get("outputs", ())}
        wanted = {each: types.get(each, "") for each in question.answer}
        asked = self._in_pieces if self._is_decoupled(name) else self._at_once
        found = asked(name, inputs, wanted)
        if told := difference(question.answer, found):
            raise Wrong("wrong", f"{name} gave a wrong answer: {told}")

    def _at_once(self, name: str, inputs: Arrays, wanted: Mapping[str, str]) -> dict[str, Array]:
        sent = self.request("POST", f"/v2/models/{name}/infer", *_infer(inputs, wanted))
        status, answer, behind = sent
        if status != 200:
            raise _refusal(name, status, answer)
        return dict(_outputs(answer.get("outputs", ()), behind))

    def _in_pieces(self, name: str, inputs: Arrays, wanted: Mapping[str, str]) -> dict[str, Array]:
        path = f"/v2/models/{name}/generate_stream"
        try:
            answer = self._answer("POST", path, pieces.body_of(inputs))
        except pieces.NotInJson as problem:
            raise Wrong("unfit", f"{name}: {problem}") from problem
        events = pieces.events_of(answer.data)
        if events is None:
            raise self._no_triton(path, answer)
        for each in events:
            if answer.status != 200 or "error" in each:
                raise _refusal(name, answer.status, each)
        return pieces.outputs_of(events, wanted)

    def _is_decoupled(self, name: str) -> bool:
        """Whether a model answers in pieces, which HTTP's ``infer`` has no form for."""
        _, config, _ = self.request("GET", f"/v2/models/{name}/config")
        return bool(config.get("model_transaction_policy", {}).get("decoupled"))


def _refusal(name: str, status: int, answer: Mapping[str, Any]) -> Wrong:
    return Wrong("refused", f"{name} refused (HTTP {status}): {answer.get('error')}")


def _infer(inputs: Arrays, outputs: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """The body and headers of a request with binary tensors, whose answer is JSON if it can be.

    https://github.com/triton-inference-server/server, docs/protocol/extension_binary_data.md.

    Args:
        inputs: by name.
        outputs: name -> data type.
    """
    contents = {name: _bytes(array) for name, array in inputs.items()}
    head = json.dumps(
        {
            "inputs": [
                {
                    "name": name,
                    "datatype": str(DType.from_numpy(array.dtype)),
                    "shape": list(array.shape),
                    "parameters": {"binary_data_size": len(contents[name])},
                }
                for name, array in inputs.items()
            ],
            "outputs": [
                {"name": name, "parameters": {"binary_data": dtype in _IN_BYTES}}
                for name, dtype in outputs.items()
            ],
        }
    ).encode()
    return head + b"".join(contents.values()), {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(head)),
    }


def _bytes(array: Array) -> bytes:
    if array.dtype != np.object_:
        return array.tobytes()
    texts = [
        each if isinstance(each, bytes) else str(each).encode() for each in array.ravel().tolist()
    ]
    return b"".join(struct.pack("<I", len(each)) + each for each in texts)


def _outputs(told: Sequence[Mapping[str, Any]], behind: bytes) -> Iterator[tuple[str, Array]]:
    """The outputs of an answer: as JSON has them, or in the bytes behind it."""
    for output in told:
        dtype, shape = DType(output["datatype"]), [int(each) for each in output["shape"]]
        size = output.get("parameters", {}).get("binary_data_size")
        if size is None and dtype is DType.BYTES:
            array: Array = np.array([str(each).encode() for each in output["data"]], np.object_)
        elif size is None:
            array = np.array(output["data"], dtype.numpy)
        else:
            content, behind = behind[:size], behind[size:]
            is_bfloat16 = dtype is DType.BF16
            array = of_bfloat16(content) if is_bfloat16 else np.frombuffer(content, dtype.numpy)
        yield str(output["name"]), array.reshape(shape)
