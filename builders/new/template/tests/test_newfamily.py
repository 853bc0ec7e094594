"""The family builds, and its pipeline answers as it should."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from builders.kit.build.build import build
from builders.kit.checkout import Checkout
from builders.kit.recipe.profile import FamilyOptions, Profile, load_profile
from repository.config.text import read_config
from repository.usage.answers import difference
from repository.usage.found import usages
from repository.usage.requests import requests_of
from repository.usage.tensors import taken_by
from runtime.inprocess import InProcess

PROFILE = Path(__file__).resolve().parents[1] / "newfamily.yaml"


@pytest.fixture(scope="module")
def profile() -> Profile:
    return load_profile(PROFILE)


@pytest.fixture(scope="module")
def repository(profile: Profile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository. A build fails if parity, metric or a config is wrong."""
    folder = tmp_path_factory.mktemp("built") / "model_repository"
    build(profile, folder)
    return folder


def test_the_known_question_is_answered(profile: Profile, repository: Path) -> None:
    code = [f"path:{folder}" for folder in profile.code.values()]
    usage = usages(code=code).of("newfamily")
    assert usage is not None and usage.question is not None
    taken = taken_by(read_config(repository / "newfamily" / "config.pbtxt"))
    (request,) = requests_of("newfamily", [usage.question.inputs], taken)
    answer = InProcess(repository).run("newfamily", request)
    assert difference(usage.question.answer, answer) is None
    assert answer["score"].sum() == pytest.approx(1)


def test_what_is_no_image_is_refused(repository: Path) -> None:
    with pytest.raises(ValueError, match="image"):
        InProcess(repository).run("newfamily", {"image": np.zeros(100, np.uint8)})


def test_a_checkpoint_may_be_an_onnx_file(
    profile: Profile, repository: Path, tmp_path: Path
) -> None:
    checkpoint = Checkout(code=profile.code).folder("newfamily") / "checkpoint"
    shutil.copy(checkpoint / "config.json", tmp_path)
    shutil.copy(repository / "newfamily_classify" / "1" / "model.onnx", tmp_path)
    own = profile.families["newfamily"]
    families = {"newfamily": FamilyOptions(code=own.code, sources={"network": f"path:{tmp_path}"})}
    build(profile.model_copy(update={"families": families}), tmp_path / "model_repository")
