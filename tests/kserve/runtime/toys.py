"""A model that takes its time, or does not load."""

from __future__ import annotations

import json
from pathlib import Path

MODEL = """
import os, time
import triton_python_backend_utils as pb

class TritonPythonModel:
    def initialize(self, arguments):
        {initialize}

    def execute(self, requests):
        time.sleep({seconds} * len(requests))
        return [pb.InferenceResponse([pb.Tensor("y", pb.get_input_tensor_by_name(
            request, "x").as_numpy())]) for request in requests]
"""
GO = "go"
HELD = f"""while not os.path.exists(os.path.join(arguments["model_repository"], {GO!r})):
            time.sleep(0.02)"""
"""A model's ``initialize``: it waits until its folder holds a file of that name."""

CONFIG = """
backend: "python"
max_batch_size: 0
input { name: "x" data_type: TYPE_FP32 dims: 1 }
output { name: "y" data_type: TYPE_FP32 dims: 1 }
instance_group { kind: KIND_CPU count: 1 }
"""


def write(repository: Path, *, initialize: str = "pass", seconds: float = 0.0) -> Path:
    """The model ``slow`` as the only one of a repository that anybody may read."""
    version = repository / "slow" / "1"
    version.mkdir(parents=True)
    (version / "model.py").write_text(MODEL.format(initialize=initialize, seconds=seconds))
    (repository / "slow" / "config.pbtxt").write_text(CONFIG)
    repository.chmod(0o755)
    return repository


def body(number: int) -> bytes:
    """A request, whose answer is its number."""
    tensor = {"name": "x", "datatype": "FP32", "shape": [1], "data": [number]}
    return json.dumps({"inputs": [tensor]}).encode()


def answer(content: bytes) -> float:
    """The number that came back."""
    return float(json.loads(content)["outputs"][0]["data"][0])
