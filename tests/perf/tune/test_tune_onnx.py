"""Tuning ONNX models on a real server: batches and delays, and the recogniser as it is served."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from builders.kit.emit.config import model_config
from builders.kit.graph import DynamicBatching, InstanceGroup, OnnxModel, QueuePolicy, Tensor
from perf.scenario import load_scenario
from perf.tune import find_scenario, save, tune
from perf.tune.search import LATE
from perf.tune.settings import Settings
from repository.arrays import DType
from repository.config.text import to_text
from runtime.machine.environment import ServerEnvironment
from tests.builders.kit.declared import export

REPOSITORY = Path(__file__).parents[3] / "model_repository"


def relu(folder: Path) -> OnnxModel:
    """Writes a model that batches, and its config."""
    axes = {"batch": -1, "n": 64}
    model = OnnxModel(
        name="relu",
        export=export("relu"),
        inputs=(Tensor("x", DType.FP32, axes),),
        outputs=(Tensor("y", DType.FP32, axes),),
        max_batch_size=8,
        instances=(InstanceGroup(count=1),),
        parameters={"intra_op_thread_count": "1"},
        queue=QueuePolicy(max_size=0),
        batching=DynamicBatching(preferred_sizes=(4,), max_queue_delay_microseconds=300),
    )
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 64]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", value[:1], value[1:])
    proto = helper.make_model(
        graph, ir_version=8, opset_imports=[helper.make_operatorsetid("", 17)]
    )
    (folder / "relu" / "1").mkdir(parents=True)
    onnx.save(proto, folder / "relu" / "1" / "model.onnx")
    (folder / "relu" / "config.pbtxt").write_text(to_text(model_config(model)))
    return model


@pytest.mark.slow
def test_batches_and_delays_are_tried_and_all_load(
    tmp_path: Path, server_environment: ServerEnvironment
) -> None:
    relu(tmp_path / "repository")
    np.save(tmp_path / "x.npy", np.ones((3, 64), np.float32))
    (tmp_path / "s.yaml").write_text("pipeline: relu\nrequests: [{x: {file: x.npy}}]\n")
    tuned = tune(
        tmp_path / "repository",
        "relu",
        load_scenario(tmp_path / "s.yaml"),
        budget_seconds=90,
        loader="loader",
        environment=server_environment,
    )
    assert {row.failure for row in tuned.rows} <= {None, LATE}
    assert {row.settings.max_batch_size for row in tuned.rows} == {8}  # 12 rows are under way
    tried = [row.settings for row in tuned.rows if row.samples]
    assert tried[0] == Settings(1, 1, 8, True, (4,), 300)
    assert any(each.batching is False for each in tried)
    assert any(each.delay_microseconds == 2000 for each in tried)


@pytest.mark.slow
def test_the_recogniser_is_tuned_with_real_crops_through_the_pipeline(
    tmp_path: Path, server_environment: ServerEnvironment
) -> None:
    lines: list[str] = []
    tuned = tune(
        REPOSITORY,
        "recognise",
        find_scenario(REPOSITORY, "recognise", "ocr"),
        pipeline="ocr",
        budget_seconds=120,
        report=lines.append,
        environment=server_environment,
    )
    assert tuned.loader.startswith("perf_analyzer")
    assert sum(bool(row.samples) for row in tuned.rows) >= 2
    assert tuned.rows[0].errors == 0
    assert tuned.is_decided and f"'{tuned.model}'" in tuned.verdict()
    written = save(tuned, tmp_path / "patch.yaml")
    assert len(written) == (3 if tuned.winner else 2)
