# ruff: noqa: E501 -- one line a case
"""Fields as Triton's documentation, its examples and public repositories write them."""

from __future__ import annotations

from functools import partial

from tests.agreement.corpus import named, shape
from tests.agreement.writing import ONNX, PYTHON, Bench, linear

BATCHED = PYTHON.replace("max_batch_size: 0", "max_batch_size: 8")
START = 'control_input [ { name: "START" control [ { kind: CONTROL_SEQUENCE_START %s } ] } ]'
CONTROLS = """
control_input [
  { name: "START" control [ { kind: CONTROL_SEQUENCE_START fp32_false_true: [ 0, 1 ] } ] },
  { name: "READY" control [ { kind: CONTROL_SEQUENCE_READY fp32_false_true: [ 0, 1 ] } ] },
  { name: "END" control [ { kind: CONTROL_SEQUENCE_END int32_false_true: [ 0, 1 ] } ] },
  { name: "CORRID" control [ { kind: CONTROL_SEQUENCE_CORRID data_type: %s } ] }
]
"""
STATE = 'state [ { input_name: "IN_STATE" output_name: "OUT_STATE" data_type: TYPE_FP32 dims: [ 2 ] %s } ]'

for name, text in {
    # Sequence batchers
    "sequence_empty": BATCHED + "sequence_batching { }",
    "sequence_direct": BATCHED
    + "sequence_batching { direct { } max_sequence_idle_microseconds: 5000000 }",
    "sequence_direct_utilized": BATCHED
    + "sequence_batching { direct { max_queue_delay_microseconds: 100 minimum_slot_utilization: 0.5 } }",
    "sequence_direct_overfull": BATCHED
    + "sequence_batching { direct { minimum_slot_utilization: 2 } }",
    "sequence_controls": BATCHED + f"sequence_batching {{ {CONTROLS % 'TYPE_UINT64'} }}",
    "sequence_controls_no_batch": PYTHON + f"sequence_batching {{ {CONTROLS % 'TYPE_UINT64'} }}",
    "sequence_corrid_string": BATCHED + f"sequence_batching {{ {CONTROLS % 'TYPE_STRING'} }}",
    "sequence_corrid_int32": BATCHED + f"sequence_batching {{ {CONTROLS % 'TYPE_INT32'} }}",
    "sequence_corrid_float": BATCHED + f"sequence_batching {{ {CONTROLS % 'TYPE_FP32'} }}",
    "sequence_corrid_with_values": BATCHED
    + 'sequence_batching { control_input { name: "C" control { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_UINT64 int32_false_true: [ 0, 1 ] } } }',
    "sequence_corrid_without_type": BATCHED
    + 'sequence_batching { control_input { name: "C" control { kind: CONTROL_SEQUENCE_CORRID } } }',
    "sequence_start_with_type": BATCHED
    + f"sequence_batching {{ {START % 'int32_false_true: [ 0, 1 ] data_type: TYPE_INT32'} }}",
    "sequence_start_of_two_types": BATCHED
    + f"sequence_batching {{ {START % 'int32_false_true: [ 0, 1 ] fp32_false_true: [ 0, 1 ]'} }}",
    "sequence_start_of_one_value": BATCHED
    + f"sequence_batching {{ {START % 'int32_false_true: [ 1 ]'} }}",
    "sequence_start_of_three_values": BATCHED
    + f"sequence_batching {{ {START % 'int32_false_true: [ 0, 1, 2 ]'} }}",
    "sequence_start_of_equal_values": BATCHED
    + f"sequence_batching {{ {START % 'int32_false_true: [ 1, 1 ]'} }}",
    "sequence_control_without_kind": BATCHED
    + 'sequence_batching { control_input { name: "START" control { int32_false_true: [ 0, 1 ] } } }',
    "sequence_control_without_name": BATCHED
    + "sequence_batching { control_input { control { kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] } } }",
    "sequence_control_without_controls": BATCHED
    + 'sequence_batching { control_input { name: "START" } }',
    "sequence_control_named_as_input": BATCHED
    + 'sequence_batching { control_input { name: "x" control { kind: CONTROL_SEQUENCE_START fp32_false_true: [ 0, 1 ] } } }',
    "sequence_two_controls_in_one": BATCHED
    + 'sequence_batching { control_input { name: "a" control [ { kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] }, { kind: CONTROL_SEQUENCE_END int32_false_true: [ 0, 1 ] } ] } }',
    "sequence_two_inputs_of_one_name": BATCHED
    + 'sequence_batching { control_input [ { name: "a" control { kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] } }, { name: "a" control { kind: CONTROL_SEQUENCE_END int32_false_true: [ 0, 1 ] } } ] }',
    "sequence_state": BATCHED + f"sequence_batching {{ {STATE % ''} }}",
    "sequence_state_zeros": BATCHED
    + f"sequence_batching {{ {STATE % 'initial_state { name: `i` data_type: TYPE_FP32 dims: [ 2 ] zero_data: true }'.replace('`', chr(34))} }}",
    "sequence_state_without_name": BATCHED
    + f"sequence_batching {{ {STATE % 'initial_state { data_type: TYPE_FP32 dims: [ 2 ] zero_data: true }'} }}",
    "sequence_state_of_another_type": BATCHED
    + f"sequence_batching {{ {STATE % 'initial_state { name: `i` data_type: TYPE_INT32 dims: [ 2 ] zero_data: true }'.replace('`', chr(34))} }}",
    "sequence_state_of_another_size": BATCHED
    + f"sequence_batching {{ {STATE % 'initial_state { name: `i` data_type: TYPE_FP32 dims: [ 3 ] zero_data: true }'.replace('`', chr(34))} }}",
    "sequence_state_unknown_size": BATCHED
    + f"sequence_batching {{ {(STATE % '').replace('[ 2 ]', '[ -1 ]')} }}",
    "sequence_state_without_dims": BATCHED
    + f"sequence_batching {{ {(STATE % '').replace('dims: [ 2 ]', '')} }}",
    "sequence_state_without_type": BATCHED
    + f"sequence_batching {{ {(STATE % '').replace('data_type: TYPE_FP32', '')} }}",
    "sequence_state_same_buffer": BATCHED
    + f"sequence_batching {{ {STATE % 'use_same_buffer_for_input_output: true'} }}",
    "sequence_state_growable": BATCHED
    + f"sequence_batching {{ {STATE % 'use_growable_memory: true'} }}",
    "sequence_oldest_preferred": BATCHED
    + "sequence_batching { oldest { max_candidate_sequences: 4 preferred_batch_size: [ 2, 4 ] max_queue_delay_microseconds: 100 } }",
    "sequence_oldest_preferred_too_large": BATCHED
    + "sequence_batching { oldest { max_candidate_sequences: 4 preferred_batch_size: [ 16 ] } }",
    "sequence_oldest_unset": BATCHED + "sequence_batching { oldest { } }",
    "sequence_oldest_negative": BATCHED
    + "sequence_batching { oldest { max_candidate_sequences: -1 } }",
    "sequence_iterative": BATCHED + "sequence_batching { iterative_sequence: true }",
    "sequence_iterative_decoupled": BATCHED
    + "sequence_batching { iterative_sequence: true } model_transaction_policy { decoupled: true }",
    "sequence_with_cache": BATCHED + "sequence_batching { } response_cache { enable: true }",
    "sequence_preserving": BATCHED
    + "sequence_batching { oldest { max_candidate_sequences: 4 preserve_ordering: true } }",
    # Dynamic batching
    "batching_policy": BATCHED
    + "dynamic_batching { max_queue_delay_microseconds: 100 default_queue_policy { timeout_action: REJECT default_timeout_microseconds: 1000 allow_timeout_override: true max_queue_size: 100 } }",
    "batching_policy_delaying": BATCHED
    + "dynamic_batching { default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 1000 } }",
    "batching_policy_delaying_in_order": BATCHED
    + "dynamic_batching { preserve_ordering: true default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 1000 } }",
    "batching_priority_policies": BATCHED
    + "dynamic_batching { priority_levels: 2 default_priority_level: 1 priority_queue_policy [ { key: 1 value { max_queue_size: 4 } }, { key: 2 value { timeout_action: DELAY } } ] }",
    "batching_priority_policy_beyond": BATCHED
    + "dynamic_batching { priority_levels: 2 default_priority_level: 1 priority_queue_policy { key: 3 value { max_queue_size: 4 } } }",
    "batching_priority_policy_of_zero": BATCHED
    + "dynamic_batching { priority_levels: 2 default_priority_level: 1 priority_queue_policy { key: 0 value { max_queue_size: 4 } } }",
    "batching_priority_policy_without_levels": BATCHED
    + "dynamic_batching { priority_queue_policy { key: 1 value { max_queue_size: 4 } } }",
    "batching_default_priority_beyond": BATCHED
    + "dynamic_batching { priority_levels: 2 default_priority_level: 3 }",
    "batching_default_priority_without_levels": BATCHED
    + "dynamic_batching { default_priority_level: 1 }",
    "batching_preferred_zero": BATCHED + "dynamic_batching { preferred_batch_size: [ 0 ] }",
    "batching_preferred_negative": BATCHED + "dynamic_batching { preferred_batch_size: [ -4 ] }",
    "batching_preferred_twice": BATCHED + "dynamic_batching { preferred_batch_size: [ 4, 4 ] }",
    "batching_preferred_unsorted": BATCHED + "dynamic_batching { preferred_batch_size: [ 8, 2 ] }",
    "batching_decoupled": BATCHED
    + "dynamic_batching { } model_transaction_policy { decoupled: true }",
    # Instance groups
    "instances_many": PYTHON + "instance_group [ { count: 2 kind: KIND_CPU }, { count: 1 } ]",
    "instances_auto": PYTHON + "instance_group [ { kind: KIND_AUTO count: 2 } ]",
    "instances_model": PYTHON + "instance_group [ { kind: KIND_MODEL count: 1 } ]",
    "instances_model_with_gpus": PYTHON + "instance_group [ { kind: KIND_MODEL gpus: [ 0 ] } ]",
    "instances_named_alike": PYTHON
    + 'instance_group [ { name: "a" kind: KIND_CPU }, { name: "a" kind: KIND_CPU } ]',
    "instances_passive_too": PYTHON
    + "instance_group [ { kind: KIND_CPU }, { kind: KIND_CPU passive: true } ]",
    "instances_host_policy": PYTHON
    + 'instance_group [ { kind: KIND_CPU host_policy: "policy_0" } ]',
    "instances_secondary": PYTHON
    + "instance_group [ { kind: KIND_CPU secondary_devices { kind: KIND_NVDLA device_id: 0 } } ]",
    "instances_rate_limited": PYTHON
    + 'instance_group [ { count: 1 kind: KIND_CPU rate_limiter { resources [ { name: "R1" count: 4 }, { name: "R2" global: true count: 2 } ] priority: 2 } } ]',
    "instances_rate_limited_conflicting": PYTHON
    + 'instance_group [ { kind: KIND_CPU rate_limiter { resources [ { name: "R9" count: 4 } ] } }, { kind: KIND_CPU rate_limiter { resources [ { name: "R9" global: true count: 2 } ] } } ]',
    "instances_rate_limited_negative": PYTHON
    + 'instance_group [ { kind: KIND_CPU rate_limiter { resources [ { name: "R3" count: -1 } ] priority: -1 } } ]',
    # Optimisation, caching, the rest
    "optimization_accelerator": PYTHON
    + 'optimization { execution_accelerators { gpu_execution_accelerator : [ { name : "tensorrt" parameters { key: "precision_mode" value: "FP16" } } ] } }',
    "optimization_graph": PYTHON
    + "optimization { graph { level: 1 } priority: PRIORITY_MAX input_pinned_memory { enable: true } output_pinned_memory { enable: false } gather_kernel_buffer_threshold: 1 eager_batching: true }",
    "optimization_cuda": PYTHON
    + 'optimization { cuda { graphs: true busy_wait_events: true output_copy_stream: true graph_spec { batch_size: 1 input { key: "x" value { dim: [ 4 ] } } } } }',
    "optimization_cuda_of_another_input": PYTHON
    + 'optimization { cuda { graphs: true graph_spec { batch_size: 1 input { key: "z" value { dim: [ 4 ] } } } } }',
    "optimization_cuda_negative_batch": PYTHON
    + "optimization { cuda { graphs: true graph_spec { batch_size: -1 } } }",
    "cache_on": PYTHON + "response_cache { enable: true }",
    "cache_batched": BATCHED + "dynamic_batching { } response_cache { enable: true }",
    "decoupled": PYTHON + "model_transaction_policy { decoupled: true }",
    "operations": PYTHON + 'model_operations { op_library_filename: [ "libops.so" ] }',
    "metric_tags": PYTHON + 'metric_tags { key: "team" value: "vision" }',
    "cc_filenames": PYTHON + 'cc_model_filenames { key: "7.5" value: "model_7_5.plan" }',
    "batch_input_documented": BATCHED
    + 'batch_input [ { kind: BATCH_ELEMENT_COUNT target_name: "COUNT" data_type: TYPE_FP32 source_input: "x" } ]',
    "batch_input_two_sources": BATCHED
    + 'batch_input [ { kind: BATCH_ELEMENT_COUNT target_name: "COUNT" data_type: TYPE_FP32 source_input: [ "x", "x" ] } ]',
    "batch_input_without_batch": PYTHON
    + 'batch_input [ { kind: BATCH_ACCUMULATED_ELEMENT_COUNT target_name: "COUNT" data_type: TYPE_FP32 source_input: "x" } ]',
    "batch_output_documented": BATCHED
    + 'batch_output [ { kind: BATCH_SCATTER_WITH_INPUT_SHAPE target_name: "y" source_input: "x" } ]',
    "batch_output_of_another": BATCHED
    + 'batch_output [ { kind: BATCH_SCATTER_WITH_INPUT_SHAPE target_name: "z" source_input: "x" } ]',
    "ragged": BATCHED.replace('name: "x"', 'name: "x" allow_ragged_batch: true')
    + "dynamic_batching { }",
    "optional_input": PYTHON
    + 'input [ { name: "z" data_type: TYPE_STRING dims: [ 1 ] optional: true } ]',
    "non_linear_format": PYTHON.replace('name: "x"', 'name: "x" is_non_linear_format_io: true'),
    "format_nchw": PYTHON.replace(
        'name: "x" data_type: TYPE_FP32 dims: [ -1 ]',
        'name: "x" data_type: TYPE_FP32 format: FORMAT_NCHW dims: [ 3, 224, 224 ]',
    ),
    "parameters_custom": PYTHON
    + 'parameters: { key: "threshold" value: { string_value: "0.5" } }\nparameters [ { key: "a" value: { string_value: "" } }, { key: "b" } ]',
    "cpu_only_yes": PYTHON
    + 'parameters: { key: "FORCE_CPU_ONLY_INPUT_TENSORS" value: { string_value: "yes" } }',
    "warmup_strings": PYTHON.replace("TYPE_FP32", "TYPE_STRING")
    + 'model_warmup [ { name: "w" batch_size: 1 inputs { key: "x" value { data_type: TYPE_STRING dims: [ 1 ] zero_data: true } } } ]',
    "warmup_random_strings": PYTHON.replace("TYPE_FP32", "TYPE_STRING")
    + 'model_warmup [ { name: "w" batch_size: 1 inputs { key: "x" value { data_type: TYPE_STRING dims: [ 1 ] random_data: true } } } ]',
    "warmup_without_inputs": PYTHON + 'model_warmup [ { name: "w" batch_size: 1 } ]',
    "warmup_without_name": PYTHON
    + 'model_warmup [ { batch_size: 1 inputs { key: "x" value { data_type: TYPE_FP32 dims: [ 1 ] zero_data: true } } } ]',
    "warmup_twice_named": BATCHED
    + 'model_warmup [ { name: "w" batch_size: 1 inputs { key: "x" value { data_type: TYPE_FP32 dims: [ 1 ] zero_data: true } } }, { name: "w" batch_size: 8 inputs { key: "x" value { data_type: TYPE_FP32 dims: [ 1 ] random_data: true } } } ]',
    "warmup_of_a_sequence": BATCHED
    + f"sequence_batching {{ {CONTROLS % 'TYPE_UINT64'} }}"
    + 'model_warmup [ { name: "w" batch_size: 1 inputs [ { key: "x" value { data_type: TYPE_FP32 dims: [ 1 ] zero_data: true } } ] } ]',
    "type_bf16": PYTHON.replace("TYPE_FP32", "TYPE_BF16"),
    "type_bytes": PYTHON.replace("TYPE_FP32", "TYPE_BYTES"),
    "type_invalid": PYTHON.replace("TYPE_FP32", "TYPE_INVALID"),
    "tensor_named_with_a_colon": PYTHON.replace('"x"', '"x:0"'),
    "tensor_named_with_a_slash": PYTHON.replace('"x"', '"model/dense/x"'),
    "large_batch": PYTHON.replace("max_batch_size: 0", "max_batch_size: 2147483647"),
    "huge_batch": PYTHON.replace("max_batch_size: 0", "max_batch_size: 2147483648"),
    "filename_missing": PYTHON + 'default_model_filename: "other.py"',
    "runtime_named": PYTHON + 'runtime: "model.py"',
    "no_inputs": 'backend: "python" output { name: "y" data_type: TYPE_FP32 dims: [ 1 ] }',
    "no_outputs": 'backend: "python" input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] }',
    "output_named_as_input": 'backend: "python" input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] } output { name: "x" data_type: TYPE_FP32 dims: [ 1 ] }',
    "output_without_name": PYTHON + "output { data_type: TYPE_FP32 dims: [ 1 ] }",
    "output_ragged_field": PYTHON.replace('name: "y"', 'name: "y" allow_ragged_batch: true'),
    "output_reshaped": BATCHED.replace(
        'name: "y" data_type: TYPE_FP32 dims: [ -1 ]',
        'name: "y" data_type: TYPE_FP32 dims: [ 1 ] reshape: { shape: [ ] }',
    ),
    "reshape_of_two_unknown": PYTHON.replace(
        'name: "x" data_type: TYPE_FP32 dims: [ -1 ]',
        'name: "x" data_type: TYPE_FP32 dims: [ -1, 4, -1 ] reshape { shape: [ -1, -1, 4 ] }',
    ),
    "reshape_unknown_between": PYTHON.replace(
        'name: "x" data_type: TYPE_FP32 dims: [ -1 ]',
        'name: "x" data_type: TYPE_FP32 dims: [ 2, -1, 2 ] reshape { shape: [ 4, -1 ] }',
    ),
    "reshape_unknown_at_the_end": PYTHON.replace(
        'name: "x" data_type: TYPE_FP32 dims: [ -1 ]',
        'name: "x" data_type: TYPE_FP32 dims: [ 2, 2, -1 ] reshape { shape: [ 4, -1 ] }',
    ),
    "reshape_unknown_to_known": PYTHON.replace(
        'name: "x" data_type: TYPE_FP32 dims: [ -1 ]',
        'name: "x" data_type: TYPE_FP32 dims: [ -1 ] reshape { shape: [ 4 ] }',
    ),
    "reshape_to_zero": PYTHON.replace(
        'name: "x" data_type: TYPE_FP32 dims: [ -1 ]',
        'name: "x" data_type: TYPE_FP32 dims: [ 4 ] reshape { shape: [ 0 ] }',
    ),
    "metrics_of_a_later_release": PYTHON
    + 'model_metrics { metric_control [ { metric_identifier { family: "nv_inference_first_response_histogram_ms" } histogram_options { buckets: [ 1, 2, 4 ] } } ] }',
}.items():
    named(f"public_{name}")(partial(Bench.python, config=text))

