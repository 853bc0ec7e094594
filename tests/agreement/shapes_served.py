# ruff: noqa: E501 -- one line a case
"""Warm-up, batching, sequences, and ensembles."""

from __future__ import annotations

from functools import partial

from tests.agreement.corpus import named, shape
from tests.agreement.writing import FILLS_ALL, ONNX, PYTHON, Bench, completing, linear

WARMED = PYTHON + 'model_warmup { name: "w" %s inputs { key: "%s" value { %s } } }'
FLOATS = "data_type: TYPE_FP32 dims: [ 4 ] "

for name, (head, key, value) in {
    "warmup_zeros": ("batch_size: 1", "x", FLOATS + "zero_data: true"),
    "warmup_random": ("batch_size: 1 count: 3", "x", FLOATS + "random_data: true"),
    "warmup_without_size": ("", "x", FLOATS + "zero_data: true"),
    "warmup_without_size_missing_file": ("", "x", FLOATS + 'input_data_file: "absent"'),
    "warmup_size_zero": ("batch_size: 0", "x", FLOATS + "zero_data: true"),
    "warmup_missing_file": ("batch_size: 1", "x", FLOATS + 'input_data_file: "absent"'),
    "warmup_of_another_type": (
        "batch_size: 1",
        "x",
        "data_type: TYPE_INT8 dims: [ 4 ] zero_data: true",
    ),
    "warmup_of_another_input": ("batch_size: 1", "z", FLOATS + "zero_data: true"),
    "warmup_without_size_of_another_input": ("", "z", FLOATS + "zero_data: true"),
    "warmup_of_two_axes": (
        "batch_size: 1",
        "x",
        "data_type: TYPE_FP32 dims: [ 2, 2 ] zero_data: true",
    ),
    "warmup_with_unknown_size": (
        "batch_size: 1",
        "x",
        "data_type: TYPE_FP32 dims: [ -1 ] zero_data: true",
    ),
    "warmup_without_data": ("batch_size: 1", "x", FLOATS),
}.items():
    text = WARMED % (head, key, value)
    named(name)(partial(Bench.python, config=text))


@shape
def warmup_from_a_file(at: Bench) -> None:
    at.python(WARMED % ("batch_size: 1", "x", FLOATS + 'input_data_file: "data"'))
    at.put("warmup/data", bytes(16))


@shape
def warmup_from_a_short_file(at: Bench) -> None:
    at.python(WARMED % ("batch_size: 1", "x", FLOATS + 'input_data_file: "data"'))
    at.put("warmup/data", bytes(15))


@shape
def warmup_of_one_input_more(at: Bench) -> None:
    more = 'inputs { key: "z" value { data_type: TYPE_FP32 dims: [ 4 ] zero_data: true } }'
    text = WARMED % ("batch_size: 1", "x", FLOATS + "zero_data: true")
    at.python(text.replace("inputs {", f"{more} inputs {{", 1))


@shape
def warmup_left_to_the_hook(at: Bench) -> None:
    text = 'backend: "python" model_warmup { name: "w" batch_size: 1 inputs { key: "x" value { %s } } }'
    at.python(text % (FLOATS + "zero_data: true"), FILLS_ALL)


BATCHED = PYTHON.replace("max_batch_size: 0", "max_batch_size: 4")

