"""A profile made concrete: which models, exports and checkpoints a build is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builders.kit.checkout import Checkout
from builders.kit.family import Export, Family, Metric
from builders.kit.graph import Ensemble, Model, OnnxModel, PythonModel, Tensor
from builders.kit.recipe.profile import (
    FamilyOptions,
    InstanceOptions,
    ModelOptions,
    Profile,
    ProfileError,
)
from builders.kit.recipe.recipe import Recipe, make_recipe
from repository.arrays import DType
from repository.families.places import Place
from tests.builders.kit.declared import export, file


def tensor(name: str) -> Tensor:
    return Tensor(name, DType.FP32, {"length": -1})


SHARED = PythonModel(
    name="decode",
    inputs=(tensor("x"),),
    outputs=(tensor("pixels"),),
    stage="builders.stages.decode_image",
)


MODEL = export("model")


def family(name: str, model: Export = MODEL, **changes: object) -> Family:
    own = OnnxModel(
        name=f"{name}_model",
        inputs=(tensor("pixels"),),
        outputs=(tensor("y"),),
        export=model,
    )
    pipeline = Ensemble(
        name=name, inputs=(tensor("x"),), outputs=(tensor("y"),), steps=SHARED >> own
    )
    declared = Family(
        name=name,
        sources={"weights": "path:weights.json", "other": "path:/does/not/exist"},
        pipelines=(pipeline,),
        metrics=(),
    )
    return replace(declared, **changes)  # type: ignore[arg-type]


class Shelf(Checkout):
    """Families given as they are."""

    given: tuple[Family, ...] = ()

    def load(self, family: str) -> Family:
        return next(each for each in self.given if each.name == family)

    def place(self, family: str) -> Place:
        return Place(Path.cwd(), family, {}, "here")


def recipe(
    *families: Family,
    bls: bool = False,
    sources: Mapping[str, str] | None = None,
    models: Mapping[str, ModelOptions] | None = None,
    bounds: Mapping[str, float] | None = None,
) -> Recipe:
    checkout = Shelf()
    object.__setattr__(checkout, "given", families)
    profile = Profile.model_construct(
        triton="24.10",
        device="cpu",
        precision="fp32",
        families={
            each.name: FamilyOptions(sources=dict(sources or {}), bounds=dict(bounds or {}))
            for each in families
        },
        hub=False,
        bls=bls,
        models=dict(models or {}),
    )
    return make_recipe(profile, checkout)


@pytest.fixture(autouse=True)
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights.json").write_text("{}")
    monkeypatch.chdir(tmp_path)


def names(models: tuple[Model, ...]) -> list[str]:
    return [model.name for model in models]


def test_a_model_that_two_families_share_is_built_once() -> None:
    found = recipe(family("one"), family("two"))
    assert names(found.models) == ["decode", "one_model", "one", "two_model", "two"]
    assert found.owners["decode"] == ("one", "two")
    assert found.owners["one_model"] == ("one",)


def test_equal_names_of_exports_in_two_families_stay_apart() -> None:
    found = recipe(family("one"), family("two"))
    model = next(each for each in found.models if each.name == "two_model")
    assert found.exports_of(model) == {"model": "two/model"}
    assert list(found.exports) == ["one/model", "two/model"]


def test_only_what_models_need_is_resolved_and_made() -> None:
    found = recipe(family("one"))
    assert list(found.exports) == ["one/model"]
    assert list(found.sources) == ["one/weights"]


def test_twins_are_made_where_asked() -> None:
    assert "one_bls" in names(recipe(family("one"), bls=True).models)


def test_all_that_is_wrong_is_told_at_once() -> None:
    one = family("one", export("model", "wieghts"))
    lost = family("two", sources={"weights": "path:nowhere", "other": "path:weights.json"})
    with pytest.raises(ProfileError) as caught:
        recipe(one, lost)
    told = {finding.where: finding for finding in caught.value.findings}
    assert told["family one, export model, source"].remedy == "Did you mean 'weights'?"
    assert "nowhere" in told["source two/weights"].found
    assert len(told) == 2


def test_models_that_refer_to_exports_wrongly_are_told_at_once() -> None:
    named: Any = "model"
    words = replace(SHARED, name="words", outputs=(tensor("z"),), exports=(named,))
    plain = OnnxModel(
        name="plain", inputs=(tensor("x"),), outputs=(tensor("y"),), export=file("plain")
    )
    other = replace(plain, name="other", export=export("model", "other"))
    one, two = family("one", named), family("two")
    with pytest.raises(ProfileError) as caught:
        recipe(one, replace(two, pipelines=(*two.pipelines, words, plain, other)))
    told = {finding.where: (finding.found, finding.remedy) for finding in caught.value.findings}
    assert told == {
        "family one, model one_model": (
            "'model'",
            "Write export=DETECTOR, where DETECTOR = Export(name=..., ...).",
        ),
        "family two, model words": (
            "'model'",
            "Write exports=(WORDS,), where WORDS = Export.file(...).",
        ),
        "family two, model plain": (
            "'plain', which has none",
            "Declare Export(parity=Parity(...)).",
        ),
        "family two, export model": (
            "two that differ",
            "Rename one, or let both models share one declaration.",
        ),
    }


def test_two_files_of_one_name_that_exports_are_made_from_are_refused() -> None:
    other = OnnxModel(
        name="other",
        inputs=(tensor("x"),),
        outputs=(tensor("y"),),
        export=replace(export("second"), of=replace(file("base"), options={"opset": 18})),
    )
    one = family("one", replace(MODEL, of=file("base")))
    with pytest.raises(ProfileError) as caught:
        recipe(replace(one, pipelines=(*one.pipelines, other)))
    (told,) = caught.value.findings
    assert (told.where, told.found) == ("family one, export base", "two that differ")


def test_the_file_that_an_export_is_made_from_is_made_too() -> None:
    base = file("base")
    found = recipe(family("one", replace(MODEL, of=base)))
    assert list(found.exports) == ["one/base", "one/model"]
    assert found.bases_of("one/model") == ("one/base",)
    assert found.families["one"].exports == (base, replace(MODEL, of=base))


def test_an_export_without_its_source_is_refused() -> None:
    with pytest.raises(ProfileError, match="Did you mean 'weight'"):
        recipe(family("one", sources={"weight": "path:weights.json"}))


def test_a_decoupled_pipeline_has_no_twin() -> None:
    stream = PythonModel(
        name="stream",
        inputs=(tensor("x"),),
        outputs=(tensor("y"),),
        stage="builders.asr.stages.stream",
        decoupled=True,
    )
    pipeline = Ensemble(
        name="talk", inputs=(tensor("x"),), outputs=(tensor("y"),), steps=stream >> ()
    )
    talk = family("one", pipelines=(pipeline,))
    assert names(recipe(talk).models) == ["stream", "talk"]
    with pytest.raises(ProfileError, match="bls: false"):
        recipe(talk, bls=True)


def large(name: str = "one") -> Family:
    """A family with a second pipeline that needs 'big', and a stage that 'words' would help."""
    own = family(name)
    helped = replace(
        SHARED,
        name="helped",
        stage="tests.builders.kit.emit.stages.toy_stage",
        optional_exports=(file("words.txt", "words"),),
    )
    big = OnnxModel(
        name="big_model", inputs=(tensor("x"),), outputs=(tensor("y"),), export=export("big", "big")
    )
    calling = replace(helped, name="calling", outputs=(tensor("y"),), calls=(big,))
    first = own.pipelines[0]
    assert isinstance(first, Ensemble)
    step = helped >> replace(first.steps.steps[1].model, name="one_model")
    return replace(
        own,
        sources={**own.sources, "big": None, "words": None},
        pipelines=(replace(first, steps=step), calling),
        metrics=tuple(
            Metric(
                name="m",
                pipeline=each,
                beside=beside,
                bound=1.0,
                better="lower",
                measure=lambda *runs: 0.0,
            )
            for each, beside in (("one", ()), ("calling", ()), ("one", ("calling",)))
        ),
    )


def test_what_needs_a_source_that_nobody_names_is_left_out() -> None:
    found = recipe(large(), bls=True)
    assert names(found.models) == ["helped", "one_model", "one", "one_bls"]
    assert list(found.exports) == ["one/model"]
    assert [metric.pipelines for metric in found.families["one"].metrics] == [("one",)]
    assert [(str(left), left.remedy) for left in found.left_out] == [
        ("pipeline calling", "set families.one.sources.big in the profile to have it"),
        ("export one/words.txt", "set families.one.sources.words in the profile to have it"),
    ]


def test_a_source_in_the_profile_switches_on_what_needs_it() -> None:
    found = recipe(large(), sources={"big": "path:weights.json", "words": "path:weights.json"})
    assert names(found.models) == ["helped", "one_model", "one", "big_model", "calling"]
    assert list(found.exports) == ["one/big", "one/model", "one/words.txt"]
    helped = next(model for model in found.models if model.name == "helped")
    assert found.exports_of(helped) == {"words.txt": "one/words.txt"}
    assert found.owners["big_model"] == ("one",)
    assert found.left_out == ()


def test_settings_of_what_is_left_out_say_how_to_switch_it_on() -> None:
    with pytest.raises(ProfileError, match=r"left out with pipeline calling.*sources\.big") as told:
        recipe(large(), models={"big_model": ModelOptions(instances=InstanceOptions(count=2))})
    assert len(told.value.findings) == 1


def test_the_plan_says_what_is_left_out(tmp_path: Path) -> None:
    from builders.kit.build.dry_run import dry_run
    from builders.kit.tasks.cache import Cache

    checkout = Shelf()
    object.__setattr__(checkout, "given", (large(),))
    profile = Profile.model_construct(
        triton="24.10",
        device="cpu",
        precision="fp32",
        families={"one": FamilyOptions()},
        hub=False,
        bls=False,
        models={},
    )
    plan = dry_run(profile, tmp_path / "out", cache=Cache(tmp_path / "cache"), checkout=checkout)
    left = {task.name: task.why for task in plan.tasks if task.action == "leave"}
    assert left == {
        "pipeline calling": "no checkpoint: set families.one.sources.big in the profile to have it",
        "export one/words.txt": (
            "no checkpoint: set families.one.sources.words in the profile to have it"
        ),
    }


def test_a_package_that_a_family_lacks_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> object:
        raise ModuleNotFoundError(f"No module named '{name}'", name="torch")

    monkeypatch.setattr("builders.kit.checkout.imported.importlib.import_module", missing)
    profile = Profile.model_construct(
        triton="24.10",
        device="cpu",
        precision="fp32",
        families={"ocr": FamilyOptions()},
        hub=False,
        bls=False,
        models={},
    )
    with pytest.raises(ProfileError, match=r"'ocr': expected the package of 'torch'.*pip install"):
        make_recipe(profile)


def test_a_profile_sets_the_bound_that_its_checkpoint_must_reach() -> None:
    metric = Metric(name="errors", pipeline="a", bound=0.1, better="lower", measure=lambda run: 0.0)
    declared = family("a", metrics=(metric,))
    assert recipe(declared).families["a"].metrics[0].bound == 0.1
    assert recipe(declared, bounds={"errors": 0.3}).families["a"].metrics[0].bound == 0.3
    with pytest.raises(ProfileError, match="'error'"):
        recipe(declared, bounds={"error": 0.3})


def test_a_checkpoint_that_two_exports_need_and_that_is_not_there_is_told_once() -> None:
    first, second = export("model", "other"), export("second", "other")
    own = OnnxModel(
        name="second", inputs=(tensor("pixels"),), outputs=(tensor("z"),), export=second
    )
    pipelines = (*family("a", first).pipelines, own)
    with pytest.raises(ProfileError) as caught:
        recipe(family("a", pipelines=pipelines))
    assert len(caught.value.findings) == 1


def test_stages_whose_modules_would_overwrite_each_other_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(checkpoint: Path) -> None:
        raise ValueError("it is none")

    for room in ("one", "two"):
        (tmp_path / "clashing" / room).mkdir(parents=True)
        (tmp_path / "clashing" / room / "ctc.py").write_text("")
    (tmp_path / "clashing" / "stage.py").write_text(
        "from .one import ctc\nfrom .two.ctc import x\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    clashing = replace(SHARED, stage="clashing.stage")
    refused = replace(MODEL, form=refuse)
    own = OnnxModel(name="own", inputs=(tensor("pixels"),), outputs=(tensor("y"),), export=refused)
    pipeline = Ensemble(
        name="one", inputs=(tensor("x"),), outputs=(tensor("y"),), steps=clashing >> own
    )
    with pytest.raises(ProfileError) as caught:
        recipe(family("one", pipelines=(pipeline,)))
    told = {finding.where: finding for finding in caught.value.findings}
    assert (
        "clashing.one.ctc and the module clashing.two.ctc"
        in told["graph, decode, stages/ctc.py"].found
    )
    assert told["source one/weights"].found == "it is none"
