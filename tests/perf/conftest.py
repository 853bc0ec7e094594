"""Small models for the tests of perf, each for what it does under a real Triton."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.perf.fixtures import WriteModel, WritePair
from tests.perf.made_up import make, whole

__all__ = ["make", "whole"]

IO = """
input { name: "x" data_type: TYPE_FP32 dims: [-1] }
input { name: "words" data_type: TYPE_STRING dims: [-1] optional: true }
output { name: "y" data_type: TYPE_FP32 dims: [-1] }
output { name: "said" data_type: TYPE_STRING dims: [-1] }
"""

MODEL = """
import time
import numpy as np
import triton_python_backend_utils as pb


class TritonPythonModel:
    def initialize(self, args):
        self.calls = 0
        {initialize}

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        self.calls += 1
        x = pb.get_input_tensor_by_name(request, "x").as_numpy()
        words = pb.get_input_tensor_by_name(request, "words")
        said = np.array([b"nothing"], dtype=object) if words is None else words.as_numpy()
        if x.size and x[0] < 0:
            error = pb.TritonError("x is negative", pb.TritonError.INVALID_ARG)
            return pb.InferenceResponse(error=error)
        {work}
        return pb.InferenceResponse([pb.Tensor("y", x), pb.Tensor("said", said)])
"""


@pytest.fixture(scope="session")
def write_model() -> WriteModel:
    """Writes a Python model: ``write_model(repository, name, work="x = x * 2")``.

    It returns its inputs, refuses a negative x, and does ``work``, a statement, on each request.
    """

    def write(repository: Path, name: str, *, work: str = "pass", initialize: str = "pass") -> None:
        (repository / name / "1").mkdir(parents=True)
        (repository / name / "1" / "model.py").write_text(
            MODEL.format(work=work, initialize=initialize)
        )
        (repository / name / "config.pbtxt").write_text(
            f'name: "{name}" backend: "python" max_batch_size: 0 {IO}'
            "instance_group { count: 1 kind: KIND_CPU }\n"
        )

    return write


@pytest.fixture(scope="session")
def write_pair() -> WritePair:
    """Writes an ensemble of a model before another: ``write_pair(repository, name, "a", "b")``."""

    def write(repository: Path, name: str, first: str, second: str) -> None:
        (repository / name / "1").mkdir(parents=True)
        (repository / name / "config.pbtxt").write_text(
            f'name: "{name}" platform: "ensemble" max_batch_size: 0 {IO} ensemble_scheduling {{\n'
            f'step {{ model_name: "{first}" model_version: -1\n'
            'input_map { key: "x" value: "x" } input_map { key: "words" value: "words" }\n'
            'output_map { key: "y" value: "between" } }\n'
            f'step {{ model_name: "{second}" model_version: -1\n'
            'input_map { key: "x" value: "between" }\n'
            'output_map { key: "y" value: "y" } output_map { key: "said" value: "said" } }\n'
            "}\n"
        )

    return write
