"""A stage that Triton's interpreter could not run is refused before anything is built."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.kit.checkout import Checkout
from builders.kit.graph import PythonModel, closure
from builders.kit.graph.stage_imports import allowed, stage_mistakes
from repository.findings import Finding
from runtime.machine.environment import ServerEnvironment

PREPARE = "\n\ndef prepare(folder, parameters):\n    return lambda inputs: inputs\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "toystages").mkdir()
    (tmp_path / "toystages" / "__init__.py").touch()
    yield tmp_path / "toystages"
    for name in [each for each in sys.modules if each.partition(".")[0] == "toystages"]:
        del sys.modules[name]


def mistakes(folder: Path, code: str, parameters: dict[str, str] | None = None) -> list[Finding]:
    (folder / "label.py").write_text(code + PREPARE)
    return list(stage_mistakes(stage(parameters or {})))


def stage(parameters: dict[str, str], name: str = "label") -> PythonModel:
    return PythonModel(
        name="label", inputs=(), outputs=(), stage=f"toystages.{name}", parameters=parameters
    )


def test_what_triton_has_may_be_imported(folder: Path) -> None:
    (folder / "words.py").write_text("import cv2\n")
    code = """
from __future__ import annotations
import json, os.path
import numpy as np
from PIL import Image
import soundfile, soxr, tokenizers, onnxruntime, jinja2
from flashlight.lib.text import decoder
import triton_python_backend_utils as pb_utils
from typing import TYPE_CHECKING
from builders.kit.invalid_argument import InvalidArgument
from builders.stages import colours
from . import words
if TYPE_CHECKING:
    import torch
try:
    import torchvision
except ImportError:
    torchvision = None
"""
    assert mistakes(folder, code) == []


@pytest.mark.parametrize(
    ("code", "line", "found"),
    [
        ("import torch", 1, "torch"),
        ("\nimport torch.nn.functional as F", 2, "torch.nn.functional"),
        ("from transformers import pipeline", 1, "transformers"),
        ("def run():\n    import scipy", 2, "scipy"),
        ("try:\n    import scipy\nfinally:\n    pass", 2, "scipy"),
        ("import tomllib", 1, "tomllib"),
        ("import builders.stages.colours", 1, "builders.stages.colours"),
        ("import onnx", 1, "onnx"),
    ],
)
def test_what_triton_has_not_is_refused(folder: Path, code: str, line: int, found: str) -> None:
    (finding,) = mistakes(folder, code)
    assert finding.where == f"stage of label, {'/'.join(folder.parts[-2:])}/label.py, line {line}"
    assert finding.found == f"'{found}'"
    assert "numpy, cv2, PIL, soundfile" in finding.expected


def test_modules_that_a_stage_imports_are_looked_at_too(folder: Path) -> None:
    (folder / "words.py").write_text("import json\nimport torch\n")
    (finding,) = mistakes(folder, "from .words import x")
    assert finding.where.endswith("toystages/words.py, line 2")


def test_a_model_with_an_environment_of_its_own_may_import_what_it_has(folder: Path) -> None:
    assert mistakes(folder, "import torch", {"EXECUTION_ENV_PATH": "env.tar.gz"}) == []


def test_all_that_is_wrong_with_a_stage_is_told_at_once(folder: Path) -> None:
    (folder / "broken.py").write_text("x = 1\ndef f(:\n")
    (folder / "newer.py").write_text("try:\n    pass\nexcept* ValueError:\n    pass\n")
    found = mistakes(
        folder, "import torch\nfrom . import broken, newer\nfrom .nothere import x\nimport scipy"
    )
    told = "\n".join(map(str, found))
    assert len(found) == 5, told
    assert "broken.py, line 2: expected the language of Python 3.10" in told
    assert "newer.py, line 4" in told
    assert "found 'torch'" in told and "found 'scipy'" in told
    assert "expected a module 'nothere' in toystages, found none" in told


def test_a_stage_that_is_not_there_or_prepares_nothing_is_refused(folder: Path) -> None:
    (finding,) = stage_mistakes(stage({}, "lable"))
    assert "expected a module 'lable' in toystages, found none" in str(finding)
    (folder / "label.py").write_text("def run(inputs):\n    return inputs\n")
    (finding,) = stage_mistakes(stage({}))
    assert "expected a function prepare(folder, parameters), found none" in str(finding)
    (folder / "label.py").write_text("from .shared import make as prepare\n")
    (folder / "shared.py").write_text("def make(folder, parameters): ...\n")
    assert list(stage_mistakes(stage({}))) == []


@pytest.mark.thorough
def test_no_stage_of_the_kit_has_a_mistake() -> None:
    for name in Checkout().families:
        family = Checkout().declared(name)
        for model in closure(family.pipelines if family else ()):
            assert [str(each) for each in stage_mistakes(model)] == []


def test_what_is_allowed_is_installed_where_triton_runs(
    server_environment: ServerEnvironment,
) -> None:
    there = {path.stem.partition(".")[0] for path in server_environment.packages.iterdir()}
    assert set(allowed()) <= there