for name, text in {
    "accelerator_unknown": 'optimization { execution_accelerators { gpu_execution_accelerator : [ { name : "fast" } ] } }',
    "accelerator_auto": 'optimization { execution_accelerators { gpu_execution_accelerator : [ { name : "auto_mixed_precision" } ] } }',
    "graph_level": "optimization { graph { level: -1 } }",
    "graph_level_two": "optimization { graph { level: 2 } }",
    "threads": 'parameters { key: "intra_op_thread_count" value { string_value: "0" } } parameters { key: "inter_op_thread_count" value { string_value: "2" } }',
    "threads_negative": 'parameters { key: "intra_op_thread_count" value { string_value: "-1" } }',
    "execution_mode": 'parameters { key: "execution_mode" value { string_value: "1" } }',
    "execution_mode_word": 'parameters { key: "execution_mode" value { string_value: "parallel" } }',
    "arena": 'parameters { key: "enable_mem_arena" value { string_value: "1" } } parameters { key: "enable_mem_pattern" value { string_value: "0" } } parameters { key: "memory.enable_memory_arena_shrinkage" value { string_value: "cpu:0" } }',
    "allocator": 'parameters { key: "session.use_device_allocator_for_initializers" value { string_value: "1" } }',
    "unknown_parameter": 'parameters { key: "colour" value { string_value: "blue" } }',
    "instances_model": "instance_group { kind: KIND_MODEL }",
    "instances_auto": "instance_group { count: 2 }",
    "preferred": "dynamic_batching { preferred_batch_size: [ 4, 8 ] max_queue_delay_microseconds: 5000 }",
    "sequence_start": f"sequence_batching {{ {START % 'fp32_false_true: [ 0, 1 ]'} }}",
    "cuda_graphs": "optimization { cuda { graphs: true } }",
    "warmup": 'model_warmup [ { name: "w" batch_size: 8 inputs { key: "x" value { data_type: TYPE_FP32 dims: [ 4 ] random_data: true } } } ]',
    "labels_of_none": 'output { name: "y" data_type: TYPE_FP32 dims: [ 3 ] label_filename: "" }',
    "filename_missing": 'default_model_filename: "other.onnx"',
    "input_alone_more": 'input { name: "more" data_type: TYPE_FP32 dims: [ 1 ] }',
    "optional_alone_more": 'input { name: "more" data_type: TYPE_FP32 dims: [ 1 ] optional: true }',
    "output_alone_more": 'output { name: "more" data_type: TYPE_FP32 dims: [ 1 ] }',
    "runtime_of_python": 'runtime: "model.py"',
    "platform_too": 'platform: "onnxruntime_onnx"',
    "platform_of_another": 'platform: "tensorrt_plan"',
}.items():
    named(f"public_onnx_{name}")(partial(Bench.onnx, config=ONNX + text))

