"""A family whose stage asks another family's pipeline, and answers in pieces."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from builders.kit.build.build import BuildError, build
from builders.kit.build.dry_run import dry_run
from builders.kit.checkout import Checkout
from builders.kit.recipe.profile import FamilyOptions, Profile
from builders.kit.tasks.cache import Cache
from builders.kit.tasks.progress import Outcome, Silent
from repository.check.check import check_repository
from repository.findings import errors
from repository.manifest import read_manifest
from repository.release import release
from runtime.inprocess import InProcess
from runtime.options.calls import with_called

INPUT = np.array([1, 2], np.float32)
TOYS = Path(__file__).resolve().parent / "toys"

FAMILY = """
from builders.kit.family import Family, Metric
from builders.kit.graph import PythonModel, Tensor
from repository.arrays import DType

from . import metric

x = Tensor("x", DType.FP32, {"length": -1})
y = Tensor("y", DType.FP32, {"one": 1})
asker = PythonModel(
    name="asker",
    inputs=(x,),
    outputs=(y,),
    stage=f"{__package__}.stages.ask",
    streamed=True,
    asks=("toy",),
)
FAMILY = Family(
    name="asker",
    sources={},
    pipelines=(asker,),
    metrics=(
        Metric(name="sum", pipeline="asker", bound=100, better="lower", measure=metric.total),
    ),
)
"""
METRIC = """
import numpy as np


def total(run):
    return float(run({"x": np.array([1, 2], np.float32)})["y"].sum())
"""
STAGE = """
from __future__ import annotations

import numpy as np


class Engine:
    def __init__(self, host):
        self.host = host

    def start(self, inputs, answer):
        (found,) = self.host.call("toy", [inputs])
        for each in found["y"]:
            answer.send({"y": np.array([each], np.float32)})
        answer.end()


def prepare(folder, parameters, host):
    return Engine(host)
"""


class Told(Silent):
    def __init__(self) -> None:
        self.ran: set[str] = set()

    def finished(self, outcome: Outcome) -> None:
        if outcome.action != "cached":
            self.ran.add(outcome.name)


class Shop:
    """A checkout with both families, a checkpoint, a cache and a place to build to."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        shutil.copytree(TOYS, self.root, ignore=shutil.ignore_patterns("__pycache__"))
        asker = self.root / "toykit" / "asker"
        (asker / "stages").mkdir(parents=True)
        for name, text in (
            *(("__init__.py", ""), ("family.py", FAMILY), ("metric.py", METRIC)),
            *(("stages/__init__.py", ""), ("stages/ask.py", STAGE)),
        ):
            (asker / name).write_text(text)
            os.utime(asker / name, (0, 0))
        self.weights = folder / "weights.json"
        self.out = folder / "repository"
        self.cache = Cache(folder / "cache")

    def profile(self, shift: float, *names: str) -> Profile:
        self.weights.write_text(json.dumps({"factor": 2.0, "shift": shift}))
        options = {
            "toy": FamilyOptions(sources={"weights": f"path:{self.weights}"}, bounds={"error": 9}),
            "asker": FamilyOptions(),
        }
        return Profile.model_construct(
            families={name: options[name] for name in names},
            models={},
            triton="24.10",
            device="cpu",
            precision="fp32",
            hub=False,
            bls=False,
        )

    def build(self, shift: float, *names: str) -> set[str]:
        told = Told()
        checkout = Checkout(self.root, "toykit")
        profile = self.profile(shift, *names)
        build(profile, self.out, told, cache=self.cache, checkout=checkout)
        return told.ran


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    made = Shop(tmp_path)
    monkeypatch.syspath_prepend(made.root)
    for name in [name for name in sys.modules if name.split(".")[0] == "toykit"]:
        del sys.modules[name]
    return made


@pytest.mark.thorough
def test_a_metric_is_measured_anew_if_what_its_pipeline_asks_changes(shop: Shop) -> None:
    assert {"metric asker/sum", "metric toy/error"} <= shop.build(1.0, "toy", "asker")
    assert read_manifest(shop.out).metrics[-1]["value"] == 3.0 + 5.0
    assert errors(check_repository(shop.out, release("24.10"))) == []
    assert with_called(shop.out, ["asker"]) == ("toy", "asker")
    assert not any(each.startswith("metric") for each in shop.build(1.0, "toy", "asker"))
    assert "metric asker/sum" in shop.build(2.0, "toy", "asker")
    assert read_manifest(shop.out).metrics[-1]["value"] == 4.0 + 6.0
    with InProcess(shop.out) as process:
        assert process.run("asker", {"x": INPUT})["y"].tolist() == [4.0, 6.0]


def test_a_pipeline_that_is_asked_and_not_built_is_told_before_the_build(shop: Shop) -> None:
    with pytest.raises(BuildError, match=r"missing-call.*asker.*'toy'"):
        shop.build(1.0, "asker")
    foreseen = dry_run(
        shop.profile(1.0, "asker", "toy"),
        shop.out,
        cache=shop.cache,
        checkout=Checkout(shop.root, "toykit"),
    )
    (metric,) = (each for each in foreseen.tasks if each.name == "metric asker/sum")
    assert metric.action == "depends", metric
