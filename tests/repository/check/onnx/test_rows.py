"""Outputs whose rows are not the batch's: what an ONNX file shows of them without a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from repository.check.check import check_repository
from repository.check.onnx.rows import with_rows
from repository.onnx.header import read_header
from repository.release import release

Axes = Sequence[int | str | None] | None

CONFIG = """
backend: "onnxruntime"
max_batch_size: {size}
input {{ name: "x" data_type: TYPE_FP32 dims: {dims} }}
output {{ name: "y" data_type: {element} dims: {given} }}
instance_group {{ count: 1 kind: KIND_CPU }}
"""


def save(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    *,
    taken: Axes = ("batch", 4),
    given: Axes = (None, 4),
    element: int = TensorProto.FLOAT,
    **constants: Sequence[int],
) -> Path:
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, taken)],
        [helper.make_tensor_value_info("y", element, given)],
        [numpy_helper.from_array(np.array(v, np.int64), k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


def findings(
    repository: Path, *, size: int = 8, dims: str = "4", given: str = "4", element: str = "FP32"
) -> list[tuple[str, str, str]]:
    """Severity, rule and what was found, of the model ``net``."""
    text = CONFIG.format(size=size, dims=dims, given=given, element=f"TYPE_{element}")
    (repository / "net" / "config.pbtxt").write_text(text)
    found = check_repository(repository, release("24.10"))
    return [(each.severity.value, each.rule, each.found) for each in found]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "net" / "1" / "model.onnx"


def test_two_rows_for_each_row(file: Path, tmp_path: Path) -> None:
    """Also where the file claims that they are the batch, and where a batch is one row."""
    twice = [helper.make_node("Concat", ["x", "x"], ["y"], axis=0)]
    for shape in (("rows", 4), ("batch", 4), (None, 4), None):
        save(file, twice, given=shape)
        for size, found in ((8, "6 rows for a batch of 3"), (1, "2 rows for a batch of 1")):
            assert findings(tmp_path, size=size) == [("error", "onnx-cut-output", found)]
        assert ("error", "onnx-cut-output") not in [each[:2] for each in findings(tmp_path, size=0)]


def test_rows_that_the_values_decide(file: Path, tmp_path: Path) -> None:
    """Found by a NonZero, and picked by its columns."""
    nodes = [
        helper.make_node("NonZero", ["x"], ["places"]),
        helper.make_node("Transpose", ["places"], ["turned"]),
        helper.make_node("Gather", ["turned", "columns"], ["y"], axis=1),
    ]
    save(file, nodes, given=(None, 2), element=TensorProto.INT64, columns=[1, 0])
    assert findings(tmp_path, given="2", element="INT64") == [
        ("error", "onnx-cut-output", "as many rows as a NonZero node finds")
    ]


def test_rows_that_are_moved_into_the_batch(file: Path, tmp_path: Path) -> None:
    """[batch, time, 4] -> [batch * time, 4]: an error where time can be more than one."""
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["y"])]
    save(file, nodes, taken=("batch", "time", 4), shape=[-1, 4])
    (found,) = findings(tmp_path, dims="[-1, 4]")
    assert found[:2] == ("error", "onnx-cut-output")
    assert findings(tmp_path, dims="[1, 4]") == []


def test_an_unnamed_batch_axis_that_inference_knows(file: Path, tmp_path: Path) -> None:
    save(file, [helper.make_node("Relu", ["x"], ["y"])])
    assert findings(tmp_path) == []


def test_what_nothing_shows_is_warned_of(file: Path, tmp_path: Path) -> None:
    """The rows are those of a shape that is computed from the values."""
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Range", ["none", "whole", "one"], ["y"]),
    ]
    save(file, nodes, given=(None,), element=TensorProto.INT64)
    model = onnx.load(file)
    for name, value in (("none", 0), ("one", 1)):
        model.graph.initializer.append(numpy_helper.from_array(np.array(value, np.int64), name))
    onnx.save(model, file)
    found = findings(tmp_path, given="1 reshape { shape: [] }", element="INT64")
    assert [each[:2] for each in found] == [("warning", "onnx-cut-output")]


@pytest.mark.parametrize(("size", "severity"), [(8, "error"), (1, "warning")])
def test_scalars(size: int, severity: str, file: Path, tmp_path: Path) -> None:
    """A scalar output, told by inference alone, and a scalar input."""
    whole = [helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)]
    save(file, whole, given=None)
    rule = (severity, "onnx-scalar-with-batching", "a scalar, or no declared shape")
    assert findings(tmp_path, size=size, given="1") == [rule]
    save(file, [helper.make_node("Expand", ["x", "shape"], ["y"])], taken=(), shape=[1, 4])
    found = findings(tmp_path, size=size, dims="1")
    assert rule in found


UNARY = ["Relu", "Identity", "Neg"]
AXES = {"Concat": 0, "Flatten": 1}


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from([*UNARY, "Concat", "Transpose", "Flatten"]), max_size=4),
    st.sampled_from([1, 2, 8]),
)
def test_what_is_shown_is_what_a_run_gives(
    tmp_path_factory: pytest.TempPathFactory, operators: list[str], size: int
) -> None:
    nodes, last = [], "x"
    for index, operator in enumerate(operators):
        following = f"t{index}"
        inputs = [last, last] if operator == "Concat" else [last]
        nodes.append(helper.make_node(operator, inputs, [following]))
        if operator in AXES:
            nodes[-1].attribute.append(helper.make_attribute("axis", AXES[operator]))
        last = following
    nodes.append(helper.make_node("Identity", [last], ["y"]))
    path = save(tmp_path_factory.mktemp("onnx") / "model.onnx", nodes, given=(None, None))
    config = {"max_batch_size": size, "input": [{"name": "x", "dims": [4]}]}
    rows = with_rows(read_header(path), config).outputs[0].rows
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    same = all(
        session.run(None, {"x": np.zeros((batch, 4), np.float32)})[0].shape[0] == batch
        for batch in range(1, size + 1)
    )
    assert rows is not None
    assert rows.batch == same
