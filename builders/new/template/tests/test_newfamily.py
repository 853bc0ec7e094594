"""The family builds, and its pipeline answers as it should."""

from __future__ import annotations

import shutil
import tempfile
import unittest
from pathlib import Path

import numpy as np

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


class TestNewfamily(unittest.TestCase):
    profile: Profile
    folder: Path
    repository: Path

    @classmethod
    def setUpClass(cls) -> None:
        """Builds the repository. A build fails if parity, metric or a config is wrong."""
        cls.profile = load_profile(PROFILE)
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.repository = cls.folder / "model_repository"
        build(cls.profile, cls.repository)

    def test_the_known_question_is_answered(self) -> None:
        code = [f"path:{folder}" for folder in self.profile.code.values()]
        usage = usages(code=code).of("newfamily")
        assert usage is not None and usage.question is not None
        taken = taken_by(read_config(self.repository / "newfamily" / "config.pbtxt"))
        (request,) = requests_of("newfamily", [usage.question.inputs], taken)
        answer = InProcess(self.repository).run("newfamily", request)
        self.assertIsNone(difference(usage.question.answer, answer))
        self.assertAlmostEqual(float(answer["score"].sum()), 1, places=5)

    def test_what_is_no_image_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "image"):
            InProcess(self.repository).run("newfamily", {"image": np.zeros(100, np.uint8)})

    def test_a_checkpoint_may_be_an_onnx_file(self) -> None:
        own = self.folder / "checkpoint"
        own.mkdir()
        shipped = Checkout(code=self.profile.code).folder("newfamily") / "checkpoint"
        shutil.copy(shipped / "config.json", own)
        shutil.copy(self.repository / "newfamily_classify" / "1" / "model.onnx", own)
        code = self.profile.families["newfamily"].code
        families = {"newfamily": FamilyOptions(code=code, sources={"network": f"path:{own}"})}
        build(self.profile.model_copy(update={"families": families}), self.folder / "other")
