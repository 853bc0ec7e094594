"""Small models of every data type, written into a repository."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper

TYPES = {
    "BOOL": TensorProto.BOOL,
    "UINT8": TensorProto.UINT8,
    "INT8": TensorProto.INT8,
    "UINT16": TensorProto.UINT16,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING,
}

SEQUENCE_CODE = """
import numpy as np
import triton_python_backend_utils as utils

class TritonPythonModel:
    def initialize(self, args):
        pass

    def execute(self, requests):
        answers = []
        for request in requests:
            start = utils.get_input_tensor_by_name(request, "START").as_numpy()
            end = utils.get_input_tensor_by_name(request, "END").as_numpy()
            found = np.stack([start, end], -1).reshape(1, 2)
            answers.append(utils.InferenceResponse([utils.Tensor("ends", found.astype(np.int32))]))
        return answers
"""

GIVEN_BACK = """
import triton_python_backend_utils as utils

class TritonPythonModel:
    def initialize(self, args):
        pass

    def execute(self, requests):
        given = (utils.get_input_tensor_by_name(each, "x").as_numpy() for each in requests)
        return [utils.InferenceResponse([utils.Tensor("y", each)]) for each in given]
"""

BYTES = """
backend: "python" max_batch_size: 0
input { name: "x" data_type: TYPE_STRING dims: -1 }
output { name: "y" data_type: TYPE_STRING dims: -1 }
"""

SEQUENCE = """
backend: "python" max_batch_size: 1
input { name: "x" data_type: TYPE_FP32 dims: 1 }
output { name: "ends" data_type: TYPE_INT32 dims: 2 }
sequence_batching {
  control_input { name: "START" control { kind: CONTROL_SEQUENCE_START int32_false_true: [0, 1] } }
  control_input { name: "END" control { kind: CONTROL_SEQUENCE_END int32_false_true: [0, 1] } }
}
"""


DECOUPLED = """
model_transaction_policy { decoupled: true }
backend: "python" max_batch_size: 0
input { name: "x" data_type: TYPE_FP32 dims: 1 }
output { name: "y" data_type: TYPE_FP32 dims: 1 }
"""


PIECES = """
import numpy as np
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            x = pb_utils.get_input_tensor_by_name(request, "x").as_numpy()
            sender = request.get_response_sender()
            for each in range(3):
                y = pb_utils.Tensor("y", x + np.float32(each))
                sender.send(pb_utils.InferenceResponse([y]))
            sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
"""


def write(repository: Path) -> None:
    """All of them."""
    _scorer(repository)
    _echo(repository)
    _late(repository)
    _python(repository, "sequence", SEQUENCE, SEQUENCE_CODE)
    _python(repository, "decoupled", DECOUPLED, PIECES)
    _python(repository, "bytes", BYTES, GIVEN_BACK)


def _python(repository: Path, name: str, config: str, code: str) -> None:
    (repository / name / "1").mkdir(parents=True)
    (repository / name / "1/model.py").write_text(code)
    (repository / name / "config.pbtxt").write_text(f'name: "{name}"{config}')


def _scorer(repository: Path) -> None:
    """x [-1, 4] to logits [-1, 1000], the first four x and the others 0, and label [-1]."""
    weights = [1.0 if place % 1001 == 0 else 0.0 for place in range(4000)]
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["logits"]),
            helper.make_node("ArgMax", ["logits"], ["label"], axis=1, keepdims=0),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]),
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1000]),
        ],
        [helper.make_tensor("w", TensorProto.FLOAT, [4, 1000], weights)],
    )
    config = """
backend: "onnxruntime" max_batch_size: 64
input { name: "x" data_type: TYPE_FP32 dims: 4 }
output { name: "label" data_type: TYPE_INT64 dims: 1 reshape { shape: [] } }
output { name: "logits" data_type: TYPE_FP32 dims: 1000 }
"""
    _onnx(repository, "scorer", config, graph)


def _echo(repository: Path) -> None:
    """A tensor of each type, [-1, -1], given back."""
    inputs, outputs = [
        [
            helper.make_tensor_value_info(f"{name}:{end}", kind, ["a", "b"])
            for name, kind in TYPES.items()
        ]
        for end in (0, 1)
    ]
    nodes = [helper.make_node("Identity", [f"{name}:0"], [f"{name}:1"]) for name in TYPES]
    config = 'backend: "onnxruntime" max_batch_size: 0\n'
    for role, end in (("input", 0), ("output", 1)):
        for name in TYPES:
            kind = name.replace("BYTES", "STRING")
            config += f'{role} {{ name: "{name}:{end}" data_type: TYPE_{kind} dims: [-1, -1] }}\n'
    _onnx(repository, "echo", config, helper.make_graph(nodes, "g", inputs, outputs))


def _late(repository: Path) -> None:
    """x [-1] and an optional factor [1] to y [-1] and a scalar."""
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["x", "factor"], ["y"]),
            helper.make_node("ReduceSum", ["y"], ["sum"], keepdims=0),
        ],
        "g",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info("factor", TensorProto.FLOAT, [1]),
        ],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info("sum", TensorProto.FLOAT, []),
        ],
        [helper.make_tensor("factor", TensorProto.FLOAT, [1], [2.0])],
    )
    config = """
backend: "onnxruntime" max_batch_size: 0
input { name: "x" data_type: TYPE_FP32 dims: -1 }
input { name: "factor" data_type: TYPE_FP32 dims: 1 optional: true }
output { name: "y" data_type: TYPE_FP32 dims: -1 }
output { name: "sum" data_type: TYPE_FP32 dims: 1 }
"""
    _onnx(repository, "optional", config, graph)


def _onnx(repository: Path, name: str, config: str, graph: onnx.GraphProto) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (repository / name / "1").mkdir(parents=True)
    onnx.save(model, repository / name / "1/model.onnx")
    (repository / name / "config.pbtxt").write_text(f'name: "{name}"\n{config}')
