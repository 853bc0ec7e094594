import numpy as np
import pytest

from builders.kit.graph import BATCH, Ensemble, PythonModel, Tensor, wire
from repository.arrays import DType


def tensor(name: str, optional: bool = False) -> Tensor:
    return Tensor(name, DType.FP32, {"size": -1}, optional)


def stage(name: str, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> PythonModel:
    return PythonModel(name=name, inputs=inputs, outputs=outputs, stage="stage")


SPLIT = stage("split", (tensor("whole"),), (tensor("left"), tensor("right"), tensor("spare")))
HALVE = stage("halve", (tensor("part"), tensor("factor", True)), (tensor("half"),))
JOIN = stage("join", (tensor("a"), tensor("b")), (tensor("sum"),))


def pipeline(*inputs: Tensor) -> Ensemble:
    return Ensemble(
        name="pipeline",
        inputs=(tensor("whole"), *inputs),
        outputs=(tensor("sum"),),
        steps=SPLIT
        >> (
            HALVE.step({"part": "left"}, {"half": "a"}),
            HALVE.step({"part": "right"}, {"half": "b"}),
        )
        >> JOIN,
    )


def test_tensors_join_steps_by_name() -> None:
    wirings = wire(pipeline())
    assert [step.model for step in wirings] == ["split", "halve", "halve", "join"]
    assert wirings[1].inputs == {"part": "left"}
    assert wirings[2].outputs == {"half": "b"}
    assert wirings[3].inputs == {"a": "a", "b": "b"}


def test_an_output_that_nobody_reads_is_left_out() -> None:
    assert wire(pipeline())[0].outputs == {"left": "left", "right": "right"}


def test_an_output_renamed_to_a_name_that_nobody_reads_stays() -> None:
    steps = SPLIT.step(outputs={"spare": "lost"}) >> JOIN.step({"a": "left", "b": "right"})
    ensemble = Ensemble(name="p", inputs=(tensor("whole"),), outputs=(tensor("sum"),), steps=steps)
    assert wire(ensemble)[0].outputs["spare"] == "lost"


def test_an_optional_input_is_mapped_only_where_the_flow_has_it() -> None:
    assert "factor" not in wire(pipeline())[1].inputs
    assert wire(pipeline(tensor("factor", True)))[1].inputs["factor"] == "factor"


def test_composing_models_are_listed_once_nested_ones_before_their_ensemble() -> None:
    inner = pipeline()
    outer = Ensemble(name="outer", inputs=inner.inputs, outputs=inner.outputs, steps=inner >> ())
    assert [model.name for model in outer.composing()] == ["split", "halve", "join", "pipeline"]


@pytest.mark.parametrize("dtype", [dtype for dtype in DType if dtype is not DType.BF16])
def test_dtypes_round_trip(dtype: DType) -> None:
    assert DType.from_numpy(dtype.numpy) is dtype
    assert DType.from_config(dtype.config_name) is dtype


def test_numpy_has_no_bf16() -> None:
    with pytest.raises(TypeError, match="BF16"):
        _ = DType.BF16.numpy
    assert DType.from_numpy(np.dtype("S4")) is DType.BYTES


def test_shape_has_every_axis() -> None:
    assert Tensor("x", DType.FP32, {BATCH: -1, "size": 3}).shape == (-1, 3)
