"""A tiny pipeline that every mode can run, and scenarios for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builders.kit.emit.config import model_config
from builders.kit.graph import Ensemble, InstanceGroup, Model, PythonModel, Tensor, closure
from builders.kit.graph.bls import bls
from builders.kit.graph.layout import version_files
from builders.kit.recipe.fusing import Fuser, beside
from repository.arrays import DType
from repository.config.text import to_text

SPLIT = """
import numpy as np

from builders.kit.invalid_argument import InvalidArgument


def prepare(folder, parameters):
    def split(inputs):
        text = inputs["text"].tobytes()
        if b"\\0" in text:
            raise InvalidArgument("text must not hold zeros")
        words = text.split() * int(inputs.get("times", [1])[0])
        return {
            "words": np.array(words, np.object_),
            "lengths": np.array([len(word) for word in words], np.float32),
        }

    return split
"""

DOUBLE = """
def prepare(folder, parameters):
    return lambda inputs: {"y": inputs["x"] * 2}
"""

BROKEN = """
def prepare(folder, parameters):
    raise OSError("no such dictionary")
"""

SAY = """
import itertools

import numpy as np


class Engine:
    def __init__(self):
        self.asked = itertools.count()

    def start(self, inputs, answer):
        words = inputs["text"].tobytes().split()
        for number, word in enumerate(words):
            piece = {
                "word": np.array([word], np.object_),
                "asked": np.array([next(self.asked)], np.int32),
            }
            (answer.end if number == len(words) - 1 else answer.send)(piece)


def prepare(folder, parameters, host):
    return Engine()
"""

TEXT = Tensor("text", DType.UINT8, {"byte": -1})
TIMES = Tensor("times", DType.INT32, {"one": 1}, optional=True)
WORDS = Tensor("words", DType.BYTES, {"word": -1})
LENGTHS, X, Y, TWICE = (
    Tensor(name, DType.FP32, {"word": -1}) for name in ("lengths", "x", "y", "twice")
)
TWO = (InstanceGroup(count=2),)
SAYS = PythonModel(
    name="say",
    inputs=(TEXT,),
    outputs=(
        Tensor("word", DType.BYTES, {"one": 1}),
        Tensor("asked", DType.INT32, {"one": 1}),
    ),
    stage="tiny_say",
    streamed=True,
)

Scenario = Callable[..., Path]


def pipeline(name: str, stage: str) -> Ensemble:
    split = PythonModel(
        name="split",
        inputs=(TEXT, TIMES),
        outputs=(WORDS, LENGTHS),
        stage="tiny_split",
        instances=TWO,
    )
    second = PythonModel(
        name=stage, inputs=(X,), outputs=(Y,), stage=f"tiny_{stage}", instances=TWO
    )
    return Ensemble(
        name=name,
        inputs=(TEXT, TIMES),
        outputs=(WORDS, TWICE),
        steps=split >> second.step({"x": "lengths"}, {"y": "twice"}),
    )


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A repository with ``tiny``, ``tiny_fused``, ``tiny_bls``, ``lame``, a step of which does not
    load, and ``say``, which answers in pieces."""
    folder = tmp_path_factory.mktemp("tiny")
    stages = (("split", SPLIT), ("double", DOUBLE), ("broken", BROKEN), ("say", SAY))
    for name, code in stages:
        (folder / f"tiny_{name}.py").write_text(code)
    sys.path.insert(0, str(folder))
    try:
        tiny, lame = pipeline("tiny", "double"), pipeline("lame", "broken")
        fused = Fuser.among([tiny]).fuse(tiny)
        assert fused is not None
        for model in closure((tiny, beside(fused), bls(tiny), lame, SAYS)):
            write(folder / "models", model)
    finally:
        sys.path.remove(str(folder))
    yield folder / "models"


def write(repository: Path, model: Model) -> None:
    target = repository / model.name
    target.mkdir(parents=True, exist_ok=True)
    (target / "config.pbtxt").write_text(to_text(model_config(model)))
    for name, content in version_files(model, {}).items():
        path = target / "1" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    """Writes a scenario with two requests: ``scenario(pipeline="lame", rounds="1")``."""

    def make(**fields: str) -> Path:
        (tmp_path / "one.txt").write_bytes(b"an ensemble of one")
        (tmp_path / "two.txt").write_bytes(b"and another")
        (tmp_path / "zero.bin").write_bytes(b"\0\1")
        values = {
            "pipeline": "tiny",
            # With every input given, as perf_analyzer wants it for shared memory.
            "requests": "[{text: {file: one.txt}, times: {value: [1]}}, "
            "{text: {file: two.txt}, times: {value: [3]}}]",
            "concurrency": "[1]",
            "count": "4",
            "warmup": "1",
            "cold_starts": "0",
            "rounds": "1",
            "request_rate": "[]",
            "variants": "[]",
            "timeout_seconds": "60",
        }
        path = tmp_path / "scenario.yaml"
        path.write_text("".join(f"{k}: {v}\n" for k, v in (values | fields).items()))
        return path

    return make
