"""A profile's settings laid over a graph."""

from __future__ import annotations

from typing import Any

import pytest

from builders.asr.stages.reading import beam
from builders.kit.checkout import Checkout
from builders.kit.graph import (
    DynamicBatching,
    Ensemble,
    InstanceGroup,
    OnnxModel,
    PythonModel,
    Tensor,
    closure,
)
from builders.kit.graph.bls import bls
from builders.kit.graph.options import Number, Text, Whole
from builders.kit.recipe.overrides import apply
from builders.kit.recipe.profile import Profile, ProfileError
from repository.arrays import DType
from tests.builders.kit.declared import export

X = Tensor("x", DType.FP32, {"batch": -1, "width": 4})
Y = Tensor("y", DType.FP32, {"batch": -1, "width": 4})
Z = Tensor("z", DType.FP32, {"batch": -1, "width": 4})
SCALE = OnnxModel(
    name="scale",
    inputs=(X,),
    outputs=(Y,),
    max_batch_size=8,
    export=export("scale"),
    parameters={"a": "1"},
)
SHIFT = PythonModel(name="shift", inputs=(Y,), outputs=(Z,), stage="stages.shift")
PIPELINE = Ensemble(name="pipeline", inputs=(X,), outputs=(Z,), steps=SCALE >> SHIFT)
TWIN = Ensemble(name="twin", inputs=(X,), outputs=(Y,), steps=SCALE >> ())


def profile(device: str = "cpu", **models: Any) -> Profile:
    return Profile.model_construct(
        triton="24.10",
        device=device,
        models=Profile.model_fields["models"].default_factory and _models(models),
    )


def _models(models: dict[str, Any]) -> Any:
    from builders.kit.recipe.profile import ModelOptions

    return {name: ModelOptions.model_validate(options) for name, options in models.items()}


def test_nothing_asked_nothing_changed() -> None:
    assert apply(profile(), (PIPELINE,)) == (PIPELINE,)


def test_overrides_reach_the_composing_models_and_leave_the_graph_alone() -> None:
    (made,) = apply(
        profile(
            scale={
                "instances": 2,
                "parameters": {"intra_op_thread_count": 1},
                "queue": {"max_size": 3},
                "batching": {"preferred_sizes": [4, 8]},
                "max_batch_size": 16,
                "response_cache": True,
            }
        ),
        (PIPELINE,),
    )
    assert isinstance(made, Ensemble)
    scale = made.composing()[0]
    assert scale.instances == (InstanceGroup(count=2, kind="KIND_CPU"),)
    assert scale.parameters == {"a": "1", "intra_op_thread_count": "1"}
    assert (scale.queue.max_size, scale.queue.timeout_action) == (3, "REJECT")
    assert scale.batching == DynamicBatching(preferred_sizes=(4, 8))
    assert (scale.max_batch_size, scale.response_cache) == (16, True)
    assert SCALE.parameters == {"a": "1"}
    assert PIPELINE.composing()[0] is SCALE


def test_a_shared_model_stays_one_model() -> None:
    made = apply(profile(scale={"instances": 3}), (PIPELINE, TWIN))
    assert [model.name for model in closure(made)] == ["scale", "shift", "pipeline", "twin"]


def test_a_gpu_takes_onnx_models_and_no_stages() -> None:
    (made,) = apply(profile("gpu", scale={"instances": {"count": 2, "gpus": [0]}}), (PIPELINE,))
    assert isinstance(made, Ensemble)
    scale, shift = made.composing()
    assert scale.instances == (InstanceGroup(count=2, kind="KIND_GPU", gpus=(0,)),)
    assert shift.instances == (InstanceGroup(count=1, kind="KIND_CPU"),)
    (kept,) = apply(profile("gpu", scale={"instances": {"kind": "KIND_CPU"}}), (SCALE,))
    assert kept.instances[0].kind == "KIND_CPU"
    (moved,) = apply(profile("gpu"), (SCALE,))
    assert moved.instances == (InstanceGroup(count=1, kind="KIND_GPU"),)


