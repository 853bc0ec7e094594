"""Small models for the runtime's tests, and ways to call them."""

from __future__ import annotations

import json
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from runtime.server.control import Control
from tests.runtime.fixtures import Ensemble, Infer, PythonModel, WaitUntil
from tests.waiting import SECONDS, until

CONFIG = """
name: "{name}" {implementation} max_batch_size: 0
input {{ name: "x" data_type: TYPE_FP32 dims: [-1] }}
output {{ name: "y" data_type: TYPE_FP32 dims: [-1] }}
{rest}
"""

EXECUTE = """
import time
import triton_python_backend_utils as pb


class TritonPythonModel:
    def execute(self, requests):
        answers = []
        for request in requests:
            x = pb.get_input_tensor_by_name(request, "x").as_numpy()
            {work}
            answers.append(pb.InferenceResponse([pb.Tensor("y", x)]))
        return answers
"""

SLEEP = "time.sleep(float(x[0]))"
"""A model's work: as many seconds as the first element says."""


def held_by(file: Path) -> str:
    """A model's work: it waits for as long as a file exists, and then sleeps as :data:`SLEEP`."""
    return f"while __import__('os').path.exists({str(file)!r}): time.sleep(0.02)\n{' ' * 12}{SLEEP}"


@pytest.fixture(scope="session")
def python_model() -> PythonModel:
    """Writes a model that returns its input: ``python_model(repository, name, work=…)``."""

    def write(
        repository: Path, name: str, *, work: str = SLEEP, count: int = 1, rest: str = ""
    ) -> None:
        version = repository / name / "1"
        version.mkdir(parents=True)
        instances = f"instance_group {{ count: {count} kind: KIND_CPU }} {rest}"
        (version.parent / "config.pbtxt").write_text(
            CONFIG.format(name=name, implementation='backend: "python"', rest=instances)
        )
        (version / "model.py").write_text(textwrap.dedent(EXECUTE.format(work=work)))

    return write


@pytest.fixture(scope="session")
def ensemble() -> Ensemble:
    """Writes a chain of models as an ensemble: ``ensemble(repository, name, ["a", "b"])``."""

    def write(repository: Path, name: str, models: Sequence[str]) -> None:
        (repository / name / "1").mkdir(parents=True)
        tensors = ["x", *(f"between{i}" for i in range(1, len(models))), "y"]
        steps = "".join(
            f'step {{ model_name: "{model}" model_version: -1 '
            f'input_map {{ key: "x" value: "{before}" }} '
            f'output_map {{ key: "y" value: "{after}" }} }}\n'
            for model, before, after in zip(models, tensors, tensors[1:], strict=False)
        )
        (repository / name / "config.pbtxt").write_text(
            CONFIG.format(
                name=name,
                implementation='platform: "ensemble"',
                rest=f"ensemble_scheduling {{ {steps} }}",
            )
        )

    return write


@pytest.fixture(scope="session")
def infer() -> Infer:
    """One inference over HTTP: ``infer(control, model, [0.0, 1.0])``."""

    def call(control: Control, model: str, values: Sequence[float]) -> list[float]:
        body = {
            "inputs": [
                {"name": "x", "datatype": "FP32", "shape": [len(values)], "data": list(values)}
            ]
        }
        answer = control.request("POST", f"/v2/models/{model}/infer", json.dumps(body).encode())
        data = json.loads(answer)["outputs"][0]["data"]
        return [float(value) for value in data]

    return call


@pytest.fixture(scope="session")
def wait_until() -> WaitUntil:
    """Waits for a condition and gives the seconds that it took; fails after ``seconds``."""

    def wait(condition: Callable[[], bool], seconds: float = SECONDS) -> float:
        started = time.monotonic()
        until(condition, seconds)
        return time.monotonic() - started

    return wait
