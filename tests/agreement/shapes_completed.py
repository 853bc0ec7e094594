# ruff: noqa: E501 -- one line a case
"""What is left to Triton: no config, an empty one, a few fields."""

from __future__ import annotations

from functools import partial

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.agreement.corpus import named, shape
from tests.agreement.writing import ECHO, FILLS_ALL, PYTHON, Bench, completing, linear, model

FLOAT = TensorProto.FLOAT

for name, text in {
    "onnx_without_config": None,
    "onnx_empty_config": "",
    "onnx_comment_only": "# exported in 2023\n",
    "onnx_name_only": 'name: "onnx_name_only"',
    "onnx_backend_only": 'backend: "onnxruntime"',
    "onnx_platform_only": 'platform: "onnxruntime_onnx"',
    "onnx_platform_as_backend": 'platform: "onnxruntime"',
    "onnx_backend_as_platform": 'backend: "onnxruntime_onnx"',
    "onnx_file_only": 'default_model_filename: "model.onnx"',
    "onnx_batch_only": "max_batch_size: 16",
    "onnx_backend_and_batch": 'backend: "onnxruntime" max_batch_size: 16',
    "onnx_batch_zero": 'backend: "onnxruntime" max_batch_size: 0',
    "onnx_batch_one": 'backend: "onnxruntime" max_batch_size: 1',
    "onnx_batch_negative": 'backend: "onnxruntime" max_batch_size: -1',
    "onnx_instances_only": "instance_group { count: 1 kind: KIND_CPU }",
    "onnx_batcher_only": "dynamic_batching { }",
    "onnx_batcher_with_delay": "dynamic_batching { max_queue_delay_microseconds: 100 }",
    "onnx_preferred_without_batch": "dynamic_batching { preferred_batch_size: [ 4 ] }",
    "onnx_preferred_with_batch": "max_batch_size: 8 dynamic_batching { preferred_batch_size: [ 4 ] }",
    "onnx_cache_only": "response_cache { enable: true }",
    "onnx_inputs_left_out": 'max_batch_size: 8 output { name: "y" data_type: TYPE_FP32 dims: [ 3 ] }',
    "onnx_outputs_left_out": 'max_batch_size: 8 input { name: "x" data_type: TYPE_FP32 dims: [ 4 ] }',
    "onnx_inputs_left_out_full_dims": 'output { name: "y" data_type: TYPE_FP32 dims: [ -1, 3 ] }',
    "onnx_outputs_left_out_no_batch": 'input { name: "x" data_type: TYPE_FP32 dims: [ 4 ] }',
    "onnx_input_without_dims": 'input { name: "x" data_type: TYPE_FP32 }',
    "onnx_input_without_type": 'input { name: "x" dims: [ 4 ] }',
    "onnx_both_without_dims": 'max_batch_size: 8 input { name: "x" data_type: TYPE_FP32 } output { name: "y" data_type: TYPE_FP32 }',
    "onnx_wrong_input_alone": 'input { name: "z" data_type: TYPE_FP32 dims: [ 4 ] }',
    "onnx_wrong_type_alone": 'input { name: "x" data_type: TYPE_INT8 dims: [ 4 ] }',
    "onnx_wrong_output_alone": 'output { name: "z" data_type: TYPE_FP32 dims: [ 3 ] }',
    "onnx_wrong_backend": 'backend: "python"',
    "onnx_parameters_only": 'parameters { key: "intra_op_thread_count" value { string_value: "1" } }',
    "onnx_bad_parameter": 'parameters { key: "intra_op_thread_count" value { string_value: "one" } }',
    "onnx_sequence_only": "sequence_batching { oldest { max_candidate_sequences: 4 } }",
    "onnx_zero_batch_full_dims": 'max_batch_size: 0 input { name: "x" data_type: TYPE_FP32 dims: [ -1, 4 ] } output { name: "y" data_type: TYPE_FP32 dims: [ -1, 3 ] }',
    "onnx_no_batch_short_dims": 'input { name: "x" data_type: TYPE_FP32 dims: [ 4 ] } output { name: "y" data_type: TYPE_FP32 dims: [ 3 ] }',
    "onnx_all_written": 'max_batch_size: 8 input { name: "x" data_type: TYPE_FP32 dims: [ 4 ] } output { name: "y" data_type: TYPE_FP32 dims: [ 3 ] }',
    "onnx_warmed_up_completed": 'model_warmup { name: "w" batch_size: 1 inputs { key: "x" value { data_type: TYPE_FP32 dims: [ 4 ] zero_data: true } } }',
    "onnx_warmed_up_wrongly": 'model_warmup { name: "w" batch_size: 1 inputs { key: "x" value { data_type: TYPE_FP32 dims: [ 2, 4 ] zero_data: true } } }',
    "onnx_labels_left_out": 'output { name: "y" data_type: TYPE_FP32 dims: [ 3 ] label_filename: "labels.txt" }',
    "onnx_gpu_accelerator_left": 'optimization { execution_accelerators { gpu_execution_accelerator { name: "tensorrt" } } }',
}.items():
    named(name)(partial(Bench.onnx, config=text))


