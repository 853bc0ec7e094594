"""Stages run under the numpy of Triton's environment, 1.26, as under the builder's, 2.x."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.machine.environment import ServerEnvironment

ROOT = Path(__file__).resolve().parents[3]
STAGES = sorted(
    path
    for path in (ROOT / "tests" / "builders").rglob("stages")
    if path.is_dir() and not path.is_relative_to(ROOT / "tests" / "builders" / "kit")
)

ANSWERS = """
import json, sys
from pathlib import Path
import numpy as np
from runtime.inprocess import InProcess

pipelines, found = InProcess(Path("model_repository")), {"numpy": np.__version__}
for name, field, file in (("ocr", "image", "page.png"), ("asr", "audio", "talk.wav")):
    sent = np.fromfile(Path("clients/examples", file), np.uint8)
    answer = pipelines.run(name, {field: sent})
    found[name] = {key: [str(each.dtype), str(each.tolist())] for key, each in answer.items()}
json.dump(found, sys.stdout)
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def older(server_environment: ServerEnvironment, tmp_path: Path) -> Run:
    """Runs a command of this environment's Python with the other's numpy."""
    packages = server_environment.packages
    for name in ("numpy", "numpy.libs"):
        (tmp_path / name).symlink_to(packages / name)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.thorough
def test_the_pipelines_answer_alike_under_both(older: Run) -> None:
    before = told(older("-c", ANSWERS))
    now = told(
        subprocess.run([sys.executable, "-c", ANSWERS], cwd=ROOT, capture_output=True, text=True)
    )
    assert before.pop("numpy").startswith("1.26.")
    assert now.pop("numpy") == np.__version__ >= "2."
    assert "Harbour Gazette" in before["ocr"]["text"][1]
    assert before == now


@pytest.mark.thorough
def test_the_stages_own_tests_pass_under_the_older(older: Run) -> None:
    assert len(STAGES) > 2
    said = older("-c", "import numpy; print(numpy.__version__)").stdout
    assert said.startswith("1.26."), said
    done = older("-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, STAGES))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    assert " passed" in done.stdout
