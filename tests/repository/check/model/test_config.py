# ruff: noqa: E501 -- one line a config
"""Each rule on a single model, broken once: the check names it, and Triton does what it says."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import text_format

from repository.check.check import check_repository
from repository.check.rules import RULES, Triton
from repository.config.proto import pb
from repository.findings import Severity, errors
from repository.release import release
from runtime.server.server import LocalServer
from tests.builders.kit.repositories import refusal

RELEASE = release("24.10")
NAME = "chk_one"
NUMBERS = itertools.count()

MODEL = b"""
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        return [pb_utils.InferenceResponse([]) for _ in requests]
"""

BASE = """
backend: "python" max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: [-1, 4] }
output { name: "y" data_type: TYPE_FP32 dims: [-1] }
instance_group { count: 1 kind: KIND_CPU }
version_policy { latest { num_versions: 1 } }
"""

WARMUP = 'model_warmup { name: "w" batch_size: 1 inputs { key: "x" value { %s } } }'
CONTROL = 'sequence_batching { control_input { name: "c" control { %s } } }'

# What is merged into BASE -> the rules that the check must report. In comments, the odd ones.
MISTAKES = [
    ("max_batch_size: -1", {"max-batch-size"}),
    ("input { data_type: TYPE_FP32 dims: 1 }", {"tensor-name"}),
    ('output { name: "z" dims: 1 }', {"tensor-dtype"}),
    ('input { name: "z" data_type: TYPE_INT8 }', {"tensor-dims"}),
    ('input { name: "z" data_type: TYPE_INT8 dims: [2, 0] }', {"tensor-dims"}),
    ('output { name: "z" data_type: TYPE_INT8 dims: [-2] }', {"tensor-dims"}),
    ('input { name: "z" data_type: TYPE_INT8 dims: [2, 3] reshape { shape: [5] } }', {"reshape"}),
    ('input { name: "z" data_type: TYPE_INT8 dims: [-1, 3] reshape { shape: [3] } }', {"reshape"}),
    (
        'input { name: "z" data_type: TYPE_INT8 dims: [-1, 3] reshape { shape: [-1, 2] } }',
        {"reshape"},
    ),
    ('input { name: "z" data_type: TYPE_INT8 dims: [2, 3] reshape { shape: [0] } }', {"reshape"}),
    ('input { name: "z" data_type: TYPE_INT8 dims: [2] reshape { } }', {"reshape"}),
    ('input { name: "z" data_type: TYPE_INT8 dims: [3, 2] format: FORMAT_NCHW }', {"input-format"}),
    ('input { name: "z" data_type: TYPE_INT8 dims: 3 is_shape_tensor: true }', {"tensorrt-only"}),
    (
        'output { name: "z" data_type: TYPE_INT8 dims: [1, 2, 3] is_non_linear_format_io: true }',
        {"tensorrt-only"},
    ),
    ("dynamic_batching { preferred_batch_size: [4, 0] }", {"preferred-batch-size"}),
    ("dynamic_batching { preferred_batch_size: [4, 9] }", {"preferred-batch-size"}),
    ("dynamic_batching { priority_levels: 2 }", {"priority"}),
    ("dynamic_batching { priority_levels: 2 default_priority_level: 3 }", {"priority"}),
    (
        "dynamic_batching { priority_levels: 2 default_priority_level: 1"
        " priority_queue_policy { key: 3 value { } } }",
        {"priority"},
    ),
    (
        "dynamic_batching { priority_levels: 2 default_priority_level: 1 preserve_ordering: true }",
        {"preserve-ordering"},
    ),
    (
        "dynamic_batching { preserve_ordering: true default_queue_policy {"
        " timeout_action: DELAY default_timeout_microseconds: 5 } }",
        {"preserve-ordering"},
    ),
    (
        "response_cache { enable: true } model_transaction_policy { decoupled: true }",
        {"response-cache"},
    ),
    ("response_cache { enable: true } sequence_batching { direct { } }", {"response-cache"}),
    (CONTROL % "kind: CONTROL_SEQUENCE_START", {"sequence-batching"}),
    (CONTROL % "kind: CONTROL_SEQUENCE_START int32_false_true: [0]", {"sequence-batching"}),
    (
        CONTROL % "kind: CONTROL_SEQUENCE_END int32_false_true: [0, 1] fp32_false_true: [0, 1]",
        {"sequence-batching"},
    ),
    (CONTROL % "kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_FP32", {"sequence-batching"}),
    (
        CONTROL % "kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_UINT64 int32_false_true: [0, 1]",
        {"sequence-batching"},
    ),
    ("sequence_batching { oldest { preferred_batch_size: 9 } }", {"sequence-batching"}),
    ("sequence_batching { direct { minimum_slot_utilization: 1.5 } }", {"sequence-batching"}),
    (
        'sequence_batching { control_input { name: "c" control { kind: CONTROL_SEQUENCE_START bool_false_true: [false, true] } }'
        ' control_input { name: "d" control { kind: CONTROL_SEQUENCE_START bool_false_true: [false, true] } } }',
        {"sequence-batching"},
    ),
    (
        'batch_input { kind: BATCH_ELEMENT_COUNT target_name: "n" data_type: TYPE_INT32 source_input: "q" }',
        {"batch-io"},
    ),
    (
        'batch_input { kind: BATCH_ELEMENT_COUNT target_name: "n" data_type: TYPE_INT64 source_input: "x" }',
        {"batch-io"},
    ),
    (
        'batch_input { kind: BATCH_ELEMENT_COUNT target_name: "n" data_type: TYPE_FP32 }',
        {"batch-io"},
    ),
    ('batch_output { target_name: "y" target_name: "y" source_input: "x" }', {"batch-io"}),
    ('batch_output { target_name: "q" source_input: "x" }', {"batch-io"}),
    ("instance_group { kind: KIND_CPU gpus: 0 }", {"instance-group"}),
    ("instance_group { kind: KIND_MODEL gpus: 0 }", {"instance-group"}),
    ('instance_group { kind: KIND_CPU profile: "0" }', {"instance-group"}),
    ("instance_group { gpus: -1 }", {"instance-group"}),
    ("version_policy { latest { num_versions: 0 } }", {"version-policy", "no-version"}),
    ("version_policy { specific { } }", {"version-policy", "no-version"}),
    ("version_policy { specific { versions: 3 } }", {"missing-version", "no-version"}),
    (WARMUP % "data_type: TYPE_FP32 dims: [-1, 4] zero_data: true", {"warmup"}),
    (WARMUP % "data_type: TYPE_FP32 dims: [2, 3] zero_data: true", {"warmup"}),
    (WARMUP % "data_type: TYPE_FP32 dims: [4] zero_data: true", {"warmup"}),
    (WARMUP % "data_type: TYPE_INT8 dims: [2, 4] zero_data: true", {"warmup"}),
    (WARMUP % "data_type: TYPE_FP32 dims: [2, 4]", {"warmup"}),
    (WARMUP % 'data_type: TYPE_FP32 dims: [2, 4] input_data_file: "no"', {"warmup"}),
    ('model_warmup { name: "w" batch_size: 1 }', {"warmup"}),
    ('name: "another"', {"model-name"}),
    ('backend: "onnxruntime" platform: "onnxruntime"', {"backend", "model-file"}),
    ('backend: "" platform: "what"', {"backend"}),
    ("ensemble_scheduling { }", {"ensemble-platform", "ensemble-field", "ensemble-step"}),
    ('output { name: "z" data_type: TYPE_INT8 dims: 1 label_filename: "no.txt" }', {"label-file"}),
    ('input { name: "x" data_type: TYPE_FP32 dims: 1 }', {"duplicate-tensor"}),
    (
        'parameters { key: "EXECUTION_ENV_PATH" value { string_value: "env.tar.gz" } }',
        {"execution-environment"},
    ),
    (
        'parameters { key: "EXECUTION_ENV_PATH" value { string_value: "$$TRITON_MODEL_DIRECTORY/e.tgz" } }',
        {"execution-environment"},
    ),
]

# Config -> the warnings that the check gives of it; Triton loads each.
HURTING = [
    ("dynamic_batching { default_queue_policy { max_queue_size: 5 } }", {"queue-stall"}),
    (
        "dynamic_batching { default_queue_policy { default_timeout_microseconds: 5 } }",
        {"queue-stall"},
    ),
    (
        'input { name: "z" data_type: TYPE_INT8 dims: 1 optional: true } dynamic_batching { }',
        {"optional-batching"},
    ),
    ("version_policy { specific { versions: [1, 3] } }", {"missing-version"}),
    ('model_warmup { name: "w" batch_size: 0 }', {"skipped-warmup"}),
]

# Sound, and close to a mistake.
SOUND = [
    "",
    "max_batch_size: 0",
    'input { name: "z" data_type: TYPE_INT8 dims: [1, 1] reshape { } }',
    'input { name: "z" data_type: TYPE_INT8 dims: [2, 4, -1, 6] reshape { shape: [8, -1, 1, 6] } }',
    'input { name: "z" data_type: TYPE_INT8 dims: [3, 2, 2] format: FORMAT_NHWC }',
    "dynamic_batching { preferred_batch_size: [1, 8] }",
    "dynamic_batching { default_priority_level: 3 }",
    "dynamic_batching { priority_levels: 2 default_priority_level: 2"
    " priority_queue_policy { key: 1 value { max_queue_size: 3 } } }"
    " instance_group { count: 1 }",
    "dynamic_batching { preserve_ordering: true default_queue_policy { timeout_action: DELAY } }",
    "response_cache { enable: true }",
    "instance_group { kind: KIND_MODEL }",
    "instance_group { count: 0 kind: KIND_CPU }",
    "version_policy { all { } }",
    WARMUP % "data_type: TYPE_FP32 dims: [2, 4] random_data: true",
    WARMUP % "data_type: TYPE_FP32 dims: [0, 4] zero_data: true",
    'backend: "python" platform: "onnxruntime_onnx"',
    'backend: ""',
    (CONTROL % "kind: CONTROL_SEQUENCE_START bool_false_true: [false, true]"),
    (CONTROL % "kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_UINT64"),
    'batch_input { kind: BATCH_ELEMENT_COUNT target_name: "n" data_type: TYPE_INT32 source_input: "x" }',
]


def merged(text: str) -> pb.ModelConfig:
    """BASE with a text over it; a field that is empty there is cleared, a policy replaced."""
    config = text_format.Parse(BASE, pb.ModelConfig())
    change = text_format.Parse(text, pb.ModelConfig())
    for field in ("version_policy",):
        if change.HasField(field):
            config.ClearField(field)
    config.MergeFrom(change)
    if 'backend: ""' in text:
        config.backend = ""
    if text == "max_batch_size: 0":
        config.max_batch_size = 0
    return config


@pytest.fixture
def folder(triton: LocalServer) -> Iterator[Path]:
    """A model of a name of its own, which stays loaded: Triton takes a second to unload one, and
    can end if another is loaded in that moment."""
    path = triton.repository / f"{NAME}_{next(NUMBERS)}"
    (path / "1").mkdir(parents=True)
    (path / "1" / "model.py").write_bytes(MODEL)
    yield path
    shutil.rmtree(path)


def judged(folder: Path, config: pb.ModelConfig) -> tuple[set[str], set[str]]:
    """The rules of the errors and of the warnings about the model."""
    (folder / "config.pbtxt").write_text(text_format.MessageToString(config))
    own = [
        finding
        for finding in check_repository(folder.parent, RELEASE)
        if finding.where.startswith(NAME)
    ]
    broken = {finding.rule for finding in errors(own)}
    return broken, {finding.rule for finding in own if finding.severity is Severity.WARNING}


def shortened(value: str | set[str]) -> str:
    """A case's name, the same in every process that runs these tests."""
    return value[:60] if isinstance(value, str) else " ".join(sorted(value))


@pytest.mark.sampled(12)
@pytest.mark.parametrize(("text", "expected"), MISTAKES, ids=shortened)
def test_mistake_is_named_and_judged_as_triton_judges(
    triton: LocalServer, folder: Path, text: str, expected: set[str]
) -> None:
    broken, hurting = judged(folder, merged(text))
    assert broken | (hurting & expected) == expected
    refused = any(RULES[rule].triton is Triton.REFUSES for rule in broken)
    said = refusal(triton, folder.name)
    assert bool(said) is refused, said


@pytest.mark.parametrize(("text", "expected"), HURTING, ids=shortened)
def test_what_hurts_is_warned_about_and_loads(
    triton: LocalServer, folder: Path, text: str, expected: set[str]
) -> None:
    assert judged(folder, merged(text)) == (set(), expected)
    assert refusal(triton, folder.name) == ""


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", SOUND, ids=shortened)
def test_sound_config_passes_and_loads(triton: LocalServer, folder: Path, text: str) -> None:
    broken, _ = judged(folder, merged(text))
    assert broken == set()
    assert refusal(triton, folder.name) == ""
