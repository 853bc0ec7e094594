from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from builders.kit import onnx as kit

FLOAT = TensorProto.FLOAT


def info(name: str, shape: Sequence[str | int | None], dtype: int = FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def build(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    initialisers: Sequence[TensorProto] = (),
) -> ModelProto:
    graph = helper.make_graph(nodes, "graph", inputs, outputs, list(initialisers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def two_in_two_out() -> ModelProto:
    return build(
        [
            helper.make_node("Sub", ["a", "b"], ["middle"]),
            helper.make_node("Mul", ["middle", "w"], ["y"]),
            helper.make_node("Neg", ["middle"], ["z"]),
        ],
        [info("a", ["n"]), info("b", ["n"])],
        [info("y", ["n"]), info("z", ["n"])],
        (numpy_helper.from_array(np.array([3], np.float32), "w"),),
    )


def computed(
    model: ModelProto, given: dict[str, np.ndarray], wanted: list[str] | None = None
) -> list[Any]:
    """The outputs' values as onnx's own reference computes them."""
    found = ReferenceEvaluator(model).run(wanted, given)
    assert isinstance(found, list)
    return [value.tolist() for value in found]


def names(values: Iterable[onnx.ValueInfoProto]) -> list[str]:
    return [value.name for value in values]


def dims(value: onnx.ValueInfoProto) -> list[str | int | None]:
    fields = [(d, d.WhichOneof("value")) for d in value.type.tensor_type.shape.dim]
    return [getattr(dim, field) if field else None for dim, field in fields]


name = st.sampled_from(["a", "b", "middle", "w", "y", "z", "image", "text", "image_1"])


@given(new=st.lists(name, min_size=4, max_size=4, unique=True))
def test_any_names_leave_the_numbers_as_they_are(new: list[str]) -> None:
    """Swapped, chained, or taken from internal tensors and weights."""
    model = two_in_two_out()
    a, b, y, z = new
    kit.rename(model, inputs={"a": a, "b": b}, outputs={"y": y, "z": z})
    onnx.checker.check_model(model, full_check=True)
    assert names(model.graph.input) == [a, b]
    assert names(model.graph.output) == [y, z]
    given = {a: np.array([5], np.float32), b: np.array([1], np.float32)}
    assert computed(model, given, [y, z]) == [[12], [-4]]


@given(new=st.lists(name, min_size=4, max_size=4, unique=True))
def test_renaming_back_gives_the_first_names(new: list[str]) -> None:
    model = two_in_two_out()
    a, b, y, z = new
    kit.rename(model, inputs={"a": a, "b": b}, outputs={"y": y, "z": z})
    kit.rename(model, inputs={a: "a", b: "b"}, outputs={y: "y", z: "z"})
    assert names(model.graph.input) + names(model.graph.output) == ["a", "b", "y", "z"]
    onnx.checker.check_model(model, full_check=True)


def test_nested_graphs_read_the_new_name() -> None:
    def branch(sign: str) -> onnx.GraphProto:
        node = helper.make_node(sign, ["x"], [f"{sign}_out"])
        return helper.make_graph([node], sign, [], [info(f"{sign}_out", ["n"])])

    model = build(
        [
            helper.make_node(
                "If", ["flag"], ["y"], then_branch=branch("Neg"), else_branch=branch("Abs")
            )
        ],
        [info("x", ["n"]), info("flag", [], TensorProto.BOOL)],
        [info("y", ["n"])],
    )
    # "Neg_out" is taken inside a branch: it makes room.
    kit.rename(model, inputs={"x": "Neg_out"}, outputs={"y": "result"})
    onnx.checker.check_model(model, full_check=True)
    x = np.array([-2], np.float32)
    assert computed(model, {"Neg_out": x, "flag": np.array(True)})[0] == [2]


def test_an_input_that_is_an_output_is_parted_by_an_identity() -> None:
    model = build(
        [helper.make_node("Neg", ["x"], ["y"])],
        [info("x", ["n"])],
        [info("x", ["n"]), info("y", ["n"])],
    )
    kit.rename(model, inputs={"x": "in"}, outputs={"x": "same"})
    onnx.checker.check_model(model, full_check=True)
    assert names(model.graph.input) + names(model.graph.output) == ["in", "same", "y"]
    x = np.array([7], np.float32)
    assert computed(model, {"in": x}) == [[7], [-7]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inputs": {"nope": "x"}}, "'nope'.*a, b"),
        ({"outputs": {"a": "x"}}, "'a'.*y, z"),
        ({"inputs": {"a": "same", "b": "same"}}, "two named same"),
        ({"inputs": {"a": "y"}}, "two named y"),
        ({"axes": {"nope": {0: "batch"}}}, "'nope'"),
        ({"axes": {"a": {1: "batch"}}}, "found 1 axes"),
    ],
)
def test_what_cannot_be_renamed_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(kit.OnnxError, match=message):
        kit.rename(two_in_two_out(), **arguments)


def test_axis_names_spread_to_every_tensor_of_that_size() -> None:
    model = build(
        [helper.make_node("Neg", ["x"], ["m"]), helper.make_node("Neg", ["m"], ["y"])],
        [info("x", ["D0", 3, "D1"])],
        [info("y", ["D0", 3, "D1"])],
    )
    model.graph.value_info.append(info("m", ["D0", 3, "D1"]))
    kit.rename(model, axes={"x": {0: "batch", 2: "width"}})
    for value in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        assert dims(value) == ["batch", 3, "width"]


def test_a_symbol_for_two_sizes_is_not_spread() -> None:
    model = build(
        [helper.make_node("Neg", ["x"], ["y"])], [info("x", ["?", "?"])], [info("y", ["?", "?"])]
    )
    kit.rename(model, axes={"x": {0: "height", 1: "width"}})
    assert dims(model.graph.input[0]) == ["height", "width"]
    assert dims(model.graph.output[0]) == [None, None]


def test_a_static_axis_takes_no_name_and_minus_one_does() -> None:
    model = build(
        [helper.make_node("Neg", ["x"], ["y"])], [info("x", [-1, 48])], [info("y", [-1, 48])]
    )
    with pytest.raises(kit.OnnxError, match="fixed size 48"):
        kit.rename(model, axes={"x": {1: "height"}})
    kit.rename(model, axes={"x": {0: "batch"}, "y": {0: "batch"}})
    assert dims(model.graph.input[0]) == ["batch", 48]


def test_weights_listed_as_inputs_become_constants() -> None:
    weight = numpy_helper.from_array(np.array([3], np.float32), "w")
    model = build(
        [helper.make_node("Mul", ["x", "w"], ["y"])],
        [info("x", ["n"]), info("w", [1])],
        [info("y", ["n"])],
        (weight,),
    )
    model.ir_version = 3
    assert kit.drop_overridable_initialisers(model) == ("w",)
    assert names(model.graph.input) == ["x"]
    onnx.checker.check_model(model, full_check=True)
    assert kit.drop_overridable_initialisers(model) == ()