for name, (old, new) in {
    "fixed_dims_for_open": ("dims: [ 4 ]", "dims: [ -1 ]"),
    "output_open": ("dims: [ 3 ]", "dims: [ -1 ]"),
    "output_of_another_size": ("dims: [ 3 ]", "dims: [ 5 ]"),
    "input_of_another_size": ("dims: [ 4 ]", "dims: [ 5 ]"),
    "batch_axis_written": ("dims: [ 4 ]", "dims: [ -1, 4 ]"),
    "input_reshaped": ("dims: [ 4 ]", "dims: [ 2, 2 ] reshape { shape: [ 4 ] }"),
    "input_half": ("TYPE_FP32 dims: [ 4 ]", "TYPE_FP16 dims: [ 4 ]"),
    "output_left_out": ('output { name: "y" data_type: TYPE_FP32 dims: [ 3 ] }', ""),
}.items():
    named(f"public_onnx_{name}")(partial(Bench.onnx, config=ONNX.replace(old, new)))


@shape
def public_onnx_fixed_batch_of_eight(at: Bench) -> None:
    at.onnx(ONNX, linear(8))


VECTOR = 'input { name: "x" data_type: TYPE_FP32 dims: [ %s ] }'
RESULT = 'output { name: "y" data_type: TYPE_FP32 dims: [ %s ] }'


