"""A family that the profile configures: its own keys, read with the profile's lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from builders.errors import FamilyError
from builders.kit.checkout import Checkout
from builders.kit.family import Conditions, ConfiguredFamily, Export, Family, Parity
from builders.kit.graph import OnnxModel, Tensor
from builders.kit.recipe import profile as profile_module
from builders.kit.recipe.profile import Options, ProfileError, load_profile
from builders.kit.recipe.recipe import Recipe, make_recipe
from repository.arrays import DType
from repository.findings import Finding, finding_of


class Model(Options):
    source: str
    size: int = Field(default=1, ge=1)


class Own(Options):
    models: dict[str, Model] = Field(min_length=1)


COMPARED = Parity(
    reference=lambda checkpoint, inputs: {}, inputs=list, absolute=1e-5, relative=1e-5
)


def make(options: Own, conditions: Conditions) -> Family:
    tensor = Tensor("x", DType.FP32, {"length": -1})
    for name, model in options.models.items():
        if not conditions.checkpoint(model.source).is_file():
            where = conditions.place("models", name, "source")
            raise FamilyError([finding_of("mine", where, "a file", "none", "Name one.")])
    return Family(
        name="mine",
        sources={name: model.source for name, model in options.models.items()},
        pipelines=tuple(
            OnnxModel(
                name=name,
                inputs=(tensor,),
                outputs=(tensor,),
                export=Export(
                    name=name, source=name, make=lambda checkpoint, out: {}, parity=COMPARED
                ),
                parameters={"release": conditions.release.name, "device": conditions.device},
            )
            for name in options.models
        ),
        metrics=(),
    )


class Shelf(Checkout):
    def load(self, family: str) -> Family | ConfiguredFamily:
        if family == "plain":
            return Family(name="plain", sources={}, pipelines=(), metrics=())
        return ConfiguredFamily(name="mine", options=Own, make=make)


@pytest.fixture(autouse=True)
def families(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Profiles may name two families."""
    for name in ("mine", "plain"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "family.py").write_text("")
    (tmp_path / "weights.json").write_text("{}")
    monkeypatch.setattr(profile_module, "BUILDERS", tmp_path)
    monkeypatch.chdir(tmp_path)


def read(tmp_path: Path, text: str) -> Recipe:
    (tmp_path / "mine.yaml").write_text(f"triton: 24.10\nfamilies:\n{text}")
    return make_recipe(load_profile(tmp_path / "mine.yaml"), Shelf())


def refusals(tmp_path: Path, text: str) -> dict[str, Finding]:
    with pytest.raises(ProfileError) as caught:
        read(tmp_path, text)
    return {finding.where: finding for finding in caught.value.findings}


def test_the_profile_makes_its_models(tmp_path: Path) -> None:
    found = read(tmp_path, "  mine:\n    models: {one: {source: 'path:weights.json'}}\n")
    (model,) = found.models
    assert (model.name, model.parameters) == ("one", {"release": "24.10", "device": "cpu"})
    assert found.sources["mine/one"].path == tmp_path / "weights.json"


def test_every_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    told = refusals(
        tmp_path,
        "  plain:\n"
        "    modells: {}\n"
        "  mine:\n"
        "    modles: 3\n"
        "    models:\n"
        "      one:\n"
        "        sourse: x\n"
        "        size: 0\n",
    )
    assert told.keys() == {
        "mine.yaml, line 4, families.plain.modells",
        "mine.yaml, line 6, families.mine.modles",
        "mine.yaml, line 8, families.mine.models.one.source",
        "mine.yaml, line 9, families.mine.models.one.sourse",
        "mine.yaml, line 10, families.mine.models.one.size",
    }
    assert told["mine.yaml, line 6, families.mine.modles"].remedy == "Did you mean 'models'?"
    assert told["mine.yaml, line 9, families.mine.models.one.sourse"].remedy == (
        "Did you mean 'source'?"
    )
    missing = told["mine.yaml, line 8, families.mine.models.one.source"]
    assert missing.remedy == "Write families.mine.models.one.source."


def test_what_the_family_refuses_has_its_line_too(tmp_path: Path) -> None:
    told = refusals(tmp_path, "  mine:\n    models: {one: {source: 'path:.'}}\n")
    assert len(told) == 1 and "weights" in str(*told.values())  # the folder holds no weights
    (tmp_path / "plain" / "a.onnx").write_bytes(b"")
    told = refusals(tmp_path, "  mine:\n    models: {one: {source: 'path:plain'}}\n")
    assert told.keys() == {"mine.yaml, line 4, families.mine.models.one.source"}


def test_its_sources_stand_in_its_own_options(tmp_path: Path) -> None:
    told = refusals(tmp_path, "  mine: {sources: {one: 'path:weights.json'}}\n")
    (finding,) = told.values()
    assert finding.where == "mine.yaml, line 3, families.mine.sources"
