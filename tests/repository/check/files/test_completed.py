"""Configs that leave something out, on a server that fills it in and on one that does not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from repository.check.check import check_repository
from repository.check.files.completed import Target
from repository.findings import Finding, errors
from repository.onnxruntime_rules.completion import completion
from repository.onnxruntime_rules.facts import OnnxGraph, OnnxTensor
from repository.onnxruntime_rules.rules import violations
from repository.release import release

RELEASE = release("24.10")

HOOKED = """
class TritonPythonModel:
    @staticmethod
    def auto_complete_config(config):
        config.add_input({"name": "a", "data_type": "TYPE_FP32", "dims": [4]})
        config.add_output({"name": "b", "data_type": "TYPE_FP32", "dims": [4]})
        return config

    def execute(self, requests):
        return []
"""
PLAIN = "class TritonPythonModel:\n    def execute(self, requests):\n        return []\n"

ENSEMBLE = """
platform: "ensemble"
max_batch_size: %d
input { name: "from" data_type: TYPE_FP32 dims: [%s] }
output { name: "to" data_type: %s dims: [%s] }
ensemble_scheduling { step { model_name: "net" model_version: -1
  input_map { key: "%s" value: "from" } output_map { key: "y" value: "to" } } }
"""


def identity(path: Path, shape: Sequence[int | str] = ("batch", 4)) -> None:
    path.mkdir(parents=True)
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "identity",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path / "model.onnx")


def python(folder: Path, code: str, config: str | None = None) -> None:
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.py").write_text(code)
    if config is not None:
        (folder / "config.pbtxt").write_text(config)


def found(folder: Path, target: Target = Target.DEFAULT) -> list[Finding]:
    return check_repository(folder, RELEASE, target=target)


def rules(folder: Path, target: Target = Target.DEFAULT) -> set[str]:
    return {finding.rule for finding in found(folder, target) if "onnx-inst" not in finding.rule}


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        'backend: "onnxruntime" max_batch_size: 8',
        "max_batch_size: 0",
        'output { name: "y" data_type: TYPE_FP32 dims: 4 }',
        'input { name: "x" data_type: TYPE_FP32 dims: 4 }',
        "dynamic_batching { }",
    ],
)
def test_an_onnx_model_is_completed_from_its_file(tmp_path: Path, text: str | None) -> None:
    identity(tmp_path / "net" / "1")
    if text is not None:
        (tmp_path / "net" / "config.pbtxt").write_text(text)
    assert rules(tmp_path) == {"auto-complete"}
    (warning,) = (each for each in found(tmp_path) if each.rule == "auto-complete")
    assert f"max_batch_size: {8 if text and '8' in text else 4}" in warning.remedy
    assert errors(found(tmp_path, Target.STRICT))


@pytest.mark.parametrize(
    ("shape", "text", "remedy"),
    [
        ((3, 4), "", "max_batch_size: 0, input 'x' TYPE_FP32 [3, 4], output 'y' TYPE_FP32 [3, 4]"),
        ((), "", "max_batch_size: 0, input 'x' TYPE_FP32 [1], output 'y' TYPE_FP32 [1]"),
        (("n",), "max_batch_size: 1", "max_batch_size: 1, input 'x' TYPE_FP32 [1], output"),
        (("n", "m"), "", "max_batch_size: 4, dynamic_batching, input 'x' TYPE_FP32 [-1], output"),
    ],
)
def test_the_warning_says_what_is_filled_in(
    tmp_path: Path, shape: Sequence[int | str], text: str, remedy: str
) -> None:
    identity(tmp_path / "net" / "1", shape)
    (tmp_path / "net" / "config.pbtxt").write_text(text)
    (warning,) = (each for each in found(tmp_path) if each.rule == "auto-complete")
    assert f"Triton fills in {remedy}" in warning.remedy


def test_a_batch_that_the_graph_does_not_have_is_refused(tmp_path: Path) -> None:
    identity(tmp_path / "net" / "1", (1, 4))
    (tmp_path / "net" / "config.pbtxt").write_text("max_batch_size: 8")
    assert {each.rule for each in errors(found(tmp_path))} == {"completion"}


def test_preferred_sizes_are_held_to_what_is_written(tmp_path: Path) -> None:
    """Triton looks at them before the backend sets max_batch_size."""
    identity(tmp_path / "net" / "1")
    text = "dynamic_batching { preferred_batch_size: 2 }"
    (tmp_path / "net" / "config.pbtxt").write_text(text)
    assert {each.rule for each in errors(found(tmp_path))} == {"preferred-batch-size"}


@pytest.mark.parametrize(
    ("size", "dims", "dtype", "name", "expected"),
    [
        (4, "4", "TYPE_FP32", "x", set()),
        (0, "2, 4", "TYPE_FP32", "x", set()),
        (0, "2, 3", "TYPE_FP32", "x", {"ensemble-shape"}),
        (8, "4", "TYPE_FP32", "x", {"batch-size"}),
        (4, "4", "TYPE_INT8", "x", {"ensemble-dtype"}),
        (4, "5", "TYPE_FP32", "x", {"ensemble-shape"}),
        (4, "4", "TYPE_FP32", "z", {"unknown-input", "unmapped-input"}),
    ],
)
def test_an_ensemble_is_held_to_what_is_filled_in(
    tmp_path: Path, size: int, dims: str, dtype: str, name: str, expected: set[str]
) -> None:
    identity(tmp_path / "net" / "1")
    (tmp_path / "net" / "config.pbtxt").write_text("")
    (tmp_path / "line" / "1").mkdir(parents=True)
    (tmp_path / "line" / "config.pbtxt").write_text(ENSEMBLE % (size, dims, dtype, dims, name))
    assert {each.rule for each in errors(found(tmp_path))} >= expected
    assert bool(errors(found(tmp_path))) is bool(expected)


def test_nothing_is_invented_for_a_python_model(tmp_path: Path) -> None:
    for name in ("x", "z"):
        folder = tmp_path / name
        python(folder / "net", HOOKED)
        (folder / "line" / "1").mkdir(parents=True)
        (folder / "line" / "config.pbtxt").write_text(ENSEMBLE % (8, "4", "TYPE_FP32", "4", name))
        assert rules(folder) == {"auto-complete"}
    python(tmp_path / "plain" / "net", PLAIN)
    (tmp_path / "x" / "line").rename(tmp_path / "plain" / "line")
    assert rules(tmp_path / "plain") == {"auto-complete", "unknown-input", "unknown-output"}


@pytest.mark.parametrize(
    ("code", "expected"), [(HOOKED, {"auto-complete"}), (PLAIN, {"tensor-dims", "auto-complete"})]
)
def test_dims_may_be_left_to_the_models_code(tmp_path: Path, code: str, expected: set[str]) -> None:
    text = 'backend: "python" input { name: "a" } output { name: "b" data_type: TYPE_FP32 dims: 4 }'
    python(tmp_path / "net", code, text.replace('"a" }', '"a" data_type: TYPE_FP32 }'))
    assert rules(tmp_path) == expected
    assert rules(tmp_path, Target.STRICT) == {"tensor-dims"}


def test_a_model_without_a_config_needs_a_backend_that_completes_it(tmp_path: Path) -> None:
    (tmp_path / "model.identity" / "1").mkdir(parents=True)
    assert rules(tmp_path) == {"missing-config"}
    (tmp_path / "other" / "1").mkdir(parents=True)
    (tmp_path / "other" / "1" / "weights.bin").write_bytes(b"")
    assert rules(tmp_path) == {"missing-config", "backend"}


sizes = st.lists(st.none() | st.just("batch") | st.integers(1, 3), max_size=3)
tensors = st.lists(st.tuples(sizes, st.sampled_from(["float", "string", "int64"])), max_size=3)


TENSOR = 'name: "%s__0" data_type: TYPE_FP32 dims: 4'


@pytest.mark.parametrize("target", Target)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"pytorch-output"}),
        ("max_batch_size: 4", {"pytorch-output"}),
        (f"input {{ {TENSOR % 'INPUT'} }}", {"pytorch-output"}),
        (f"input {{ {TENSOR % 'INPUT'} }} output {{ {TENSOR % 'OUTPUT'} }}", set()),
        ('runtime: "model.py"', set()),
    ],
)
def test_a_torchscript_model_is_completed_by_nobody(
    tmp_path: Path, target: Target, text: str, expected: set[str]
) -> None:
    (tmp_path / "net" / "1").mkdir(parents=True)
    for name in ("model.pt", "model.py"):
        (tmp_path / "net" / "1" / name).write_bytes(b"")
    (tmp_path / "net" / "config.pbtxt").write_text(f'backend: "pytorch" {text}')
    assert {each.rule for each in errors(found(tmp_path, target))} == expected
    (tmp_path / "net" / "config.pbtxt").unlink()
    (tmp_path / "net" / "1" / "model.py").unlink()
    assert "missing-config" in rules(tmp_path, target)


@given(tensors, tensors.filter(bool), st.integers(0, 8))
def test_what_is_filled_in_fits_the_graph(
    inputs: list[tuple[list[int | str | None], str]],
    outputs: list[tuple[list[int | str | None], str]],
    size: int,
) -> None:
    """The backend's own rules find nothing in it, but for those on answers that would be wrong."""
    graph = OnnxGraph(
        tuple(OnnxTensor.of(f"i{n}", f"tensor({e})", axes) for n, (axes, e) in enumerate(inputs)),
        tuple(OnnxTensor.of(f"o{n}", f"tensor({e})", axes) for n, (axes, e) in enumerate(outputs)),
    )
    made = completion({"max_batch_size": size}, graph)
    assert made is not None
    assert made.refusal is None or (size > 0 and made.max_batch_size == 0)
    config = {
        "max_batch_size": made.max_batch_size,
        **made.filled,
        "instance_group": [{"count": 1}],
    }
    assert [each for each in violations(config, graph) if each.rule in ("dims", "dtype")] == []
    assert completion(config, graph) is None or not inputs