@shape
def onnx_fixed_batch(at: Bench) -> None:
    at.onnx("", linear(1))


@shape
def onnx_fixed_batch_asked_for_more(at: Bench) -> None:
    at.onnx("max_batch_size: 8", linear(1))


@shape
def onnx_fixed_batch_without_config(at: Bench) -> None:
    at.onnx(None, linear(1))


@shape
def onnx_unnamed_batch(at: Bench) -> None:
    at.onnx("", linear(None))


@shape
def onnx_scalar_output(at: Bench) -> None:
    nodes = [helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)]
    at.onnx("", model(nodes, {"x": (FLOAT, ("n", 4))}, {"y": (FLOAT, ())}))


@shape
def onnx_one_axis(at: Bench) -> None:
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    at.onnx("", model(nodes, {"x": (FLOAT, ("n",))}, {"y": (FLOAT, ("n",))}))


@shape
def onnx_strings(at: Bench) -> None:
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    kind = TensorProto.STRING
    at.onnx("", model(nodes, {"x": (kind, ("n", 1))}, {"y": (kind, ("n", 1))}))


@shape
def onnx_mixed_first_axes(at: Bench) -> None:
    nodes = [helper.make_node("Add", ["x", "z"], ["y"])]
    inputs = {"x": (FLOAT, ("n", 4)), "z": (FLOAT, (4,))}
    at.onnx("", model(nodes, inputs, {"y": (FLOAT, ("n", 4))}))


@shape
def onnx_mixed_first_axes_with_batch(at: Bench) -> None:
    nodes = [helper.make_node("Add", ["x", "z"], ["y"])]
    inputs = {"x": (FLOAT, ("n", 4)), "z": (FLOAT, (4,))}
    at.onnx("max_batch_size: 2", model(nodes, inputs, {"y": (FLOAT, ("n", 4))}))


@shape
def onnx_no_inputs(at: Bench) -> None:
    value = numpy_helper.from_array(np.ones(3, np.float32), "v")
    at.onnx(
        "", model([helper.make_node("Identity", ["v"], ["y"])], {}, {"y": (FLOAT, (3,))}, [value])
    )


@shape
def onnx_sequence_typed_output(at: Bench) -> None:
    made = model(
        [helper.make_node("SequenceConstruct", ["x"], ["y"])],
        {"x": (FLOAT, ("n", 4))},
        {},
    )
    made.graph.output.append(helper.make_tensor_sequence_value_info("y", FLOAT, ["n", 4]))
    at.onnx("", made)


@shape
def onnx_bfloat16(at: Bench) -> None:
    kind = TensorProto.BFLOAT16
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    at.onnx("", model(nodes, {"x": (kind, ("n", 1))}, {"y": (kind, ("n", 1))}))


@shape
def onnx_initializer_among_inputs(at: Bench) -> None:
    made = linear()
    made.graph.input.append(helper.make_tensor_value_info("w", FLOAT, (4, 3)))
    at.onnx("", made)


