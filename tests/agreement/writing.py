"""Writes the models of a shape: a folder each, as people make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ECHO = """
import triton_python_backend_utils as pb


class TritonPythonModel:
    def execute(self, requests):
        tensors = [pb.get_input_tensor_by_name(each, "x").as_numpy() for each in requests]
        return [pb.InferenceResponse([pb.Tensor("y", tensor)]) for tensor in tensors]
"""

TENSORS = """
input { name: "x" data_type: TYPE_FP32 dims: [ -1 ] }
output { name: "y" data_type: TYPE_FP32 dims: [ -1 ] }
"""

PYTHON = 'backend: "python"\nmax_batch_size: 0\n' + TENSORS
ONNX = """
backend: "onnxruntime"
max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: [ 4 ] }
output { name: "y" data_type: TYPE_FP32 dims: [ 3 ] }
"""


def completing(body: str) -> str:
    """A Python model with an ``auto_complete_config`` of these lines."""
    lines = "".join(f"        {line}\n" for line in body.strip().splitlines())
    hook = (
        f"    @staticmethod\n    def auto_complete_config(config):\n{lines}        return config\n"
    )
    return ECHO.replace("    def execute", f"{hook}\n    def execute")


FILLS_ALL = completing(
    """
config.add_input({"name": "x", "data_type": "TYPE_FP32", "dims": [-1]})
config.add_output({"name": "y", "data_type": "TYPE_FP32", "dims": [-1]})
"""
)


@dataclass(frozen=True)
class Bench:
    """Where a shape's models are written.

    Attributes:
        repository: the folder.
        shape: the shape's name, with which its models' names begin.
    """

    repository: Path
    shape: str

    def named(self, part: str = "") -> str:
        """The name of a model."""
        return f"{self.shape}_{part}" if part else self.shape

    def folder(self, part: str = "") -> Path:
        """The folder of a model, made if it is not there."""
        path = self.repository / self.named(part)
        path.mkdir(exist_ok=True)
        return path

    def put(self, path: str, content: str | bytes = b"", part: str = "") -> Path:
        """A file in a model's folder; a path with a slash at its end is an empty folder."""
        target = self.folder(part) / path
        if path.endswith("/"):
            target.mkdir(parents=True, exist_ok=True)
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def python(
        self, config: str | bytes | None = PYTHON, code: str = ECHO, *, part: str = ""
    ) -> None:
        """A Python model."""
        self.put("1/model.py", code, part)
        if config is not None:
            self.put("config.pbtxt", config, part)

    def onnx(
        self, config: str | None = ONNX, model: onnx.ModelProto | None = None, *, part: str = ""
    ) -> None:
        """An ONNX model."""
        self.put("1/model.onnx", (model or linear()).SerializeToString(), part)
        if config is not None:
            self.put("config.pbtxt", config, part)

    def ensemble(
        self,
        *steps: tuple[str, str, str],
        size: int = 0,
        inputs: str = 'input { name: "x" data_type: TYPE_FP32 dims: [ -1 ] }',
        outputs: str = 'output { name: "y" data_type: TYPE_FP32 dims: [ -1 ] }',
        rest: str = "",
        part: str = "",
    ) -> None:
        """An ensemble.

        Args:
            steps: of each, its model's part, and the maps as "x=a" or "x=a,z=b".
            size: ``max_batch_size``.
            inputs: the text of its inputs.
            outputs: likewise.
            rest: more of the config.
            part: the ensemble's own.
        """
        written = "".join(
            f'step {{ model_name: "{self.named(model)}" model_version: -1 '
            f"{_map('input', taken)} {_map('output', given)} }}\n"
            for model, taken, given in steps
        )
        self.put("1/", part=part)
        self.put(
            "config.pbtxt",
            f'platform: "ensemble"\nmax_batch_size: {size}\n{inputs}\n{outputs}\n'
            f"ensemble_scheduling {{ {written} }}\n{rest}",
            part,
        )


def _map(role: str, pairs: str) -> str:
    split = [pair.partition("=") for pair in pairs.split(",") if pair]
    return " ".join(f'{role}_map {{ key: "{key}" value: "{value}" }}' for key, _, value in split)


def linear(
    rows: str | int | None = "batch",
    *,
    weights: onnx.TensorProto | None = None,
    opset: int = 17,
) -> onnx.ModelProto:
    """y [rows, 3] = x [rows, 4] @ w."""
    tensor = weights or numpy_helper.from_array(np.ones((4, 3), np.float32), "w")
    return model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        {"x": (TensorProto.FLOAT, (rows, 4))},
        {"y": (TensorProto.FLOAT, (rows, 3))},
        [tensor],
        opset=opset,
    )


Tensors = Mapping[str, tuple[int, Sequence[str | int | None]]]


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Tensors,
    outputs: Tensors,
    initializers: Sequence[onnx.TensorProto] = (),
    *,
    opset: int = 17,
) -> onnx.ModelProto:
    """An ONNX model of an age that each release loads."""
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info(name, *each) for name, each in inputs.items()],
        [helper.make_tensor_value_info(name, *each) for name, each in outputs.items()],
        list(initializers),
    )
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


Make = Callable[[Bench], object]
