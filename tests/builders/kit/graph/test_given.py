"""Models of engines that are neither built nor run here: declared, checked, and told as such."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from builders.kit.emit.check import check_graph
from builders.kit.emit.config import model_config
from builders.kit.graph import (
    DynamicBatching,
    Ensemble,
    GivenModel,
    Model,
    OnnxModel,
    PlanModel,
    PythonModel,
    QueuePolicy,
    Tensor,
)
from builders.kit.graph.declarations import never_run
from builders.kit.graph.draw import text
from builders.kit.graph.kind import kind_of
from builders.kit.graph.layout import version_files
from repository.arrays import DType
from repository.check.check import check_repository
from repository.findings import Severity
from repository.release import release
from tests.builders.kit import repositories
from tests.builders.kit.declared import export

RELEASE = release("26.07")
IDS = Tensor("ids", DType.INT32, {"batch": -1, "token": -1})
TEXT = Tensor("text", DType.BYTES, {"batch": -1, "one": 1})
ENGINE = GivenModel(
    name="engine",
    inputs=(IDS,),
    outputs=(TEXT,),
    max_batch_size=8,
    queue=QueuePolicy(max_size=0),
    backend="tensorrtllm",
    files={"README": b"The engine lies elsewhere.\n"},
    image="registry/engine:1",
    backends=("python", "tensorrtllm"),
    ragged=("ids",),
)


def test_its_config_and_files_are_as_it_says() -> None:
    config = model_config(ENGINE)
    assert (config.backend, config.platform) == ("tensorrtllm", "")
    assert config.default_model_filename == ""
    assert config.input[0].allow_ragged_batch
    assert version_files(ENGINE, {}) == ENGINE.files
    assert kind_of(ENGINE) == "given"
    python = replace(ENGINE, backend="python", ragged=())
    assert model_config(python).default_model_filename == "model.py"
    assert not model_config(python).input[0].allow_ragged_batch


def test_the_check_accepts_it_and_tells_that_it_was_never_run(tmp_path: Path) -> None:
    assert check_graph([ENGINE], RELEASE) == []
    repositories.write(tmp_path, [ENGINE])
    assert check_repository(tmp_path, RELEASE) == []
    (told,) = never_run([ENGINE])
    assert told.severity is Severity.WARNING
    assert "registry/engine:1" in str(told)


def _beside(model: Model) -> list[tuple[str, str]]:
    return [
        (found.where, found.found)
        for found in check_graph([ENGINE, model], RELEASE)
        if found.rule == "image-backend"
    ]


@pytest.mark.parametrize(
    ("model", "backend"),
    [
        (
            OnnxModel(name="net", inputs=(IDS,), outputs=(TEXT,), export=export("net")),
            "onnxruntime",
        ),
        (PlanModel(name="net", inputs=(IDS,), outputs=(TEXT,), export=export("net")), "tensorrt"),
        (replace(ENGINE, name="net", backend="vllm", backends=("tensorrtllm", "vllm")), "vllm"),
    ],
)
def test_what_its_image_cannot_serve_is_refused(model: Model, backend: str) -> None:
    assert ("net", f"the backend '{backend}'") in _beside(model)


def test_stages_and_ensembles_may_stand_beside_it() -> None:
    stage = PythonModel(name="stage", stage="stage", inputs=(IDS,), outputs=(IDS,))
    assert _beside(stage) == []
    pipeline = Ensemble(
        name="pipeline",
        inputs=(IDS,),
        outputs=(TEXT,),
        max_batch_size=8,
        steps=ENGINE >> (),
    )
    assert check_graph([pipeline], RELEASE) == []
    assert "engine (engine)" in text(pipeline)


def test_its_queue_is_bounded_as_any_models() -> None:
    bounded = replace(
        ENGINE, queue=QueuePolicy(max_size=4), batching=DynamicBatching(preferred_sizes=(8,))
    )
    batching = model_config(bounded).dynamic_batching
    assert batching.default_queue_policy.max_queue_size == 4
    assert list(batching.preferred_batch_size) == [8]
