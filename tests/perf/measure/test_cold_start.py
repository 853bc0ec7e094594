"""Cold starts of a real Triton, and in process, on small models."""

from __future__ import annotations

from pathlib import Path

import onnx
import psutil
import pytest
from onnx import TensorProto, helper

from perf.errors import LegFailed
from perf.measure.cold_start import cold_start, cold_start_in_process
from runtime.machine.environment import ServerEnvironment
from tests.perf.fixtures import WriteModel, WritePair


def write_identity(repository: Path, name: str) -> None:
    """An ONNX model that returns its input."""
    (repository / name / "1").mkdir(parents=True)
    x, y = (helper.make_tensor_value_info(each, TensorProto.FLOAT, ["n"]) for each in ("x", "y"))
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], name, [x], [y])
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="tests"
    )
    onnx.save(model, repository / name / "1" / "model.onnx")
    (repository / name / "config.pbtxt").write_text(
        f'name: "{name}" backend: "onnxruntime" max_batch_size: 0\n'
        'input { name: "x" data_type: TYPE_FP32 dims: [-1] }\n'
        'output { name: "y" data_type: TYPE_FP32 dims: [-1] }\n'
        "instance_group { count: 1 kind: KIND_CPU }\n"
    )


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def test_a_server_starts_cold_and_so_does_each_model(
    server_environment: ServerEnvironment,
    write_model: WriteModel,
    write_pair: WritePair,
    tmp_path: Path,
) -> None:
    write_model(tmp_path, "quick")
    write_model(tmp_path, "late", initialize="time.sleep(0.1)")
    write_pair(tmp_path, "pair", "quick", "late")
    before = children()
    found = cold_start(tmp_path, ["pair"], 2, environment=server_environment)
    assert children() <= before
    assert found.mode == "ensemble"
    assert len(found.seconds) == 2
    assert set(found.load_seconds) == {"pair", "quick", "late"}
    for start, load in zip(found.seconds, found.load_seconds["late"], strict=True):
        assert 0.1 <= load < start


def test_a_model_that_does_not_load_is_told_with_tritons_reason(
    server_environment: ServerEnvironment, write_model: WriteModel, tmp_path: Path
) -> None:
    write_model(tmp_path, "good")
    write_model(tmp_path, "bad", initialize="raise RuntimeError('weights are missing')")
    before = children()
    with pytest.raises(LegFailed, match=r"'bad': .*weights are missing") as caught:
        cold_start(tmp_path, ["*"], 2, environment=server_environment)
    assert "\n" not in str(caught.value)
    assert "model.py" not in str(caught.value)
    with pytest.raises(LegFailed, match="has no model 'nope'"):
        cold_start(tmp_path, ["nope"], 1, environment=server_environment)
    assert children() <= before


def test_in_process_starts_in_a_fresh_process(tmp_path: Path) -> None:
    write_identity(tmp_path, "identity")
    before = children()
    found = cold_start_in_process(tmp_path, "identity", 2)
    assert children() <= before
    assert found.mode == "in-process"
    assert len(found.seconds) == 2
    assert min(found.seconds) > 0


def test_what_does_not_load_in_process_is_told(tmp_path: Path) -> None:
    with pytest.raises(LegFailed, match="has no model 'nope'"):
        cold_start_in_process(tmp_path, "nope", 1)
    write_identity(tmp_path, "identity")
    (tmp_path / "identity" / "1" / "model.onnx").write_bytes(b"no model")
    with pytest.raises(LegFailed, match=r"'identity' could not be loaded: .+") as caught:
        cold_start_in_process(tmp_path, "identity", 1)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("starts", [0, -1])
def test_there_is_at_least_one_start(starts: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        cold_start(tmp_path, ["*"], starts)
    with pytest.raises(ValueError, match="at least 1"):
        cold_start_in_process(tmp_path, "any", starts)
