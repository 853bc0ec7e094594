"""What the C++ backend refuses at load is refused by the rules, and by the stand-in on Triton.

Each case stands beside neighbours that load, in the C++ backend and here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, load_model_from_string
from tritonclient.utils import InferenceServerException

from repository.onnxruntime_rules.rules import violations
from runtime.backends.onnxruntime.session import graph_of
from tests.runtime.backends.onnxruntime.toys import Load, Toys

Case = Callable[[Any], tuple[dict[str, Any], bytes]]
"""The toys -> a config and an ONNX model."""


def parameter(key: str, value: str, **fields: Any) -> Case:
    return lambda toys: (
        toys.plain(parameters={key: {"string_value": value}}, **fields),
        toys.identity(),
    )


def accelerator(kind: str, name: str, parameters: dict[str, str] | None = None) -> Case:
    entry = {"name": name, "parameters": parameters or {}}
    accelerators = {f"{kind}_execution_accelerator": [entry]}
    return lambda toys: (
        toys.plain(optimization={"execution_accelerators": accelerators}),
        toys.identity(),
    )


def dims(
    axes: list[int | str | None],
    taken: list[int],
    given: list[int],
    max_batch_size: int,
    reshape: bool = False,
) -> Case:
    def case(toys: Any) -> tuple[dict[str, Any], bytes]:
        config = toys.config({"x": ("FP32", taken)}, {"y": ("FP32", given)}, max_batch_size)
        if reshape:
            config["input"][0]["reshape"] = config["output"][0]["reshape"] = {"shape": []}
        return config, toys.identity(axes=axes)

    return case


def typed(element: int, taken: str, given: str) -> Case:
    return lambda toys: (
        toys.config({"x": (taken, [3])}, {"y": (given, [3])}, 4),
        toys.identity(element),
    )


def named(inputs: list[str], outputs: list[str], max_batch_size: int = 4, **marks: Any) -> Case:
    """Of a graph a, b -> y, z with an initializer for c."""
    axes = ["batch", 3] if max_batch_size else [3]

    def case(toys: Any) -> tuple[dict[str, Any], bytes]:
        config = toys.config(
            {name: ("FP32", [3]) for name in inputs},
            {name: ("FP32", [3]) for name in outputs},
            max_batch_size,
        )
        for entry in config["input"]:
            entry.update(marks.get(entry["name"], {}))
        nodes = [helper.make_node("Sum", ["a", "b", "c"], ["y"])]
        nodes.append(helper.make_node("Neg", ["y"], ["z"]))
        model = toys.onnx(
            {"a": (1, axes), "b": (1, axes), "c": (1, [3])},
            {"y": (1, axes), "z": (1, axes)},
            nodes,
            {"c": np.ones(3, np.float32)},
        )
        return config, model

    return case


def sequence_output(toys: Any) -> tuple[dict[str, Any], bytes]:
    """A graph that also has an output of no tensor type, which the config leaves out."""
    model = toys.onnx(
        {"x": (1, ["batch", 3])},
        {"y": (1, ["batch", 3])},
        [
            helper.make_node("Identity", ["x"], ["y"]),
            helper.make_node("SequenceConstruct", ["x"], ["s"]),
        ],
    )
    loaded = load_model_from_string(model)
    loaded.graph.output.append(helper.make_tensor_sequence_value_info("s", 1, ["batch", 3]))
    return toys.plain(), loaded.SerializeToString()


def ragged(axes: list[int | str | None], **marks: Any) -> Case:
    def case(toys: Any) -> tuple[dict[str, Any], bytes]:
        config = toys.config({"x": ("FP32", [-1])}, {"y": ("FP32", [-1])}, 0)
        config["input"][0] |= {"allow_ragged_batch": True, **marks}
        return config, toys.identity(axes=axes)

    return case


def control(axes: list[int | str | None], element: int, flag: str, name: str = "start") -> Case:
    def case(toys: Any) -> tuple[dict[str, Any], bytes]:
        start = {"kind": "CONTROL_SEQUENCE_START", flag: [0, 1]}
        batching = {"control_input": [{"name": name, "control": [start]}]}
        model = toys.onnx(
            {"x": (1, ["batch", 3]), "start": (element, axes)},
            {"y": (1, ["batch", 3])},
            [helper.make_node("Identity", ["x"], ["y"])],
        )
        return toys.plain(sequence_batching=batching), model

    return case


OPTIONAL = {"optional": True}
GPU = {"instance_group": [{"kind": "KIND_GPU", "count": 1}]}

REFUSED: list[tuple[str, str, Case]] = [
    ("batch-axis", "one", dims([1, 3], [3], [3], 1)),
    ("batch-axis", "many", dims([8, 3], [3], [3], 8)),
    ("dims", "full dims without batching", dims(["b", 3], [3], [3], 0)),
    ("dims", "batch in the dims", dims(["b", 3], [-1, 3], [-1, 3], 4)),
    ("dims", "output fixes a dynamic axis", dims(["b", "n"], [-1], [3], 4)),
    ("dims", "output widens a static axis", dims(["b", 3], [3], [-1], 4)),
    ("dims", "input widens a static axis", dims(["b", 3], [-1], [3], 4)),
    ("dims", "other size", dims([2, 3], [2, 4], [2, 3], 0)),
    ("dims", "rank too low", dims([2, 3], [6], [2, 3], 0)),
    ("dims", "rank too high", dims([2, 3], [2, 3], [1, 2, 3], 0)),
    ("dims", "row of the batch without reshape", dims(["b"], [1], [1], 4)),
    ("dims", "scalar of two", dims([], [2], [1], 0)),
    ("dtype", "input", typed(TensorProto.FLOAT, "FP16", "FP32")),
    ("dtype", "output", typed(TensorProto.INT64, "INT64", "INT32")),
    ("unsupported-dtype", "bfloat16", typed(TensorProto.BFLOAT16, "BF16", "BF16")),
    ("type", "a sequence that the config leaves out", sequence_output),
    ("unknown-input", "misspelt", named(["a", "bb"], ["y"])),
    ("missing-input", "left out", named(["a"], ["y"])),
    ("unknown-input", "one too many", named(["a", "b", "d"], ["y"])),
    ("initializer-input", "required", named(["a", "b", "c"], ["y"], 0)),
    ("missing-input", "optional", named(["a", "b"], ["y"], 0, b=OPTIONAL)),
    ("unknown-output", "misspelt", named(["a", "b"], ["yy"])),
    ("optional-with-batching", "any", named(["a", "b", "c"], ["y"], 4, c=OPTIONAL)),
    ("ragged-input", "not one row", ragged(["n", 3])),
    ("ragged-input", "optional", ragged(["n"], optional=True)),
    ("sequence-control", "shape", control(["batch", 2], TensorProto.INT32, "int32_false_true")),
    ("sequence-control", "type", control(["batch", 1], TensorProto.FLOAT, "int32_false_true")),
    ("parameter-integer", "word", parameter("intra_op_thread_count", "two")),
    ("parameter-integer", "empty", parameter("inter_op_thread_count", "")),
    ("parameter-overflow", "huge", parameter("intra_op_thread_count", "99999999999")),
    ("parameter-overflow", "low", parameter("inter_op_thread_count", "-2147483649")),
    ("parameter-overflow", "choice", parameter("execution_mode", "1" + "0" * 5000)),
    ("parameter-choice", "2", parameter("execution_mode", "2")),
    ("parameter-choice", "-1", parameter("execution_mode", "-1")),
    ("parameter-boolean", "arena", parameter("enable_mem_arena", "yes")),
    ("parameter-boolean", "pattern", parameter("enable_mem_pattern", "2")),
    ("unknown-accelerator", "cpu", accelerator("cpu", "onednn")),
]

ACCEPTED: list[tuple[str, Case]] = [
    ("a batch of one, in full", dims([1, 3], [1, 3], [1, 3], 0)),
    ("input fixes a dynamic axis", dims(["b", "n"], [5], [-1], 4)),
    ("dynamic batch in full", dims(["b", 3], [-1, 3], [-1, 3], 0)),
    ("batch fixed without batching", dims(["b", 3], [2, 3], [-1, 3], 0)),
    ("row of the batch", dims(["b"], [1], [1], 4, reshape=True)),
    ("scalar", dims([], [1], [1, 1], 0)),
    ("some of the outputs", named(["a", "b"], ["z"])),
    ("initializer left out", named(["a", "b"], ["y", "z"])),
    ("initializer optional", named(["a", "b", "c"], ["y"], 0, c=OPTIONAL)),
    ("optional in place of an initializer", named(["a", "b", "c"], ["y"], 0, b=OPTIONAL)),
    ("control", control(["batch", 1], TensorProto.INT32, "int32_false_true")),
    ("integer and more", parameter("intra_op_thread_count", " 1x")),
    ("parallel", parameter("execution_mode", "1")),
    ("boolean", parameter("enable_mem_arena", "OFF")),
    ("pattern", parameter("enable_mem_pattern", "0")),
    ("unknown parameter", parameter("no_such_parameter", "?")),
    ("allocator", parameter("session.use_device_allocator_for_initializers", "1")),
    ("gpu setting on a cpu", parameter("cudnn_conv_algo_search", "no number")),
    ("gpu choice on a cpu", parameter("cudnn_conv_algo_search", "9")),
    ("gpu accelerator on a cpu", accelerator("gpu", "no such accelerator")),
    (
        "platform",
        lambda toys: (toys.plain(platform="onnxruntime_onnx", backend=""), toys.identity()),
    ),
    ("graph level", lambda t: (t.plain(optimization={"graph": {"level": 2}}), t.identity())),
]


def rules_of(config: dict[str, Any], model: bytes) -> list[str]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    found = violations(config, graph_of(session))
    assert all(each.expected and each.found and each.remedy.endswith(".") for each in found)
    return [each.rule for each in found]


@pytest.mark.parametrize(
    ("rule", "case"), [(r, c) for r, _, c in REFUSED], ids=[f"{r}: {n}" for r, n, _ in REFUSED]
)
def test_refused(rule: str, case: Case, toys: Toys) -> None:
    assert rule in rules_of(*case(toys))


ONE_EACH = {rule: case for rule, _, case in reversed(REFUSED)}


@pytest.mark.sampled(6)
@pytest.mark.parametrize(("rule", "case"), ONE_EACH.items(), ids=ONE_EACH)
def test_each_rule_is_refused_by_triton(rule: str, case: Case, toys: Toys, load: Load) -> None:
    with pytest.raises(InferenceServerException, match=rf"\[{rule}\]"):
        load(*case(toys))


@pytest.mark.sampled(6)
@pytest.mark.parametrize("case", [c for _, c in ACCEPTED], ids=[name for name, _ in ACCEPTED])
def test_accepted(case: Case, toys: Toys, load: Load) -> None:
    config, model = case(toys)
    assert rules_of(config, model) == []
    served = load(config, model)
    assert served.client.is_model_ready(served.name)


@pytest.mark.parametrize(
    ("rule", "case"),
    [
        ("unknown-accelerator", accelerator("gpu", "onednn")),
        ("accelerator-parameter", accelerator("gpu", "tensorrt", {"precision_mode": "FP8"})),
        ("accelerator-parameter", accelerator("gpu", "tensorrt", {"no_such": "1"})),
        ("accelerator-parameter", accelerator("gpu", "tensorrt", {"trt_dla_core": "x"})),
        ("accelerator-parameter", accelerator("gpu", "cuda", {"do_copy_in_default_stream": "x"})),
        ("parameter-choice", parameter("cudnn_conv_algo_search", "3")),
        ("parameter-integer", parameter("arena_extend_strategy", "same")),
        ("parameter-overflow", parameter("cudnn_conv_algo_search", "2147483648")),
        ("parameter-overflow", accelerator("gpu", "tensorrt", {"trt_dla_core": "9" * 11})),
        (
            "parameter-overflow",
            accelerator("gpu", "tensorrt", {"max_workspace_size_bytes": str(2**64)}),
        ),
    ],
)
def test_refused_where_an_instance_runs_on_a_gpu(rule: str, case: Case, toys: Toys) -> None:
    config, model = case(toys)
    assert rule not in rules_of(config, model)
    assert rule in rules_of(config | GPU, model)


def test_all_that_is_wrong_is_said_at_once(toys: Toys, load: Load) -> None:
    config = toys.config({"x": ("FP16", [4])}, {"z": ("FP32", [3])}, 4)
    config["parameters"] = {"execution_mode": {"string_value": "7"}}
    with pytest.raises(InferenceServerException) as refusal:
        load(config, toys.identity())
    for rule in ("dtype", "dims", "unknown-output", "parameter-choice"):
        assert f"[{rule}]" in str(refusal.value)


def test_an_onnx_file_that_is_none(toys: Toys, load: Load) -> None:
    with pytest.raises(InferenceServerException, match="ONNX Runtime cannot load the model"):
        load(toys.plain(), b"not a model")


def test_a_missing_onnx_file(toys: Toys, load: Load) -> None:
    with pytest.raises(InferenceServerException, match=r"expected the ONNX file 1/model\.onnx"):
        load(toys.plain(), toys.identity(), file="other.onnx")


@pytest.mark.parametrize(
    "fields",
    [
        {"model_transaction_policy": {"decoupled": True}},
        {"input": [], "output": []},
    ],
)
def test_what_only_the_c_plus_plus_backend_serves(
    fields: dict[str, Any], toys: Toys, load: Load
) -> None:
    with pytest.raises(InferenceServerException, match=r"\[stand-in\]"):
        load(toys.plain() | fields, toys.identity())


def test_bfloat16_is_known_from_26_03(toys: Toys) -> None:
    config, model = typed(TensorProto.BFLOAT16, "BF16", "BF16")(toys)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    assert violations(config, graph_of(session), bfloat16=True) == []
