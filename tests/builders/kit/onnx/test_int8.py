"""Matrix products in integers: near the fp32 file, the same bytes each time, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper, numpy_helper

from builders.kit import onnx as kit
from builders.kit.onnx.int8 import quantise

Floats = npt.NDArray[np.float32]


def model(first: Floats, second: Floats, bias: Floats) -> ModelProto:
    """``relu(x @ first) @ second.T + bias``, the former a MatMul, the latter a Gemm."""
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "filters.first"], ["a"], name="one"),
            helper.make_node("Relu", ["a"], ["b"], name="two"),
            helper.make_node("Gemm", ["b", "second", "bias"], ["y"], name="three", transB=1),
        ],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", first.shape[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", second.shape[0]])],
        [
            numpy_helper.from_array(first, "filters.first"),
            numpy_helper.from_array(second, "second"),
            numpy_helper.from_array(bias, "bias"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def drawn(seed: int, inner: int, middle: int, outer: int) -> ModelProto:
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(inner, middle)), rng.normal(size=(outer, middle))
    return model(
        first.astype(np.float32),
        second.astype(np.float32),
        rng.normal(size=outer).astype(np.float32),
    )


def looped(seed: int, size: int, turns: int) -> ModelProto:
    """``y = y @ inside @ kept + y``, ``turns`` times from ``x @ outside`` on.

    All weights are the outer graph's, as in an exported decoder.
    """
    rng = np.random.default_rng(seed)
    weights = {
        name: (rng.normal(size=(size, size)) / size).astype(np.float32)
        for name in ("outside", "inside", "kept.inside")
    }
    vector: list[str | int] = ["rows", size]
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["old", "inside"], ["a"], name="in/one"),
            helper.make_node("MatMul", ["a", "kept.inside"], ["b"], name="in/two"),
            helper.make_node("Add", ["b", "old"], ["new"], name="in/three"),
            helper.make_node("Identity", ["on"], ["go_on"], name="in/four"),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("old", TensorProto.FLOAT, vector),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("new", TensorProto.FLOAT, vector),
        ],
    )
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "outside"], ["first"], name="one"),
            helper.make_node("Loop", ["turns", "true", "first"], ["y"], name="loop", body=body),
        ],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, vector)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, vector)],
        [
            *(numpy_helper.from_array(value, name) for name, value in weights.items()),
            numpy_helper.from_array(np.array(turns), "turns"),
            numpy_helper.from_array(np.array(True), "true"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def run(path: Path, x: Floats) -> Floats:
    return np.asarray(onnxruntime.InferenceSession(path).run(None, {"x": x})[0])


def operators(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node]


def floats(path: Path) -> list[tuple[int, ...]]:
    """The shapes of the weights in fp32."""
    return [
        tuple(each.dims)
        for each in onnx.load(path).graph.initializer
        if each.data_type == TensorProto.FLOAT and len(each.dims) == 2
    ]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    *(st.integers(1, 40) for _ in range(3)),
    st.integers(1, 9),
    st.sampled_from([1e-3, 1.0, 1e3]),
)
def test_products_in_integers_are_near_those_in_fp32(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    inner: int,
    middle: int,
    outer: int,
    rows: int,
    loud: float,
) -> None:
    folder = tmp_path_factory.mktemp("int8")
    kit.save(drawn(seed, inner, middle, outer), folder / "m.onnx")
    facts = quantise((), folder / "m.onnx", folder / "q.onnx")
    assert facts == {"precision": "int8", "integer_products": 2, "fp32_products": 0}
    assert operators(folder / "q.onnx").count("MatMulInteger") == 2
    x = (loud * np.random.default_rng(seed + 1).normal(size=(rows, inner))).astype(np.float32)
    found, expected = run(folder / "q.onnx", x), run(folder / "m.onnx", x)
    # Two roundings of weights to 1/63 and two of activations to 1/255 of their range.
    bound = 0.05 * (np.abs(x).max() + 1e-3) * inner * 4 * middle * 4
    assert np.abs(found - expected).max() <= bound
    if found.size > 20 and np.std(expected) > 0:
        assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.98


def test_what_is_kept_stays_as_it_was_and_the_rest_does_not(tmp_path: Path) -> None:
    kit.save(drawn(1, 16, 24, 8), tmp_path / "m.onnx")
    facts = quantise(("filters.",), tmp_path / "m.onnx", tmp_path / "q.onnx")
    assert (facts["integer_products"], facts["fp32_products"]) == (1, 1)
    assert floats(tmp_path / "q.onnx") == [(16, 24)]
    # A Gemm becomes a MatMul, whose weights lie the other way round.
    quantise(("second",), tmp_path / "m.onnx", tmp_path / "q.onnx")
    assert floats(tmp_path / "q.onnx") == [(24, 8)]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(0, 4), st.integers(1, 5))
def test_products_in_the_body_of_a_loop_are_in_integers_too(
    tmp_path_factory: pytest.TempPathFactory, seed: int, size: int, turns: int, rows: int
) -> None:
    folder = tmp_path_factory.mktemp("int8")
    kit.save(looped(seed, size, turns), folder / "m.onnx")
    facts = quantise(("kept.",), folder / "m.onnx", folder / "q.onnx")
    assert facts == {"precision": "int8", "integer_products": 2, "fp32_products": 1}
    graph = onnx.load(folder / "q.onnx").graph
    (loop,) = (node for node in graph.node if node.op_type == "Loop")
    inside = [node.op_type for node in loop.attribute[0].g.node]
    assert (inside.count("MatMulInteger"), inside.count("MatMul")) == (1, 1)
    # The fp32 weights are gone: but for those kept, all are in integers.
    assert floats(folder / "q.onnx") == [(size, size)]
    x = np.random.default_rng(seed + 1).normal(size=(rows, size)).astype(np.float32)
    found, expected = run(folder / "q.onnx", x), run(folder / "m.onnx", x)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 0.05 * (np.abs(expected).max() + np.abs(x).max())


def test_weights_have_seven_bits_so_that_no_processor_overflows(tmp_path: Path) -> None:
    kit.save(drawn(2, 16, 24, 8), tmp_path / "m.onnx")
    quantise((), tmp_path / "m.onnx", tmp_path / "q.onnx")
    weights = [
        numpy_helper.to_array(each)
        for each in onnx.load(tmp_path / "q.onnx").graph.initializer
        if each.data_type == TensorProto.INT8 and len(each.dims) == 2
    ]
    assert len(weights) == 2
    assert max(int(np.abs(each.astype(np.int32)).max()) for each in weights) in (63, 64)


def test_equal_files_give_equal_bytes_and_nothing_is_left_beside_them(tmp_path: Path) -> None:
    source = tmp_path / "cache"
    kit.save(drawn(3, 16, 24, 8), source / "m.onnx")
    before = (source / "m.onnx").read_bytes()
    for name in ("a.onnx", "b.onnx"):
        quantise((), source / "m.onnx", tmp_path / name)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    assert [path.name for path in source.iterdir()] == ["m.onnx"]
    assert (source / "m.onnx").read_bytes() == before


def test_a_folder_with_external_data_is_read(tmp_path: Path) -> None:
    kit.save(drawn(4, 64, 64, 64), tmp_path / "m", external=True)
    kit.save(drawn(4, 64, 64, 64), tmp_path / "m.onnx")
    quantise((), tmp_path / "m", tmp_path / "a.onnx")
    quantise((), tmp_path / "m.onnx", tmp_path / "b.onnx")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_what_cannot_be_quantised_is_refused(tmp_path: Path) -> None:
    kit.save(drawn(5, 4, 4, 4), tmp_path / "m.onnx")
    with pytest.raises(kit.OnnxError, match=r"weights named encoder\.…, which int8 spares"):
        quantise(("encoder.",), tmp_path / "m.onnx", tmp_path / "q.onnx")
    with pytest.raises(kit.OnnxError, match="matrix products with constant weights, found none"):
        quantise(("filters.", "second"), tmp_path / "m.onnx", tmp_path / "q.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(kit.OnnxError, match="expected an ONNX file"):
        quantise((), tmp_path / "bad.onnx", tmp_path / "q.onnx")
    assert not (tmp_path / "q.onnx").exists()
