"""Fused pipelines as graphs: their names, and the arithmetic that stages leave to ONNX models."""

from __future__ import annotations

from dataclasses import replace

from builders.kit.graph import Arithmetic, Ensemble, Flow, Model, OnnxModel, PythonModel, Tensor
from builders.kit.graph.fusing.fused import FusedOnnx, FusedStage
from builders.kit.recipe.fusing import Apart, Fuser
from repository.arrays import DType
from tests.builders.kit.declared import export

IMAGE = Tensor("image", DType.UINT8, {"bytes": -1})
PIXELS = Tensor("pixels", DType.UINT8, {"rows": -1})
PLANES = Tensor("planes", DType.FP32, {"rows": -1})
SEEN, TOLD = (Tensor(name, DType.FP32, {"rows": -1}) for name in ("seen", "told"))

DECODE = PythonModel(name="decode", inputs=(IMAGE,), outputs=(PIXELS,), stage="a.decode")
LOOK = PythonModel(
    name="look",
    inputs=(PIXELS,),
    outputs=(PLANES,),
    stage="a.look",
    arithmetic=Arithmetic(
        output="planes",
        dtype=DType.UINT8,
        parameter="bare",
        export=export("normalise"),
        takes="x",
        gives="y",
    ),
)
SEE = OnnxModel(name="see", inputs=(PLANES,), outputs=(SEEN,), export=export("see"))
TELL = OnnxModel(name="tell", inputs=(SEEN,), outputs=(TOLD,), export=export("tell"))


def pipeline(steps: Flow, *outputs: Tensor, name: str = "eye") -> Ensemble:
    return Ensemble(name=name, inputs=(IMAGE,), outputs=outputs, steps=steps)


def fuse(ensemble: Ensemble, *others: Model) -> tuple[list[Model], tuple[Apart, ...]]:
    fuser = Fuser.among((ensemble, *others))
    found = fuser.fuse(ensemble)
    return [step.model for step in (found or ensemble).steps], fuser.done.apart


def test_a_stage_hands_over_small_integers_and_the_graph_does_the_rest() -> None:
    (first, second), apart = fuse(pipeline(DECODE >> LOOK >> SEE >> TELL, TOLD))
    assert (first.name, second.name) == ("decode_look_uint8", "normalise_see_tell")
    assert isinstance(first, FusedStage)
    assert first.parameters == {"look_uint8.bare": "true"}
    assert isinstance(second, FusedOnnx)
    assert [each.name for each in second.export.parts] == ["normalise", "see", "tell"]
    (joint,) = first.outputs
    assert (joint,) == second.inputs
    assert (joint.name, joint.dtype) == ("planes_uint8", DType.UINT8)
    assert not apart


def test_arithmetic_stays_in_the_stage_if_floats_are_wanted() -> None:
    given, _ = fuse(pipeline(DECODE >> LOOK >> SEE >> TELL, TOLD, PLANES))
    assert [each.name for each in given] == ["decode_look", "see_tell"]
    other = OnnxModel(name="other", inputs=(PLANES,), outputs=(TOLD,), export=export("other"))
    twice, _ = fuse(pipeline(DECODE >> LOOK >> (SEE, other), SEEN, TOLD))
    assert [each.name for each in twice] == ["decode_look", "see", "other"]


def test_arithmetic_stays_in_the_stage_if_its_reader_cannot_be_merged() -> None:
    caller = PythonModel(
        name="caller", inputs=(IMAGE,), outputs=(TOLD,), stage="a.caller", calls=(SEE,)
    )
    models, apart = fuse(pipeline(DECODE >> LOOK >> SEE, SEEN), caller)
    assert [each.name for each in models] == ["decode_look", "see"]
    why = "'see' is called by 'caller' too, and would be loaded twice"
    assert apart == (Apart("eye", ("the arithmetic of look",), ("see",), why),)


def test_equal_runs_of_two_pipelines_are_one_model_and_others_have_other_names() -> None:
    one = pipeline(DECODE >> LOOK >> SEE >> TELL, TOLD)
    two = replace(one, name="two")
    three = replace(one, name="three", outputs=(TOLD, SEEN))
    fuser = Fuser.among((one, two, three))
    made = [fuser.fuse(each) for each in (one, two, three)]
    models = [[step.model for step in each.steps] for each in made if each is not None]
    assert models[0][1] is models[1][1]
    assert [each[1].name for each in models] == [
        *("normalise_see_tell", "normalise_see_tell"),
        "three_normalise_see_tell",
    ]


def test_a_pipeline_with_nothing_to_fuse_has_no_fused_form() -> None:
    alone = pipeline(DECODE >> replace(SEE, inputs=(PIXELS,)), SEEN)
    assert Fuser.among((alone,)).fuse(alone) is None