def of(inputs: str, outputs: str, size: int = 0) -> str:
    return f'backend: "python" max_batch_size: {size}\n{VECTOR % inputs}\n{RESULT % outputs}\n'


@shape
def public_ensemble_batching_on_top(at: Bench) -> None:
    at.python(BATCHED, part="a")
    at.ensemble(("a", "x=x", "y=y"), size=8, rest="dynamic_batching { }")


@shape
def public_ensemble_sequence_on_top(at: Bench) -> None:
    at.python(BATCHED, part="a")
    at.ensemble(("a", "x=x", "y=y"), size=8, rest="sequence_batching { }")


@shape
def public_ensemble_over_smaller_batches(at: Bench) -> None:
    at.python(of("-1", "-1", 4), part="a")
    at.ensemble(("a", "x=x", "y=y"), size=8)


@shape
def public_ensemble_without_batch_over_batching(at: Bench) -> None:
    at.python(of("4", "4", 4), part="a")
    at.ensemble(("a", "x=x", "y=y"), inputs=VECTOR % "-1, 4", outputs=RESULT % "-1, 4")


@shape
def public_ensemble_without_batch_axis_over_batching(at: Bench) -> None:
    at.python(of("4", "4", 4), part="a")
    at.ensemble(("a", "x=x", "y=y"), inputs=VECTOR % "4", outputs=RESULT % "4")


