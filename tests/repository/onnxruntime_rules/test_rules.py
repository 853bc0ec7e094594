"""The rules, over generated graphs and configs."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto
from tritonclient.grpc.model_config_pb2 import ModelConfig

from repository.onnxruntime_rules.advice import thread_warnings
from repository.onnxruntime_rules.facts import CONFIG_TYPES, ELEMENT_TYPES
from repository.onnxruntime_rules.options import overflow_violations, parse_integer
from repository.onnxruntime_rules.rules import OnnxGraph, OnnxTensor, Rows, violations, warnings

NAMES = st.text("abcdefgh_", min_size=1, max_size=6)
TYPES = st.sampled_from([type for type in CONFIG_TYPES if type != "bfloat16"])
SIZES = st.one_of(st.none(), st.integers(1, 9), st.sampled_from(["height", "width"]))


Pair = tuple[dict[str, Any], OnnxGraph]


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """A graph, and the config that says exactly what it is."""
    batching = draw(st.booleans())
    names = draw(st.lists(NAMES, min_size=2, max_size=5, unique=True))
    tensors = []
    for name in names:
        axes = draw(st.lists(SIZES, min_size=0 if batching else 1, max_size=3))
        axes = ["batch", *axes] if batching else axes
        tensors.append(OnnxTensor.of(name, f"tensor({draw(TYPES)})", axes))
    cut = draw(st.integers(1, len(tensors) - 1))
    entries = []
    for tensor in tensors:
        dims = list(tensor.shape[1:] if batching else tensor.shape)
        entry: dict[str, Any] = {"name": tensor.name, "data_type": tensor.config_type}
        entry |= {"dims": dims} if dims else {"dims": [1], "reshape": {"shape": []}}
        entries.append(entry)
    config = {
        "name": "toy",
        "backend": "onnxruntime",
        "max_batch_size": draw(st.integers(1, 16)) if batching else 0,
        "input": entries[:cut],
        "output": entries[cut:],
        "instance_group": [{"kind": "KIND_CPU", "count": 1}],
    }
    return config, OnnxGraph(tuple(tensors[:cut]), tuple(tensors[cut:]))


@given(pairs())
def test_a_config_that_says_what_the_graph_is_is_accepted(pair: Pair) -> None:
    config, graph = pair
    assert violations(config, graph) == []
    assert warnings(config, graph) == []


@given(pairs(), st.data())
def test_one_mistake_is_found_where_it_is(pair: Pair, data: st.DataObject) -> None:
    config, graph = pair
    role = data.draw(st.sampled_from(["input", "output"]))
    entry = data.draw(st.sampled_from(config[role]))
    mistake = data.draw(st.sampled_from(["dtype", "rank", "size", "name", "gone"]))
    name = entry["name"]
    if mistake == "dtype":
        others = sorted(set(CONFIG_TYPES.values()) - {entry["data_type"]})
        entry["data_type"] = data.draw(st.sampled_from(others))
    elif mistake == "rank":
        entry["dims"] = [*entry["dims"], 5]
        entry.pop("reshape", None)
    elif mistake == "size":
        position = data.draw(st.integers(0, len(entry["dims"]) - 1))
        size = entry["dims"][position]
        entry["dims"][position] = 11 if size == -1 else -1
        entry.pop("reshape", None)
        if role == "input" and size == -1:
            assert violations(config, graph) == []
            return
    elif mistake == "name":
        name = entry["name"] = name + "x"
        if any(t.name == name for t in (*graph.inputs, *graph.outputs)):
            return
    elif role == "input":
        config[role].remove(entry)
    else:
        config[role].remove(entry)
        assert violations(config, graph) == []
        return
    assert name in {violation.tensor for violation in violations(config, graph)}


@given(pairs())
def test_protobufs_own_form_says_the_same(pair: Pair) -> None:
    config, graph = pair
    config["input"][0]["data_type"] = "TYPE_BF16"
    message = ParseDict(config, ModelConfig())
    for full in (False, True):
        form = MessageToDict(
            message,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=full,
        )
        assert violations(form, graph) == violations(config, graph)
        assert warnings(form, graph) == warnings(config, graph)


def test_an_empty_config_is_no_error_of_ours() -> None:
    graph = OnnxGraph((OnnxTensor.of("x", 1, ["b"]),), (OnnxTensor.of("y", 1, ["b"]),))
    assert [each.rule for each in violations({}, graph)] == ["missing-input"]
    assert {each.rule for each in warnings({}, graph)} == {"auto-complete", "instance-count"}


@pytest.mark.parametrize(("member", "name"), ELEMENT_TYPES.items())
def test_element_types_are_onnx_own(member: int, name: str) -> None:
    written = TensorProto.DataType.Name(member).lower()
    assert written == name and OnnxTensor.of("x", member, []).type == f"tensor({name})"


@pytest.mark.parametrize("type", ["complex64", "float8e4m3fn", "int4"])
def test_element_types_that_no_config_has(type: str) -> None:
    graph = OnnxGraph((OnnxTensor.of("x", f"tensor({type})", [2]),), ())
    config = {"input": [{"name": "x", "data_type": "TYPE_UINT8", "dims": [2]}]}
    assert [each.rule for each in violations(config, graph)] == ["unsupported-dtype"]


@pytest.mark.parametrize(
    "type", ["seq(tensor(float))", "optional(tensor(float))", "map(int64,float)"]
)
def test_types_that_are_no_tensors(type: str) -> None:
    graph = OnnxGraph((), (OnnxTensor.of("y", type, []),))
    assert [each.rule for each in violations({}, graph)] == ["type"]


@given(st.text(" +-0123456789ax.\t", max_size=12))
def test_numbers_are_read_as_c_reads_them(text: str) -> None:
    number = parse_integer(text)
    try:
        exact = int(text)
    except ValueError:
        return
    assert number == (exact if -(2**31) <= exact < 2**31 else None)


@given(
    st.sampled_from(["intra_op_thread_count", "execution_mode"]),
    st.one_of(
        st.integers().map(str),
        st.sampled_from([2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 10**5000]).map(
            lambda number: f"{number:+d}" if abs(number) < 10**100 else "1" + "0" * 5000
        ),
        st.text(" +-0123456789ax.", max_size=14),
    ),
)
def test_what_overflows_in_c_is_said_to_end_the_server(key: str, text: str) -> None:
    config = {"parameters": {key: {"string_value": text}}}
    digits = re.match(r"[ \t]*([+-]?)0*([0-9]*)", text)
    assert digits is not None
    number = int(digits[2][:25] or "0") * (-1 if digits[1] == "-" else 1)
    overflows = not -(2**31) <= number < 2**31
    found = [each for each in violations(config, OnnxGraph((), ())) if "overflow" in each.rule]
    assert len(found) == overflows
    if overflows:
        assert "ends the whole server" in found[0].remedy and len(str(found[0])) < 400


@pytest.mark.parametrize(
    ("value", "overflows"),
    [(str(2**64 - 1), 0), (str(2**64), 1), ("-1", 0), (f"-{2**64}", 1), (str(2**31), 0)],
)
def test_a_size_has_64_bits(value: str, overflows: int) -> None:
    trt = {"name": "tensorrt", "parameters": {"max_workspace_size_bytes": value}}
    config = {"optimization": {"execution_accelerators": {"gpu_execution_accelerator": [trt]}}}
    assert len(overflow_violations(config)) == overflows
    # Triton may put an instance without a kind on a GPU, but not one of KIND_CPU.
    assert overflow_violations(config | {"instance_group": [{"kind": "KIND_CPU"}]}) == []


def test_more_threads_than_start_are_warned_of() -> None:
    config = {"parameters": {"intra_op_thread_count": {"string_value": "100000"}}}
    assert [each.rule for each in thread_warnings(config)] == ["thread-count"]
    config["parameters"]["intra_op_thread_count"]["string_value"] = "1024"
    assert thread_warnings(config) == []


ROWS = Rows(batch=False, found="4 rows for a batch of 2")
SAME = Rows(batch=True, found="2 rows for a batch of 2")


def batching(size: int, *, scalar_input: bool = False) -> dict[str, Any]:
    entry = {"data_type": "TYPE_FP32", "dims": [1] if scalar_input else [3]}
    return {
        "max_batch_size": size,
        "input": [{"name": "x", **entry}],
        "output": [{"name": "y", "data_type": "TYPE_FP32", "dims": [3]}],
        "instance_group": [{"kind": "KIND_CPU", "count": 1}],
    }


@pytest.mark.parametrize(
    ("axes", "rows", "refused", "warned"),
    [
        (["batch", 3], None, [], []),
        (["rows", 3], None, [], ["cut-output"]),
        ([None, 3], None, [], ["cut-output"]),
        (["rows", 3], SAME, [], []),
        (["rows", 3], ROWS, ["cut-output"], []),
        (["batch", 3], ROWS, ["cut-output"], []),
    ],
)
def test_outputs_whose_rows_are_not_the_batch(
    axes: list[int | str | None], rows: Rows | None, refused: list[str], warned: list[str]
) -> None:
    output = dataclasses.replace(OnnxTensor.of("y", 1, axes), rows=rows)
    graph = OnnxGraph((OnnxTensor.of("x", 1, ["batch", 3]),), (output,))
    for size in (1, 4):
        assert [each.rule for each in violations(batching(size), graph)] == refused
        assert [each.rule for each in warnings(batching(size), graph)] == warned
    assert warnings(batching(0), graph) == []
    assert "cut-output" not in [each.rule for each in violations(batching(0), graph)]


@pytest.mark.parametrize(
    ("size", "rows", "refused"),
    [(4, None, False), (4, Rows(batch=False, found="a scalar"), True), (1, None, False)],
)
def test_scalar_outputs_that_batch(size: int, rows: Rows | None, refused: bool) -> None:
    """A shape that is not declared is no scalar yet; known to be one, it is cut from the second
    request on, so that only a batch of one is well."""
    output = dataclasses.replace(OnnxTensor.of("y", 1, []), rows=rows)
    graph = OnnxGraph((OnnxTensor.of("x", 1, ["batch", 3]),), (output,))
    config = batching(size)
    config["output"][0]["dims"] = [1]
    rule = ["scalar-with-batching"]
    assert [each.rule for each in violations(config, graph)] == (rule if refused else [])
    assert [each.rule for each in warnings(config, graph)] == ([] if refused else rule)


def test_scalar_inputs_that_batch() -> None:
    """Declared or not, the backend takes an input without axes for a scalar."""
    graph = OnnxGraph((OnnxTensor.of("x", 1, []),), (OnnxTensor.of("y", 1, [None, 3]),))
    found = violations(batching(4, scalar_input=True), graph)
    assert [(each.rule, each.tensor) for each in found] == [("scalar-with-batching", "x")]
    assert violations(batching(1, scalar_input=True), graph) == []


def test_the_shape_of_a_batch_output_is_not_the_graphs() -> None:
    graph = OnnxGraph((OnnxTensor.of("x", 1, [None]),), (OnnxTensor.of("y", 1, [None]),))
    config = {
        "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [-1]}],
        "output": [{"name": "y", "data_type": "TYPE_FP32", "dims": [2, 3]}],
    }
    scatter = {"target_name": ["y"], "source_input": ["x"]}
    assert [each.rule for each in violations(config, graph)] == ["dims"]
    assert violations(config | {"batch_output": [scatter]}, graph) == []


def test_a_batch_input_stands_for_an_input() -> None:
    graph = OnnxGraph((OnnxTensor.of("x", 1, [None]), OnnxTensor.of("n", 1, [None])), ())
    config = {"input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [-1]}]}
    counted = {"target_name": ["n"], "source_input": ["x"]}
    assert [each.tensor for each in violations(config, graph)] == ["n"]
    assert violations(config | {"batch_input": [counted]}, graph) == []


def test_other_warnings() -> None:
    weight = OnnxTensor.of("w", 1, [3])
    graph = OnnxGraph((OnnxTensor.of("x", 1, [3]),), (OnnxTensor.of("y", 1, [3]),), (weight,))
    entry = {"data_type": "TYPE_FP32", "dims": [3]}
    config = {
        "input": [{"name": "x", "optional": True, **entry}, {"name": "w", **entry}],
        "output": [{"name": "y", **entry}],
        "parameters": {"intra_op_threads": {"string_value": "1"}},
        "optimization": {
            "execution_accelerators": {"gpu_execution_accelerator": [{"name": "tensorrt"}]}
        },
    }
    assert violations(config, graph) == []
    assert [each.rule for each in warnings(config, graph)] == [
        "optional-without-initializer",
        "instance-count",
        "gpu-accelerator",
        "unknown-parameter",
    ]


def test_the_rules_import_the_standard_library_only() -> None:
    code = (
        "import sys; before = set(sys.modules); import repository.onnxruntime_rules.rules; "
        "new = {n.partition('.')[0] for n in set(sys.modules) - before}; "
        "print(*sorted(new - set(sys.stdlib_module_names) - {'repository'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