def test_batching_can_be_turned_off() -> None:
    batched = OnnxModel(
        name="b",
        inputs=(X,),
        outputs=(Y,),
        max_batch_size=8,
        export=export("b"),
        batching=DynamicBatching(),
    )
    (made,) = apply(profile(b={"batching": False}), (batched,))
    assert made.batching is None


def test_what_a_model_cannot_do_is_refused_all_at_once() -> None:
    with pytest.raises(ProfileError) as caught:
        apply(
            profile(
                scael={"instances": 2},
                shift={"batching": True},
                pipeline={"instances": 2, "queue": {"max_size": 1}},
            ),
            (PIPELINE,),
        )
    told = {
        finding.where.removeprefix("profile, models."): finding for finding in caught.value.findings
    }
    assert set(told) == {"scael", "shift", "pipeline.instances", "pipeline.queue"}
    assert told["scael"].remedy == "Did you mean 'scale'?"


LOUD = PythonModel(
    name="loud",
    inputs=(Y,),
    outputs=(Z,),
    stage="stages.loud",
    parameters={"beam": "1"},
    options={"beam": Whole(1, 64), "weight": Number(0, 10), "said": Text(20), "rows": Whole(3, 3)},
)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"beam": -3}, "loud.parameters.beam: expected a whole number from 1 to 64, found '-3'."),
        ({"beam": 65}, "from 1 to 64, found '65'"),
        ({"beam": "1.5"}, "found '1.5'"),
        ({"beam": "٣"}, "found '٣'"),
        ({"beam": True}, "found 'true'"),
        ({"weight": "nan"}, "expected a number from 0 to 10, found 'nan'"),
        ({"weight": "-0.1"}, "found '-0.1'"),
        ({"rows": 4}, "expected 3, which the graph is made for, found '4'"),
        ({"said": "a" * 21}, "expected a text of at most 20 characters, found 'aaa"),
        ({"baem": 3}, "expected one of beam, weight, said, rows, EXECUTION_ENV_PATH"),
        ({"baem": 3}, "found 'baem'. Did you mean 'beam'?"),
        ({"stage": "other"}, "found 'stage'"),
    ],
)
def test_a_stages_parameters_are_held_to_what_it_declares(given: Any, told: str) -> None:
    with pytest.raises(ProfileError) as caught:
        apply(profile(loud={"parameters": given}), (LOUD,))
    assert told in str(caught.value)


def test_parameters_in_their_range_are_laid_over_the_stages() -> None:
    given = {"beam": 64, "weight": "2.5e-1", "said": "", "FORCE_CPU_ONLY_INPUT_TENSORS": "yes"}
    (made,) = apply(profile(loud={"parameters": given}), (LOUD,))
    assert made.parameters == {name: str(value) for name, value in given.items()}


@pytest.mark.parametrize("name", ["asr", "ocr"])
def test_every_family_says_what_its_stages_parameters_may_be(name: str) -> None:
    """And each of its own values is one of those; the stage's code has the same bounds."""
    family = Checkout().declared(name)
    assert family is not None
    for model in closure(family.pipelines):
        if isinstance(model, PythonModel):
            assert set(model.parameters) <= set(model.options), model.name
            for option, value in model.parameters.items():
                assert model.options[option].takes(value), (model.name, option)
            if "beam" in model.options:
                assert model.options["beam"] == Whole(1, beam.WIDEST)


def test_two_models_of_one_name_are_refused() -> None:
    other = OnnxModel(name="scale", inputs=(X,), outputs=(Y,), export=export("other"))
    with pytest.raises(ProfileError, match="2 that differ"):
        apply(profile(), (PIPELINE, other))


def test_a_bls_model_has_no_parameters_of_its_own() -> None:
    with pytest.raises(ProfileError, match=r"one of EXECUTION_ENV_PATH, .*, found 'beam'"):
        apply(profile(pipeline_bls={"parameters": {"beam": 2}}), (bls(PIPELINE),))