@shape
def public_ensemble_batching_over_none(at: Bench) -> None:
    at.python(of("-1, 4", "-1, 4"), part="a")
    at.ensemble(("a", "x=x", "y=y"), size=4, inputs=VECTOR % "4", outputs=RESULT % "4")


@shape
def public_ensemble_open_meets_fixed(at: Bench) -> None:
    at.python(of("-1", "-1"), part="a")
    at.python(of("7", "7"), part="b")
    at.ensemble(("a", "x=x", "y=m"), ("b", "x=m", "y=y"))


@shape
def public_ensemble_fixed_meets_another(at: Bench) -> None:
    at.python(of("3", "3"), part="a")
    at.python(of("7", "7"), part="b")
    at.ensemble(("a", "x=x", "y=m"), ("b", "x=m", "y=y"))


@shape
def public_ensemble_rank_meets_another(at: Bench) -> None:
    at.python(of("-1, 3", "-1, 3"), part="a")
    at.python(of("-1", "-1"), part="b")
    at.ensemble(("a", "x=x", "y=m"), ("b", "x=m", "y=y"), inputs=VECTOR % "-1, 3")


@shape
def public_ensemble_of_a_decoupled_model(at: Bench) -> None:
    at.python(PYTHON + "model_transaction_policy { decoupled: true }", part="a")
    at.ensemble(("a", "x=x", "y=y"))


