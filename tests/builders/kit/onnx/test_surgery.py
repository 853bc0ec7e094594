from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper

from builders.kit import onnx as kit

FLOAT = TensorProto.FLOAT
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def passing(shape: Sequence[str | int], opset: int = 11, dtype: int = FLOAT) -> ModelProto:
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info("y", dtype, shape)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def run(model: ModelProto, x: np.ndarray) -> list[np.ndarray]:
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return list(session.run(None, {"x": x}))


def dims(value: onnx.ValueInfoProto) -> list[str | int]:
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_pixels_are_normalised_as_numpy_does_it(
    layout: Literal["NCHW", "NHWC"], reverse: bool
) -> None:
    order: list[str | int] = ["batch", "height", "width"]
    order.insert(1 if layout == "NCHW" else 3, 3)
    model = passing(order)
    kit.prepend_image_preprocessing(
        model, "x", mean=MEAN, std=STD, layout=layout, reverse_channels=reverse
    )
    image = model.graph.input[0]
    assert image.type.tensor_type.elem_type == TensorProto.UINT8
    assert dims(image) == ["batch", "height", "width", 3]

    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), np.uint8)
    expected = (pixels[..., ::-1] if reverse else pixels) / 255
    expected = (expected - MEAN) / STD
    if layout == "NCHW":
        expected = expected.transpose(0, 3, 1, 2)
    found = run(model, pixels)[0]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-7)


def test_preprocessing_survives_simplification() -> None:
    model = passing(["batch", 3, "height", "width"])
    kit.prepend_image_preprocessing(model, "x", mean=MEAN, std=STD, reverse_channels=True)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 4, 4, 3), np.uint8)
    assert np.array_equal(run(kit.simplify(model), pixels)[0], run(model, pixels)[0])


@pytest.mark.parametrize(
    ("shape", "dtype", "mean", "message"),
    [
        (["n", 3, "h", "w"], TensorProto.FLOAT16, MEAN, "FP32 image of rank 4"),
        (["n", "h", "w"], FLOAT, MEAN, "FP32 image of rank 4"),
        (["n", 1, "h", "w"], FLOAT, MEAN, "found 3 and 3 for 1 channels"),
        (["n", 3, "h", "w"], FLOAT, MEAN[:2], "found 2 and 3 for 3 channels"),
    ],
)
def test_preprocessing_refuses_what_is_no_such_image(
    shape: list[str | int], dtype: int, mean: tuple[float, ...], message: str
) -> None:
    with pytest.raises(kit.OnnxError, match=message):
        kit.prepend_image_preprocessing(passing(shape, dtype=dtype), "x", mean=mean, std=STD)


def test_preprocessing_names_the_inputs_there_are() -> None:
    with pytest.raises(kit.OnnxError, match="'image', found x"):
        kit.prepend_image_preprocessing(passing(["n", 3, "h", "w"]), "image", mean=MEAN, std=STD)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    opset=st.sampled_from([10, 11, 13, 18, 20]),
    axis=st.integers(-3, 2),
    logits=st.booleans(),
)
def test_arg_max_is_numpys(seed: int, opset: int, axis: int, logits: bool) -> None:
    model = passing(["batch", "steps", "classes"], opset)
    kit.append_arg_max(model, "y", axis=axis, logits=logits)
    # Few levels, so that ties are common; the first of equal scores wins.
    x = np.random.default_rng(seed).integers(-4, 5, (2, 3, 5)).astype(np.float32)
    index, probability = run(model, x)
    assert index.dtype == np.int32 and probability.dtype == np.float32
    assert np.array_equal(index, x.argmax(axis))
    expected = x.max(axis)
    if logits:
        exponential = np.exp(x.astype(np.float64))
        expected = (exponential / exponential.sum(axis, keepdims=True)).max(axis)
    np.testing.assert_allclose(probability, expected, rtol=1e-6)


def test_arg_max_replaces_the_output_in_its_place() -> None:
    model = passing(["batch", "steps", 5])
    model.graph.node.append(helper.make_node("Neg", ["x"], ["last"]))
    model.graph.output.append(helper.make_tensor_value_info("last", FLOAT, ["batch", "steps", 5]))
    kit.append_arg_max(model, "y", axis=-1, index="class", probability="score")
    assert [value.name for value in model.graph.output] == ["class", "score", "last"]
    assert dims(model.graph.output[0]) == dims(model.graph.output[1]) == ["batch", "steps"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "z"}, "'z', found y"),
        ({"axis": 3}, "axis 3"),
        ({"index": "x"}, "'x': the model has"),
    ],
)
def test_arg_max_refuses_what_does_not_fit(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(kit.OnnxError, match=message):
        kit.append_arg_max(passing(["n", "steps", 5]), **{"name": "y", **arguments})
    with pytest.raises(kit.OnnxError, match="opset 10"):
        kit.append_arg_max(passing(["n", 5], opset=9), "y")
