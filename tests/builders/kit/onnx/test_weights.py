import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from builders.kit import onnx as kit

TINY = 1e-41


def with_weights(*tensors: TensorProto, nodes: tuple[NodeProto, ...] = ()) -> ModelProto:
    graph = helper.make_graph(list(nodes), "graph", [], [], list(tensors))
    return helper.make_model(graph, ir_version=10)


bits = st.one_of(
    hnp.arrays(np.uint32, st.integers(0, 20)),
    hnp.arrays(np.uint32, st.integers(0, 20), elements=st.integers(0, 2**24)),
)


@given(bits=bits, typed=st.booleans())
def test_only_subnormals_change_and_only_to_zero_of_their_sign(
    bits: np.ndarray, typed: bool
) -> None:
    values = bits.view(np.float32)
    if typed:  # float_data does not keep every NaN's payload
        values = np.where(np.isnan(values), np.float32(0), values)
        tensor = helper.make_tensor("w", TensorProto.FLOAT, values.shape, values.tolist())
    else:
        tensor = numpy_helper.from_array(values, "w")
    model = with_weights(tensor)
    subnormal = (np.abs(values) < np.finfo(np.float32).tiny) & (values != 0)

    assert kit.flush_subnormals(model) == subnormal.sum()

    after = numpy_helper.to_array(model.graph.initializer[0])
    assert np.array_equal(after[~subnormal].view(np.uint32), values[~subnormal].view(np.uint32))
    assert not after[subnormal].any()
    assert np.array_equal(np.signbit(after), np.signbit(values))
    assert kit.flush_subnormals(model) == 0


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (TensorProto.DOUBLE, [1e-310, -1e-310, 1e-300, 0.0]),
        (TensorProto.BFLOAT16, [1e-39, -1e-39, 1.0, 0.0]),
    ],
)
@pytest.mark.parametrize("raw", [False, True])
def test_double_and_bfloat16_are_flushed(dtype: int, values: list[float], raw: bool) -> None:
    model = with_weights(helper.make_tensor("w", dtype, [4], values))
    if raw:
        tensor = numpy_helper.from_array(numpy_helper.to_array(model.graph.initializer[0]), "w")
        model.graph.initializer[0].CopyFrom(tensor)
    kept = float(numpy_helper.to_array(model.graph.initializer[0])[2])
    assert kit.flush_subnormals(model) == 2
    after = numpy_helper.to_array(model.graph.initializer[0]).astype(np.float64)
    assert after.tolist() == [0.0, 0.0, kept, 0.0]


def test_half_floats_are_left_alone_unless_asked() -> None:
    epsilon = np.array([1e-5, 1.0], np.float16)  # 1e-5 is subnormal in FP16
    model = with_weights(numpy_helper.from_array(epsilon, "epsilon"))
    assert kit.flush_subnormals(model) == 0
    assert numpy_helper.to_array(model.graph.initializer[0]).tolist() == epsilon.tolist()
    assert kit.flush_subnormals(model, half=True) == 1
    assert numpy_helper.to_array(model.graph.initializer[0]).tolist() == [0.0, 1.0]


def test_constants_nested_graphs_and_sparse_values_are_flushed() -> None:
    tiny = numpy_helper.from_array(np.array([TINY, 1], np.float32), "t")
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["b"], value=tiny)],
        "branch",
        [],
        [helper.make_tensor_value_info("b", TensorProto.FLOAT, [2])],
        [tiny],
    )
    sparse = helper.make_sparse_tensor(tiny, numpy_helper.from_array(np.array([0, 5]), "i"), [9])
    model = with_weights(
        nodes=(
            helper.make_node("Constant", [], ["a"], value_float=TINY),
            helper.make_node("Constant", [], ["f"], value_floats=[TINY, 2.0, -TINY]),
            helper.make_node("If", ["c"], ["d"], then_branch=branch, else_branch=branch),
        )
    )
    model.graph.sparse_initializer.append(sparse)
    # value_float, two of value_floats, two tensors in each branch, the sparse values
    assert kit.flush_subnormals(model) == 1 + 2 + 4 + 1
    assert kit.flush_subnormals(model) == 0


def test_integers_and_operators_attributes_stay() -> None:
    integers = numpy_helper.from_array(np.arange(5), "i")
    node = helper.make_node("LayerNormalization", ["x", "s"], ["y"], epsilon=TINY)
    model = with_weights(integers, nodes=(node,))
    before = model.SerializeToString(deterministic=True)
    assert kit.flush_subnormals(model) == 0
    assert model.SerializeToString(deterministic=True) == before