@shape
def public_ensemble_decoupled_itself(at: Bench) -> None:
    at.python(part="a")
    at.ensemble(("a", "x=x", "y=y"), rest="model_transaction_policy { decoupled: true }")


@shape
def public_ensemble_of_a_decoupled_model_declared(at: Bench) -> None:
    at.python(PYTHON + "model_transaction_policy { decoupled: true }", part="a")
    at.ensemble(("a", "x=x", "y=y"), rest="model_transaction_policy { decoupled: true }")


@shape
def public_ensemble_two_write_one(at: Bench) -> None:
    at.python(part="a")
    at.python(part="b")
    at.ensemble(("a", "x=x", "y=y"), ("b", "x=x", "y=y"))


@shape
def public_ensemble_same_model_twice(at: Bench) -> None:
    at.python(part="a")
    at.ensemble(("a", "x=x", "y=m"), ("a", "x=m", "y=y"))


@shape
def public_ensemble_cycle(at: Bench) -> None:
    at.python(part="a")
    at.python(part="b")
    at.ensemble(("a", "x=m", "y=n"), ("b", "x=n", "y=m"), ("a", "x=x", "y=y"))


@shape
def public_ensemble_input_unused(at: Bench) -> None:
    at.python(part="a")
    at.ensemble(
        ("a", "x=x", "y=y"),
        inputs=VECTOR % "-1" + ' input { name: "z" data_type: TYPE_FP32 dims: [ -1 ] }',
    )