@shape
def onnx_two_versions_one_completed(at: Bench) -> None:
    at.onnx("version_policy { all { } }")
    at.put("2/model.onnx", linear(1).SerializeToString())


@shape
def onnx_other_file_name(at: Bench) -> None:
    at.put("config.pbtxt", 'backend: "onnxruntime" default_model_filename: "net.onnx"')
    at.put("1/net.onnx", linear().SerializeToString())


@shape
def onnx_other_file_name_not_named(at: Bench) -> None:
    at.put("config.pbtxt", 'backend: "onnxruntime"')
    at.put("1/net.onnx", linear().SerializeToString())


@shape
def onnx_other_file_name_no_config(at: Bench) -> None:
    at.put("1/net.onnx", linear().SerializeToString())


for name, text in {
    "python_without_config": None,
    "python_empty_config": "",
    "python_backend_only": 'backend: "python"',
    "python_batch_only": "max_batch_size: 4",
    "python_inputs_only": 'backend: "python" input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] }',
    "python_outputs_only": 'backend: "python" output { name: "y" data_type: TYPE_FP32 dims: [ 1 ] }',
    "python_input_without_dims": 'backend: "python" input { name: "x" data_type: TYPE_FP32 }',
    "python_output_without_type": 'backend: "python" output { name: "y" dims: [ 1 ] }',
    "python_decoupled_only": "model_transaction_policy { decoupled: true }",
    "python_preferred_without_batch": "dynamic_batching { preferred_batch_size: [ 2 ] }",
    "python_llm_config": 'name: "python_llm_config" backend: "python" instance_group { count: 1 kind: KIND_CPU }',
}.items():
    named(name)(partial(Bench.python, config=text))

for name, text in {
    "hooked_without_config": None,
    "hooked_empty_config": "",
    "hooked_backend_only": 'backend: "python"',
    "hooked_batch_only": 'backend: "python" max_batch_size: 8',
    "hooked_output_without_dims": 'backend: "python" input { name: "x" data_type: TYPE_FP32 dims: [ -1 ] } output { name: "y" data_type: TYPE_FP32 }',
    "hooked_input_without_type": 'backend: "python" input { name: "x" }',
    "hooked_output_of_zero": 'backend: "python" output { name: "y" data_type: TYPE_FP32 dims: [ 0 ] }',
    "hooked_all_written": PYTHON,
    "hooked_preferred_without_batch": 'backend: "python" dynamic_batching { preferred_batch_size: [ 2 ] }',
}.items():
    named(name)(partial(Bench.python, config=text, code=FILLS_ALL))


@shape
def hooked_batch_set(at: Bench) -> None:
    at.python(None, completing("config.set_max_batch_size(16)\nconfig.set_dynamic_batching()"))


@shape
def hooked_inherited(at: Bench) -> None:
    base = FILLS_ALL.replace("TritonPythonModel", "Base")
    at.python("", f"{base}\n\nclass TritonPythonModel(Base):\n    pass\n")


@shape
def hooked_by_import(at: Bench) -> None:
    at.python("", "from .real import TritonPythonModel\n")
    at.put("1/real.py", FILLS_ALL)


@shape
def hooked_that_fills_nothing(at: Bench) -> None:
    at.python("", completing("pass"))


@shape
def hooked_reads_a_file_beside(at: Bench) -> None:
    body = (
        "import triton_python_backend_utils as pb\nopen(pb.get_model_dir() + '/model.yaml').read()"
    )
    at.python("", completing(body))
    at.put("1/model.yaml", "triton_config: {max_batch_size: 0}")


@shape
def python_nothing_in_the_version(at: Bench) -> None:
    at.put("1/weights.bin", b"1")
    at.put("config.pbtxt", "")


@shape
def nothing_at_all_in_the_version(at: Bench) -> None:
    at.put("1/")


@shape
def python_and_onnx_in_one_version(at: Bench) -> None:
    at.onnx("")
    at.put("1/model.py", ECHO)


@shape
def custom_backend_by_name(at: Bench) -> None:
    at.put("config.pbtxt", 'default_model_filename: "net.bin"')
    at.put("1/net.bin", b"")
