"""Configs: every field of the graph reaches the text, and the text reads back."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from builders.kit.emit.check import check_graph
from builders.kit.emit.config import model_config
from builders.kit.graph import (
    DynamicBatching,
    Ensemble,
    InstanceGroup,
    OnnxModel,
    PlanModel,
    PythonModel,
    QueuePolicy,
    Tensor,
    VersionPolicy,
    Warmup,
    WarmupInput,
    as_flow,
)
from builders.kit.graph.bls import bls
from repository.arrays import DType
from repository.config.facts import file_input
from repository.config.proto import pb
from repository.config.text import ConfigError, parse, read_config, to_text
from repository.release import Release, release
from tests.builders.kit.declared import export

RELEASE = release("24.10")


def floats(name: str, **axes: int) -> Tensor:
    return Tensor(name, DType.FP32, axes)


FULL = OnnxModel(
    name="detect",
    export=export("detect.onnx"),
    inputs=(
        floats("image", batch=-1, height=-1, channels=3),
        Tensor("limit", DType.INT64, {"batch": -1}, optional=True),
    ),
    outputs=(floats("score", batch=-1), Tensor("label", DType.BYTES, {"batch": -1, "n": -1})),
    max_batch_size=8,
    decoupled=True,
    instances=(InstanceGroup(count=3), InstanceGroup(kind="KIND_GPU", gpus=(0, 2))),
    queue=QueuePolicy(
        max_size=5,
        timeout_microseconds=70,
        timeout_action="DELAY",
        allow_timeout_override=True,
    ),
    batching=DynamicBatching(
        preferred_sizes=(2, 8),
        max_queue_delay_microseconds=90,
        preserve_ordering=True,
        priority_levels=2,
        default_priority_level=1,
        priority_queues={2: QueuePolicy(max_size=3)},
    ),
    parameters={"intra_op_thread_count": "1", "quote": 'a "b" \\ ü\n'},
    warmup=(
        Warmup(
            name="small",
            inputs={
                "image": WarmupInput(shape=(32, 3), data="random"),
                "limit": WarmupInput(shape=(1,), data="limit.bin"),
            },
            batch_size=4,
            count=2,
        ),
    ),
    versions=VersionPolicy(specific=(1, 4)),
    response_cache=True,
)

EXPECTED = """
name: "detect" platform: "onnxruntime_onnx" backend: "onnxruntime"
default_model_filename: "model.onnx"
version_policy { specific { versions: [1, 4] } }
max_batch_size: 8
input { name: "image" data_type: TYPE_FP32 dims: [-1, 3] }
input { name: "limit" data_type: TYPE_INT64 dims: [1] reshape { } optional: true }
output { name: "score" data_type: TYPE_FP32 dims: [1] reshape { } }
output { name: "label" data_type: TYPE_STRING dims: [-1] }
instance_group { count: 3 kind: KIND_CPU }
instance_group { count: 1 kind: KIND_GPU gpus: [0, 2] }
dynamic_batching {
  preferred_batch_size: [2, 8] max_queue_delay_microseconds: 90 preserve_ordering: true
  priority_levels: 2 default_priority_level: 1
  default_queue_policy {
    timeout_action: DELAY default_timeout_microseconds: 70 allow_timeout_override: true
    max_queue_size: 5
  }
  priority_queue_policy { key: 2 value { max_queue_size: 3 } }
}
parameters { key: "intra_op_thread_count" value { string_value: "1" } }
parameters { key: "quote" value { string_value: "a \\"b\\" \\\\ ü\\n" } }
model_warmup {
  name: "small" batch_size: 4 count: 2
  inputs { key: "image" value { data_type: TYPE_FP32 dims: [32, 3] random_data: true } }
  inputs { key: "limit" value { data_type: TYPE_INT64 dims: [1] input_data_file: "limit.bin" } }
}
response_cache { enable: true }
model_transaction_policy { decoupled: true }
"""


def test_every_field_of_a_model_is_written() -> None:
    assert model_config(FULL) == text_format.Parse(EXPECTED, pb.ModelConfig())


def test_text_reads_back_from_a_file(tmp_path: Path) -> None:
    config = model_config(FULL)
    (tmp_path / "config.pbtxt").write_text(to_text(config))
    assert read_config(tmp_path / "config.pbtxt") == config


def stage(name: str, reads: Tensor, writes: Tensor, **options: object) -> PythonModel:
    module = f"family.stages.{name}"
    return PythonModel(name=name, stage=module, inputs=(reads,), outputs=(writes,), **options)  # type: ignore[arg-type]


def test_zero_batch_size_is_written_out() -> None:
    config = model_config(stage("crop", floats("x", n=-1), floats("y", n=-1)))
    text = to_text(config)
    assert "\nmax_batch_size: 0\n" in text
    assert parse(text.encode(), "crop") == config


@pytest.mark.parametrize(
    ("queue", "max_batch_size", "expected"),
    [
        (QueuePolicy(max_size=0), 0, None),
        (QueuePolicy(max_size=0), 8, None),
        (QueuePolicy(max_size=9), 0, "default_queue_policy { max_queue_size: 9 }"),
        (
            QueuePolicy(max_size=9),
            8,
            "preferred_batch_size: 1 default_queue_policy { max_queue_size: 9 }",
        ),
        (
            QueuePolicy(max_size=0, timeout_microseconds=5),
            0,
            "default_queue_policy { default_timeout_microseconds: 5 }",
        ),
    ],
)
def test_bound_needs_the_batcher_and_joins_nothing(
    queue: QueuePolicy, max_batch_size: int, expected: str | None
) -> None:
    reads, writes = floats("x", batch=-1, n=-1), floats("y", batch=-1, n=-1)
    model = stage("crop", reads, writes, queue=queue, max_batch_size=max_batch_size)
    config = model_config(model)
    assert config.HasField("dynamic_batching") is (expected is not None)
    if expected is not None:
        wanted = text_format.Parse(expected, pb.ModelDynamicBatching())
        assert config.dynamic_batching == wanted


def test_kinds_of_models_name_their_backend_and_file() -> None:
    reads, writes = floats("x", n=-1), floats("y", n=-1)
    plan = PlanModel(name="plan", export=export("e"), inputs=(reads,), outputs=(writes,))
    crop = stage("crop", reads, writes)
    pipeline = Ensemble(name="ocr", inputs=(reads,), outputs=(writes,), steps=as_flow(crop))
    found = {
        model.name: (config.backend, config.platform, config.default_model_filename)
        for model in (FULL, plan, crop, bls(pipeline), pipeline)
        for config in [model_config(model)]
    }
    assert found == {
        "detect": ("onnxruntime", "onnxruntime_onnx", "model.onnx"),
        "plan": ("tensorrt", "tensorrt_plan", "model.plan"),
        "crop": ("python", "", "model.py"),
        "ocr_bls": ("python", "", "model.py"),
        "ocr": ("", "ensemble", ""),
    }
    assert model_config(crop).parameters["stage"].string_value == "crop"


def test_ensemble_has_every_version_and_map_and_no_service_of_its_own() -> None:
    crop = stage("crop", floats("x", n=-1), floats("mid", n=-1))
    read = stage("read", floats("image", n=-1), floats("y", n=-1), decoupled=True)
    pipeline = Ensemble(
        name="ocr",
        inputs=(floats("x", n=-1),),
        outputs=(floats("y", n=-1),),
        steps=crop >> read.step(inputs={"image": "mid"}),
        batching=DynamicBatching(),
    )
    config = model_config(pipeline)
    assert config == text_format.Parse(
        """
        name: "ocr" platform: "ensemble" version_policy { latest { num_versions: 1 } }
        input { name: "x" data_type: TYPE_FP32 dims: -1 }
        output { name: "y" data_type: TYPE_FP32 dims: -1 }
        ensemble_scheduling {
          step {
            model_name: "crop" model_version: -1
            input_map { key: "x" value: "x" } output_map { key: "mid" value: "mid" }
          }
          step {
            model_name: "read" model_version: -1
            input_map { key: "image" value: "mid" } output_map { key: "y" value: "y" }
          }
        }
        model_transaction_policy { decoupled: true }
        """,
        pb.ModelConfig(),
    )
    assert "ensemble-batching" in {finding.rule for finding in check_graph([pipeline], RELEASE)}


def test_a_field_that_the_release_does_not_know_is_found() -> None:
    young = Release(
        name="0.1",
        server="",
        python="3.10",
        onnxruntime="",
        newest_opset=21,
        newest_ir_version=10,
        unknown_fields=frozenset(
            {"ModelConfig.response_cache", "ModelInput.optional", "ModelQueuePolicy.max_queue_size"}
        ),
    )
    named = [
        finding.found for finding in check_graph([FULL], young) if finding.rule == "unknown-field"
    ]
    assert sorted(named) == [
        "ModelConfig.response_cache",
        "ModelInput.optional",
        "ModelQueuePolicy.max_queue_size",
        "ModelQueuePolicy.max_queue_size",
    ]


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
policies = st.builds(
    QueuePolicy,
    max_size=st.integers(0, 2**32 - 1),
    timeout_microseconds=st.integers(0, 2**64 - 1),
    timeout_action=st.sampled_from(("REJECT", "DELAY")),
    allow_timeout_override=st.booleans(),
)
tensors = st.builds(
    Tensor,
    name=names,
    dtype=st.sampled_from(DType),
    axes=st.dictionaries(names, st.integers(-1, 2**40), max_size=4),
    optional=st.booleans(),
)
models = st.builds(
    PythonModel,
    name=names,
    stage=names,
    inputs=st.lists(tensors, max_size=3).map(tuple),
    outputs=st.lists(tensors, max_size=3).map(tuple),
    max_batch_size=st.integers(0, 2**31 - 1),
    decoupled=st.booleans(),
    queue=policies,
    batching=st.none()
    | st.builds(
        DynamicBatching,
        preferred_sizes=st.lists(st.integers(1, 99), max_size=3).map(tuple),
        priority_levels=st.integers(0, 4),
        priority_queues=st.dictionaries(st.integers(0, 4), policies, max_size=2),
    ),
    parameters=st.dictionaries(names, names, max_size=3),
    versions=st.builds(
        VersionPolicy,
        latest=st.integers(0, 3),
        specific=st.lists(st.integers(1, 9), max_size=2).map(tuple),
    ),
    response_cache=st.booleans(),
)


@given(models)
def test_any_model_reads_back_as_it_was_printed(model: PythonModel) -> None:
    config = model_config(model)
    text = to_text(config)
    assert parse(text.encode(), "any") == config
    assert text.count("max_batch_size:") == 1


words = st.sampled_from(
    [
        *(field.name for field in pb.ModelConfig.DESCRIPTOR.fields),
        *("{", "}", "[", "]", ":", ",", '"', "'", "-1", "1e400", "key", "value", "\\x", "#"),
        *("TYPE_FP32", "dims", "step", "[type.googleapis.com/x]", "\ufeff", "\x00", "inf", "nan"),
    ]
)


@given(st.binary(max_size=60) | st.lists(words, max_size=25).map(lambda w: " ".join(w).encode()))
def test_hostile_text_is_a_config_or_a_config_error(text: bytes) -> None:
    for skip in (False, True):
        try:
            parse(text, "hostile", skip_unknown=skip)
        except ConfigError as error:
            assert str(error).startswith("hostile")
            assert 0 <= error.line <= text.count(b"\n") + 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b'name: "a"\nmax_batch_size: x\n', 2),
        (b'name: "a"\n\ninput { nme: "x" }', 3),
        (b'name: "a"\nname: "b"', 2),
        (b"\n\nname: \xff", 3),
        (b"dynamic_batching {}\nsequence_batching {}", 2),
        (b"max_batch_size: 5000000000", 1),
        (b"input { name: 'x' ", 1),
    ],
)
def test_syntax_errors_name_their_line(text: bytes, line: int) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "m/config.pbtxt")
    assert caught.value.line == line
    assert str(caught.value).startswith(f"m/config.pbtxt:{line}: ")


def test_deeply_nested_text_is_a_config_error() -> None:
    with pytest.raises(ConfigError):
        parse(b"input { " * 100_000, "m/config.pbtxt", skip_unknown=True)


def test_the_input_for_a_file_is_found_among_others() -> None:
    values = Tensor("values", DType.FP32, {"n": -1}, optional=True)
    matrix = Tensor("matrix", DType.UINT8, {"n": -1, "m": -1}, optional=True)
    file = Tensor("file", DType.UINT8, {"bytes": -1}, optional=True)

    def found(*inputs: Tensor) -> str | None:
        return file_input(model_config(PythonModel(name="m", inputs=inputs, outputs=(), stage="s")))

    assert found(values, matrix, file) == "file"
    assert found(values, matrix) is None