@shape
def public_ensemble_input_passed_through(at: Bench) -> None:
    at.python(part="a")
    at.ensemble(
        ("a", "x=x", "y=y"),
        outputs=RESULT % "-1" + ' output { name: "x" data_type: TYPE_FP32 dims: [ -1 ] }',
    )


@shape
def public_ensemble_output_never_written(at: Bench) -> None:
    at.python(part="a")
    at.ensemble(
        ("a", "x=x", "y=y"),
        outputs=RESULT % "-1" + ' output { name: "z" data_type: TYPE_FP32 dims: [ -1 ] }',
    )


@shape
def public_ensemble_output_left(at: Bench) -> None:
    at.python(PYTHON + 'output { name: "more" data_type: TYPE_FP32 dims: [ 1 ] }', part="a")
    at.ensemble(("a", "x=x", "y=y"))


@shape
def public_ensemble_optional_left(at: Bench) -> None:
    at.python(
        PYTHON + 'input { name: "z" data_type: TYPE_FP32 dims: [ 1 ] optional: true }', part="a"
    )
    at.ensemble(("a", "x=x", "y=y"))


@shape
def public_ensemble_required_left(at: Bench) -> None:
    at.python(PYTHON + 'input { name: "z" data_type: TYPE_FP32 dims: [ 1 ] }', part="a")
    at.ensemble(("a", "x=x", "y=y"))


