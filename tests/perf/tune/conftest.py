"""A small model whose time is known, and a scenario for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from perf.scenario import Scenario, load_scenario

CONFIG = """
name: "{name}" backend: "python" max_batch_size: 0
input {{ name: "x" data_type: TYPE_FP32 dims: [-1] }}
output {{ name: "y" data_type: TYPE_FP32 dims: [-1] }}
instance_group {{ count: 1 kind: KIND_CPU }}
"""

MODEL = """
import fcntl
import os
import time
import triton_python_backend_utils as pb


class TritonPythonModel:
    def initialize(self, args):
        self.lock = open(os.path.join("{folder}", "lock"), "r+")
        {initialize}

    def execute(self, requests):
        answers = []
        for request in requests:
            x = pb.get_input_tensor_by_name(request, "x").as_numpy()
            {work}
            answers.append(pb.InferenceResponse([pb.Tensor("y", x)]))
        return answers
"""

SLEEP = "time.sleep(0.02)"
FIXED_PACE = """fcntl.flock(self.lock, fcntl.LOCK_EX)
            self.lock.seek(0)
            due = max(float(self.lock.read() or 0) + 0.02, time.time() - 0.03)
            self.lock.seek(0)
            self.lock.write(f"{due:.6f}")
            self.lock.flush()
            fcntl.flock(self.lock, fcntl.LOCK_UN)
            time.sleep(max(0.0, due - time.time()))"""
"""All instances together answer fifty requests a second, however many there are."""


@pytest.fixture
def nap(tmp_path: Path) -> Callable[..., tuple[Path, Scenario]]:
    """Writes a repository with one model, ``nap``: ``nap(work=…, initialize=…)``."""

    def write(work: str = SLEEP, initialize: str = "pass") -> tuple[Path, Scenario]:
        repository = tmp_path / "repository"
        version = repository / "nap" / "1"
        version.mkdir(parents=True)
        (version.parent / "config.pbtxt").write_text(CONFIG.format(name="nap"))
        (version / "model.py").write_text(
            MODEL.format(work=work, initialize=initialize, folder=tmp_path)
        )
        (tmp_path / "lock").touch()
        file = tmp_path / "nap.yaml"
        file.write_text("pipeline: nap\nrequests:\n  - x: {value: [1, 2]}\n  - x: {value: [3]}\n")
        return repository, load_scenario(file)

    return write