for name, text in {
    "batching_preferred": BATCHED + "dynamic_batching { preferred_batch_size: [ 2, 4 ] }",
    "batching_preferred_too_large": BATCHED + "dynamic_batching { preferred_batch_size: [ 8 ] }",
    "batching_preferred_without_batch": PYTHON + "dynamic_batching { preferred_batch_size: [ 1 ] }",
    "batching_without_batch": PYTHON + "dynamic_batching { }",
    "batching_priorities": BATCHED
    + "dynamic_batching { priority_levels: 3 default_priority_level: 2 }",
    "batching_priorities_without_default": BATCHED + "dynamic_batching { priority_levels: 3 }",
    "batching_ordered_priorities": BATCHED
    + "dynamic_batching { priority_levels: 2 default_priority_level: 1 preserve_ordering: true }",
    "cache_decoupled": PYTHON
    + "response_cache { enable: true } model_transaction_policy { decoupled: true }",
    "gpus_on_a_cpu_group": PYTHON + "instance_group { kind: KIND_CPU gpus: [ 0 ] }",
    "negative_gpu": PYTHON + "instance_group { kind: KIND_GPU gpus: [ -1 ] }",
    "profile_on_python": PYTHON + 'instance_group { kind: KIND_CPU profile: [ "0" ] }',
    "shape_tensor_on_python": PYTHON.replace('name: "x"', 'name: "x" is_shape_tensor: true'),
    "scalar_dims": PYTHON.replace(
        'name: "x" data_type: TYPE_FP32 dims: [ -1 ]', 'name: "x" data_type: TYPE_FP32 dims: [ ]'
    ),
    "zero_dim": PYTHON.replace("dims: [ -1 ]", "dims: [ 0 ]"),
    "negative_dim": PYTHON.replace("dims: [ -1 ]", "dims: [ -2 ]"),
    "reshape_to_scalar": BATCHED.replace("dims: [ -1 ]", "dims: [ 1 ] reshape { shape: [ ] }"),
    "reshape_to_scalar_without_batch": PYTHON.replace(
        "dims: [ -1 ]", "dims: [ 1 ] reshape { shape: [ ] }"
    ),
    "reshape_of_another_size": PYTHON.replace(
        "dims: [ -1 ]", "dims: [ 4 ] reshape { shape: [ 2, 3 ] }"
    ),
    "format_of_two_axes": PYTHON.replace('name: "x"', 'name: "x" format: FORMAT_NHWC'),
    "platform_with_python": PYTHON + 'platform: "onnxruntime_onnx"',
    "platform_of_ones_own": PYTHON + 'platform: "mine"',
    "sequence_oldest": PYTHON + "sequence_batching { oldest { max_candidate_sequences: 4 } }",
    "sequence_two_starts": PYTHON
    + 'sequence_batching { control_input { name: "a" control { kind: CONTROL_SEQUENCE_START bool_false_true: [ false, true ] } } control_input { name: "b" control { kind: CONTROL_SEQUENCE_START bool_false_true: [ false, true ] } } }',
    "sequence_control_without_values": PYTHON
    + 'sequence_batching { control_input { name: "a" control { kind: CONTROL_SEQUENCE_START } } }',
    "environment_missing": PYTHON
    + 'parameters { key: "EXECUTION_ENV_PATH" value { string_value: "$$TRITON_MODEL_DIRECTORY/env.tar.gz" } }',
    "cpu_only_wrong_word": PYTHON
    + 'parameters { key: "FORCE_CPU_ONLY_INPUT_TENSORS" value { string_value: "maybe" } }',
    "cpu_only_no": PYTHON
    + 'parameters { key: "FORCE_CPU_ONLY_INPUT_TENSORS" value { string_value: "no" } }',
    "two_inputs_of_one_name": PYTHON + 'input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] }',
    "input_without_name": PYTHON + "input { data_type: TYPE_FP32 dims: [ 1 ] }",
}.items():
    named(name)(partial(Bench.python, config=text))


@shape
def ensemble_of_two(at: Bench) -> None:
    at.python(part="a")
    at.python(part="b")
    at.ensemble(("a", "x=x", "y=m"), ("b", "x=m", "y=y"))


@shape
def ensemble_over_empty_python(at: Bench) -> None:
    at.python("", part="a")
    at.ensemble(("a", "x=x", "y=y"))


@shape
def ensemble_over_hooked(at: Bench) -> None:
    at.python("", FILLS_ALL, part="a")
    at.ensemble(("a", "x=x", "y=y"))


@shape
def ensemble_over_hooked_without_config(at: Bench) -> None:
    at.python(None, FILLS_ALL, part="a")
    at.ensemble(("a", "x=x", "y=y"))


@shape
def ensemble_over_hooked_batching(at: Bench) -> None:
    code = completing(
        'config.add_input({"name": "x", "data_type": "TYPE_FP32", "dims": [4]})\n'
        'config.add_output({"name": "y", "data_type": "TYPE_FP32", "dims": [4]})\n'
        "config.set_max_batch_size(8)"
    )
    at.python('backend: "python"', code, part="a")
    at.ensemble(("a", "x=x", "y=y"), size=8)


@shape
def ensemble_over_hooked_output_without_dims(at: Bench) -> None:
    text = PYTHON.replace(
        'name: "y" data_type: TYPE_FP32 dims: [ -1 ]', 'name: "y" data_type: TYPE_FP32'
    )
    at.python(text, FILLS_ALL, part="a")
    at.python(part="b")
    at.ensemble(("a", "x=x", "y=m"), ("b", "x=m", "y=y"))


@shape
def ensemble_over_hooked_of_another_type(at: Bench) -> None:
    at.python(PYTHON.replace("TYPE_FP32", "TYPE_INT8"), completing("pass"), part="a")
    at.ensemble(("a", "x=x", "y=y"))


INPUT = 'input { name: "x" data_type: TYPE_FP32 dims: [ %s ] }'
OUTPUT = 'output { name: "y" data_type: %s dims: [ %s ] }'