@shape
def public_ensemble_version_pinned(at: Bench) -> None:
    at.python(part="a")
    at.ensemble(("a", "x=x", "y=y"))
    path = at.folder() / "config.pbtxt"
    path.write_text(path.read_text().replace("model_version: -1", "model_version: 1"))


@shape
def public_ensemble_version_not_there(at: Bench) -> None:
    at.python(part="a")
    at.ensemble(("a", "x=x", "y=y"))
    path = at.folder() / "config.pbtxt"
    path.write_text(path.read_text().replace("model_version: -1", "model_version: 2"))


@shape
def public_ensemble_with_namespace(at: Bench) -> None:
    at.python(part="a")
    at.ensemble(("a", "x=x", "y=y"))
    path = at.folder() / "config.pbtxt"
    path.write_text(path.read_text().replace("model_version: -1", 'model_namespace: "here"'))


@shape
def public_ensemble_cached(at: Bench) -> None:
    at.python(part="a")
    at.ensemble(("a", "x=x", "y=y"), rest="response_cache { enable: true }")


@shape
def public_ensemble_with_parameters(at: Bench) -> None:
    at.python(part="a")
    at.ensemble(("a", "x=x", "y=y"), rest='parameters { key: "a" value { string_value: "b" } }')


@shape
def public_ensemble_with_optimization(at: Bench) -> None:
    at.python(part="a")
    at.ensemble(("a", "x=x", "y=y"), rest="optimization { priority: PRIORITY_MAX }")


@shape
def public_ensemble_without_steps(at: Bench) -> None:
    at.ensemble()


@shape
def public_ensemble_reshaped_step(at: Bench) -> None:
    at.python(
        of("4", "4", 4).replace("dims: [ 4 ]", "dims: [ 1 ] reshape { shape: [ ] }"), part="a"
    )
    at.ensemble(("a", "x=x", "y=y"), size=4, inputs=VECTOR % "1", outputs=RESULT % "1")


@shape
def public_ensemble_string_into_float(at: Bench) -> None:
    at.python(part="a")
    at.ensemble(
        ("a", "x=x", "y=y"), inputs='input { name: "x" data_type: TYPE_STRING dims: [ -1 ] }'
    )


@shape
def public_ensemble_sequence_step(at: Bench) -> None:
    at.python(BATCHED + f"sequence_batching {{ {CONTROLS % 'TYPE_UINT64'} }}", part="a")
    at.ensemble(("a", "x=x", "y=y"), size=8)


@shape
def public_ensemble_with_two_versions(at: Bench) -> None:
    at.python(part="a")
    at.ensemble(("a", "x=x", "y=y"), rest="version_policy { all { } }")
    at.put("2/")
