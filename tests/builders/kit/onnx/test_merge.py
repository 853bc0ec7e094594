"""ONNX files merged into one that computes what they compute one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from builders.kit.onnx.files import load, save
from builders.kit.onnx.merging.merge import Part, merge
from repository.onnx.content import OnnxError
from tests.builders.kit.onnx.test_rename import build, dims, info, names

WIDTH = 3
"""The size of the last axis of every tensor here; the first one is the batch."""


def run(model: ModelProto, inputs: Mapping[str, Any], wanted: Sequence[str] = ()) -> dict[str, Any]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    listed = [each.name for each in session.get_outputs()]
    chosen = list(wanted or listed)
    return dict(zip(chosen, session.run(chosen, dict(inputs)), strict=True))


def small(
    nodes: Sequence[NodeProto],
    inputs: Sequence[str],
    outputs: Sequence[str],
    weights: Mapping[str, Any] | None = None,
    opset: int = 17,
    batch: str = "n",
) -> ModelProto:
    model = build(
        nodes,
        [info(name, [batch, WIDTH]) for name in inputs],
        [info(name, [batch, WIDTH]) for name in outputs],
        [numpy_helper.from_array(np.asarray(w), name) for name, w in (weights or {}).items()],
    )
    model.opset_import[0].version = opset
    return model


def node(kind: str, inputs: list[str], outputs: list[str], name: str = "") -> NodeProto:
    return helper.make_node(kind, inputs, outputs, name)


def scale(factor: float, **options: Any) -> ModelProto:
    """``y = x * factor``, by names that every such model has."""
    weights = {"w": np.full(WIDTH, factor, np.float32)}
    return small([node("Mul", ["x", "w"], ["y"])], ["x"], ["y"], weights, **options)


def copied(model: ModelProto) -> ModelProto:
    made = ModelProto()
    made.CopyFrom(model)
    return made


X = np.arange(6, dtype=np.float32).reshape(2, WIDTH)


def test_equal_names_of_two_parts_stay_apart_and_only_the_joint_joins() -> None:
    parts = [
        Part(scale(2), {"x": "image"}, {"y": "middle"}),
        Part(scale(5), {"x": "middle"}, {"y": "answer"}),
    ]
    model = merge(parts, ["answer"])
    assert (names(model.graph.input), names(model.graph.output)) == (["image"], ["answer"])
    onnx.checker.check_model(model, full_check=True)
    np.testing.assert_array_equal(run(model, {"image": X})["answer"], X * 10)


def test_a_tensor_that_joins_two_parts_can_be_an_output_too() -> None:
    parts = [
        Part(scale(2), {"x": "image"}, {"y": "middle"}),
        Part(scale(5), {"x": "middle"}, {"y": "answer"}),
    ]
    found = run(merge(parts, ["answer", "middle"]), {"image": X})
    assert list(found) == ["answer", "middle"]
    np.testing.assert_array_equal(found["middle"], X * 2)


def test_what_is_named_as_a_tensor_of_the_whole_inside_a_part_does_not_meet_it() -> None:
    inside = small(
        [node("Neg", ["x"], ["answer"]), node("Neg", ["answer"], ["0/y"])], ["x"], ["0/y"]
    )
    parts = [Part(inside, {"x": "0/y"}, {"0/y": "m"}), Part(scale(3), {"x": "m"}, {"y": "answer"})]
    np.testing.assert_array_equal(run(merge(parts, ["answer"]), {"0/y": X})["answer"], X * 3)


def test_an_input_that_is_an_output_too_passes_through() -> None:
    through = small([node("Neg", ["x"], ["y"])], ["x"], ["x", "y"])
    parts = [
        Part(through, {"x": "a"}, {"x": "b", "y": "c"}),
        Part(scale(3), {"x": "b"}, {"y": "d"}),
    ]
    found = run(merge(parts, ["d", "c"]), {"a": X})
    np.testing.assert_array_equal(found["d"], X * 3)
    np.testing.assert_array_equal(found["c"], -X)


def test_outputs_that_nobody_wants_are_not_computed() -> None:
    both = small(
        [node("Neg", ["x"], ["y"]), node("Exp", ["x"], ["unread"])], ["x"], ["y", "unread"]
    )
    model = merge(
        [Part(both, {"x": "a"}, {"y": "b"}), Part(scale(3), {"x": "b"}, {"y": "c"})], ["c"]
    )
    assert [each.op_type for each in model.graph.node] == ["Neg", "Mul"]


def test_an_axis_has_one_name_on_both_sides_and_what_only_seems_one_another() -> None:
    wide = build(
        [node("Concat", ["x", "x"], ["y"])],
        [info("x", ["n", WIDTH])],
        [info("y", ["m", WIDTH])],
    )
    wide.graph.node[0].attribute.append(helper.make_attribute("axis", 0))
    parts = [
        Part(wide, {"x": "a"}, {"y": "b"}),
        Part(scale(3, opset=20, batch="n"), {"x": "b"}, {"y": "c"}),
    ]
    model = merge(parts, ["c", "b"])
    assert dims(model.graph.input[0]) == ["n", WIDTH]
    assert [dims(each) for each in model.graph.output] == [["m", WIDTH], ["m", WIDTH]]
    assert run(model, {"a": X})["c"].shape == (4, WIDTH)


def test_equal_weights_are_kept_once() -> None:
    weight = np.random.default_rng(0).normal(size=(WIDTH, 400)).astype(np.float32)
    nodes = [node("MatMul", ["x", "w"], ["h"]), node("ReduceSum", ["h", "axis"], ["s"])]
    nodes.append(node("Add", ["x", "s"], ["y"]))

    def part() -> ModelProto:
        return small(nodes, ["x"], ["y"], {"w": weight, "axis": np.array([1])})

    parts = [Part(part(), {"x": "a"}, {"y": "b"}), Part(part(), {"x": "b"}, {"y": "c"})]
    model = merge(parts, ["c"])
    assert sum(each.dims == [WIDTH, 400] for each in model.graph.initializer) == 1
    once = run(part(), {"x": X})["y"]
    np.testing.assert_array_equal(run(model, {"a": X})["c"], run(part(), {"x": once})["y"])


def test_functions_of_one_name_stay_apart() -> None:
    def part(factor: float) -> ModelProto:
        constant = helper.make_node("Constant", [], ["f"], value_float=float(factor))
        function = helper.make_function(
            "own",
            "Times",
            ["a"],
            ["b"],
            [constant, node("Mul", ["a", "f"], ["b"])],
            [helper.make_opsetid("", 17)],
        )
        model = small([helper.make_node("Times", ["x"], ["y"], domain="own")], ["x"], ["y"])
        model.opset_import.append(helper.make_opsetid("own", 1))
        model.functions.append(function)
        return model

    parts = [Part(part(2), {"x": "a"}, {"y": "b"}), Part(part(5), {"x": "b"}, {"y": "c"})]
    np.testing.assert_array_equal(run(merge(parts, ["c"]), {"a": X})["c"], X * 10)


def test_a_branch_inside_a_part_reads_what_lies_around_it() -> None:
    def branch(factor: str) -> onnx.GraphProto:
        out = [info("chosen", [None, WIDTH])]
        return helper.make_graph([node("Mul", ["x", factor], ["chosen"])], factor, [], out)

    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Greater", ["sum", "zero"], ["positive"]),
        helper.make_node(
            "If", ["positive"], ["y"], then_branch=branch("p"), else_branch=branch("q")
        ),
    ]
    weights = {"p": np.float32(7), "q": np.float32(-7), "zero": np.float32(0)}
    part = small(nodes, ["x"], ["y"], weights)
    parts = [Part(scale(2), {"x": "a"}, {"y": "b"}), Part(part, {"x": "b"}, {"y": "c"})]
    model = merge(parts, ["c"])
    np.testing.assert_array_equal(run(copied(model), {"a": X})["c"], X * 14)
    np.testing.assert_array_equal(run(model, {"a": -X})["c"], X * 14)


def test_older_opsets_are_converted_to_the_newest() -> None:
    parts = [
        Part(scale(2, opset=11), {"x": "a"}, {"y": "b"}),
        Part(scale(5, opset=20), {"x": "b"}, {"y": "c"}),
    ]
    model = merge(parts, ["c"])
    assert [each.version for each in model.opset_import] == [20]
    np.testing.assert_array_equal(run(model, {"a": X})["c"], X * 10)


def test_weights_in_a_sidecar_are_merged_like_others(tmp_path: Path) -> None:
    weight = np.eye(WIDTH, dtype=np.float32).repeat(200, 1)
    nodes = [node("MatMul", ["x", "w"], ["h"]), node("MatMul", ["h", "v"], ["y"])]
    for number in (0, 1):
        model = small(nodes, ["x"], ["y"], {"w": weight, "v": weight.T.copy()})
        save(model, tmp_path / str(number), external=True)
    parts = [
        Part(load(tmp_path / "0"), {"x": "a"}, {"y": "b"}),
        Part(load(tmp_path / "1"), {"x": "b"}, {"y": "c"}),
    ]
    save(merge(parts, ["c"]), tmp_path / "merged", external=True)
    assert (tmp_path / "merged" / "model.onnx.data").is_file()
    found = run(load(tmp_path / "merged"), {"a": X})["c"]
    np.testing.assert_allclose(found, X * 200 * 200)


def _wide() -> ModelProto:
    return build([node("Neg", ["x"], ["y"])], [info("x", ["n", 4])], [info("y", ["n", 4])])


def _integers() -> ModelProto:
    whole = TensorProto.INT64
    ends = [info("x", ["n", WIDTH], whole)], [info("y", ["n", WIDTH], whole)]
    return build([node("Neg", ["x"], ["y"])], *ends)


@pytest.mark.parametrize(
    ("second", "read", "written", "wanted", "told"),
    [
        (scale(3), {"x": "b"}, {"y": "a"}, ["a"], "written by itself or later"),
        (scale(3), {"x": "c"}, {"y": "c"}, ["c"], "written by itself or later"),
        (scale(3), {"x": "b"}, {"y": "b"}, ["b"], "one part that writes b"),
        (scale(3), {}, {"y": "c"}, ["c"], "part 2: expected the inputs"),
        (scale(3), {"x": "b"}, {"z": "c"}, ["c"], "part 2: expected the outputs"),
        (scale(3), {"x": "b"}, {"y": "c"}, ["d"], "outputs that a part writes, found d"),
        (scale(3), {"x": "b"}, {"y": "c"}, [], "outputs that a part writes, found none"),
        (_wide(), {"x": "b"}, {"y": "c"}, ["c"], "tensor 'b': expected one shape"),
        (_integers(), {"x": "b"}, {"y": "c"}, ["c"], "tensor 'b': expected one type"),
    ],
    ids=str,
)
def test_what_does_not_follow_is_refused(
    second: ModelProto,
    read: dict[str, str],
    written: dict[str, str],
    wanted: list[str],
    told: str,
) -> None:
    parts = [Part(scale(2, opset=20), {"x": "a"}, {"y": "b"}), Part(copied(second), read, written)]
    with pytest.raises(OnnxError, match=told):
        merge(parts, wanted)


OPERATORS = {"Add": 2, "Sub": 2, "Max": 2, "Neg": 1, "Relu": 1, "Abs": 1}
TENSORS = st.sampled_from(["x", "y", "z", "0/y", "1/x", "w"])


@st.composite
def parts_of_any_kind(
    draw: st.DrawFn,
) -> tuple[list[tuple[ModelProto, dict[str, str], dict[str, str]]], list[str]]:
    """Small models that read each other's tensors, and the tensors that are wanted."""
    there = ["in 0", "in 1"]
    made = []
    for number in range(draw(st.integers(1, 4))):
        inputs = draw(st.lists(TENSORS, min_size=1, max_size=2, unique=True))
        known, nodes = list(inputs), []
        for place in range(draw(st.integers(1, 3))):
            kind = draw(st.sampled_from(sorted(OPERATORS)))
            read = [draw(st.sampled_from(known)) for _ in range(OPERATORS[kind])]
            nodes.append(node(kind, read, [f"t{place}"], f"t{place}"))
            known.append(f"t{place}")
        outputs = draw(st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True))
        model = small(nodes, inputs, outputs, opset=draw(st.sampled_from([13, 17])))
        reads = {name: draw(st.sampled_from(there)) for name in inputs}
        writes = {name: f"tensor {number} {place}" for place, name in enumerate(outputs)}
        there += writes.values()
        made.append((model, reads, writes))
    wanted = draw(st.lists(st.sampled_from(there[2:]), min_size=1, max_size=3, unique=True))
    return made, wanted


@given(parts_of_any_kind(), st.integers(0, 3))
def test_any_parts_merged_give_what_they_give_in_turn(
    drawn: tuple[list[tuple[ModelProto, dict[str, str], dict[str, str]]], list[str]], batch: int
) -> None:
    made, wanted = drawn
    rng = np.random.default_rng(batch)
    given = {f"in {k}": rng.normal(size=(batch, WIDTH)).astype(np.float32) for k in (0, 1)}
    tensors: dict[str, Any] = dict(given)
    for model, reads, writes in made:
        found = run(model, {own: tensors[whole] for own, whole in reads.items()}, list(writes))
        tensors |= {whole: found[own] for own, whole in writes.items()}
    model = merge([Part(copied(model), reads, writes) for model, reads, writes in made], wanted)
    read = {each.name: given[each.name] for each in model.graph.input}
    for name, found in run(model, read).items():
        np.testing.assert_array_equal(found, tensors[name])