# An ensemble over an ONNX model that leaves all to Triton.
OVER_ONNX: dict[str, tuple[str | None, str | int, int, str, str, str]] = {
    "over_onnx_empty": ("", "batch", 4, "4", "TYPE_FP32", "3"),
    "over_onnx_without_config": (None, "batch", 4, "4", "TYPE_FP32", "3"),
    "over_onnx_larger_batch": ("", "batch", 8, "4", "TYPE_FP32", "3"),
    "over_onnx_batch_written": ("max_batch_size: 8", "batch", 8, "4", "TYPE_FP32", "3"),
    "over_onnx_smaller_batch": ("", "batch", 2, "4", "TYPE_FP32", "3"),
    "over_onnx_without_batch": ("", "batch", 0, "-1, 4", "TYPE_FP32", "-1, 3"),
    "over_onnx_fixed_without_batch": ("", 1, 0, "1, 4", "TYPE_FP32", "1, 3"),
    "over_onnx_fixed_batch": ("", 1, 4, "4", "TYPE_FP32", "3"),
    "over_onnx_of_another_type": ("", "batch", 4, "4", "TYPE_INT64", "3"),
    "over_onnx_of_another_size": ("", "batch", 4, "4", "TYPE_FP32", "5"),
    "over_onnx_all_written": (ONNX, "batch", 8, "4", "TYPE_FP32", "3"),
    "over_onnx_outputs_left_out": (
        'max_batch_size: 8 input { name: "x" data_type: TYPE_FP32 dims: [ 4 ] }',
        "batch",
        8,
        "4",
        "TYPE_FP32",
        "3",
    ),
}

for name, (config, batch, size, taken, dtype, given) in OVER_ONNX.items():

    @named(f"ensemble_{name}")
    def over_onnx(
        at: Bench,
        config: str | None = config,
        batch: str | int = batch,
        size: int = size,
        tensors: tuple[str, str] = (INPUT % taken, OUTPUT % (dtype, given)),
    ) -> None:
        at.onnx(config, linear(batch), part="a")
        at.ensemble(("a", "x=x", "y=y"), size=size, inputs=tensors[0], outputs=tensors[1])


@shape
def ensemble_of_onnx_and_python(at: Bench) -> None:
    at.onnx("", part="a")
    at.python("", FILLS_ALL, part="b")
    at.ensemble(
        ("a", "x=x", "y=m"),
        ("b", "x=m", "y=y"),
        size=4,
        inputs=INPUT % "4",
        outputs=OUTPUT % ("TYPE_FP32", "3"),
    )


@shape
def ensemble_unknown_model(at: Bench) -> None:
    at.ensemble(("nowhere", "x=x", "y=y"))


@shape
def ensemble_unknown_input(at: Bench) -> None:
    at.python(part="a")
    at.ensemble(("a", "z=x", "y=y"))


@shape
def ensemble_unknown_input_of_onnx_empty(at: Bench) -> None:
    at.onnx("", part="a")
    at.ensemble(
        ("a", "z=x", "y=y"), size=4, inputs=INPUT % "4", outputs=OUTPUT % ("TYPE_FP32", "3")
    )


@shape
def ensemble_unused_output(at: Bench) -> None:
    at.python(part="a")
    at.python(part="b")
    at.ensemble(("a", "x=x", "y=y"), ("b", "x=x", "y=m"))


@shape
def ensemble_without_config(at: Bench) -> None:
    at.python(part="a")
    at.put("1/")


@shape
def ensemble_platform_alone(at: Bench) -> None:
    at.put("1/")
    at.put("config.pbtxt", 'platform: "ensemble"')


@shape
def ensemble_version_left_out(at: Bench) -> None:
    ensemble_over_hooked(at)
    path = at.folder() / "config.pbtxt"
    path.write_text(path.read_text().replace("model_version: -1", ""))


@shape
def ensemble_without_version(at: Bench) -> None:
    ensemble_of_two(at)
    (at.folder() / "1").rmdir()


@shape
def ensemble_with_backend(at: Bench) -> None:
    at.python(part="a")
    at.ensemble(("a", "x=x", "y=y"), rest='backend: "python"')


@shape
def ensemble_with_instances(at: Bench) -> None:
    at.python(part="a")
    at.ensemble(("a", "x=x", "y=y"), rest="instance_group { count: 1 }")


@shape
def ensemble_with_warmup(at: Bench) -> None:
    at.python(part="a")
    at.ensemble(("a", "x=x", "y=y"), rest='model_warmup { name: "w" batch_size: 1 }')


@shape
def ensemble_without_outputs(at: Bench) -> None:
    at.python(part="a")
    at.ensemble(("a", "x=x", "y=y"), outputs="")


@shape
def ensemble_over_a_broken_model(at: Bench) -> None:
    at.python(PYTHON.replace("-1", "0"), part="a")
    at.ensemble(("a", "x=x", "y=y"))


@shape
def ensemble_of_an_ensemble(at: Bench) -> None:
    at.python("", FILLS_ALL, part="a")
    at.ensemble(("a", "x=x", "y=y"), part="b")
    at.ensemble(("b", "x=x", "y=y"))


@shape
def ensemble_in_latin(at: Bench) -> None:
    ensemble_of_two(at)
    path = at.folder() / "config.pbtxt"
    path.write_bytes(path.read_bytes() + b"# \xa9\n")
