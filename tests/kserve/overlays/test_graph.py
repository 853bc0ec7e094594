"""The InferenceGraph carries V2 payloads: its steps, routed as KServe does, to a real Triton."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import pytest

from runtime.server.server import LocalServer
from tests.kserve.render import shipped

MODEL = """
import numpy, triton_python_backend_utils as pb

class TritonPythonModel:
    def execute(self, requests):
        {act}
"""
ANSWERS = """
        return [pb.InferenceResponse([pb.Tensor("{output}", pb.get_input_tensor_by_name(
            request, "{input}").as_numpy() + b"{suffix}")]) for request in requests]
"""
REFUSES = """
        why = pb.TritonError("Exceeds maximum queue size", pb.TritonError.UNAVAILABLE)
        return [pb.InferenceResponse([], why) for _ in requests]
"""
CONFIG = """
backend: "python"
max_batch_size: 0
input {{ name: "{input}" data_type: TYPE_STRING dims: -1 }}
output {{ name: "{output}" data_type: TYPE_STRING dims: -1 }}
instance_group {{ kind: KIND_CPU count: 1 }}
"""


def add(server: LocalServer, name: str, act: str, names: dict[str, str]) -> None:
    folder = server.repository / name
    (folder / "1").mkdir(parents=True)
    body = act.format(**names, suffix=f" {name}") if act is ANSWERS else act
    (folder / "1" / "model.py").write_text(MODEL.format(act=body.strip("\n").strip()))
    (folder / "config.pbtxt").write_text(CONFIG.format(**names))
    server.control.load(name)


def post(url: str, body: bytes) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def sequence(steps: list[dict[str, Any]], body: bytes) -> tuple[int, bytes]:
    """A node of type Sequence (kserve/kserve v0.20.0, cmd/router/main.go, routeStep)."""
    code, answer = 0, b""
    for number, step in enumerate(steps):
        request = answer if step.get("data") == "$response" and number > 0 else body
        if condition := step.get("condition"):
            assert condition.isidentifier()  # of gjson's paths, this knows a field's name
            if condition not in json.loads(answer):
                return 200, answer
        code, answer = post(step["serviceUrl"], request)
        if step.get("dependency") == "Hard" and not 200 <= code <= 299:
            return code, answer
    return code, answer


def infer(text: str) -> bytes:
    tensor = {"name": "text", "datatype": "BYTES", "shape": [1], "data": [text]}
    return json.dumps({"id": "7", "inputs": [tensor]}).encode()


@pytest.fixture(scope="module")
def models(triton: LocalServer) -> str:
    """The address of a server with a model that refuses, and two that can follow each other."""
    add(triton, "refuses", REFUSES, {"input": "text", "output": "read"})
    add(triton, "reads", ANSWERS, {"input": "text", "output": "read"})
    add(triton, "follows", ANSWERS, {"input": "read", "output": "said"})
    return f"http://{triton.http}/v2/models"


def routed(models: str, served: dict[str, str]) -> list[dict[str, Any]]:
    """The shipped graph's steps, with each host's pipeline served by a model of that server."""
    (graph,) = shipped("base/graph")
    assert set(graph["spec"]["nodes"]) == {"root"}
    assert graph["spec"]["nodes"]["root"]["routerType"] == "Sequence"
    steps: list[dict[str, Any]] = graph["spec"]["nodes"]["root"]["steps"]
    for step in steps:
        host = str(urlsplit(step["serviceUrl"]).hostname).partition("-predictor")[0]
        step["serviceUrl"] = f"{models}/{served[host]}/infer"
    return steps


@pytest.mark.parametrize(
    ("served", "expected"),
    [
        ({"ocr": "reads", "multimodal": "refuses"}, (200, ["page reads"])),
        ({"ocr": "refuses", "multimodal": "reads"}, (200, ["page reads"])),
        ({"ocr": "refuses", "multimodal": "refuses"}, (503, None)),
    ],
)
def test_what_one_service_refuses_the_next_answers(
    models: str, served: dict[str, str], expected: tuple[int, list[str] | None]
) -> None:
    code, answer = sequence(routed(models, served), infer("page"))
    outputs = json.loads(answer).get("outputs")
    assert (code, outputs and outputs[0]["data"]) == expected
    if outputs:
        assert json.loads(answer)["id"] == "7"


def test_v2_outputs_are_no_inputs_and_generate_passes_them_on(models: str) -> None:
    chain = ["reads", "follows"]
    steps = [{"serviceUrl": f"{models}/{each}/infer", "data": "$response"} for each in chain]
    code, answer = sequence(steps, infer("page"))
    assert code == 500
    assert "non-existing object member 'inputs'" in json.loads(answer)["error"]
    steps = [{"serviceUrl": f"{models}/{each}/generate", "data": "$response"} for each in chain]
    code, answer = sequence(steps, json.dumps({"text": ["page"]}).encode())
    assert (code, json.loads(answer).get("said")) == (200, "page reads follows"), answer
