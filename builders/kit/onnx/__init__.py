"""ONNX models: import and normalise them, change their ends, export them from torch.

Everything here works on an ``onnx.ModelProto`` in memory::

    model = onnx.load(path)
    model, done = onnx.normalise(model, newest_opset=20, inputs={"x": "image"})
    onnx.save(model, out)
"""

from __future__ import annotations

from builders.kit.onnx.files import INLINE_LIMIT, NEWEST_IR, load, lower_ir_version, save
from builders.kit.onnx.rename import drop_overridable_initialisers, fix_axes, rename
from builders.kit.onnx.simplify import OLDEST_OPSET, Normalised, convert_opset, normalise, simplify
from builders.kit.onnx.surgery import append_arg_max, prepend_image_preprocessing
from builders.kit.onnx.torch import export_torch, load_transformers, transformers_alone
from builders.kit.onnx.weights import flush_subnormals
from repository.onnx.content import OnnxError
from repository.onnx.walk import opset

__all__ = [
    "INLINE_LIMIT",
    "NEWEST_IR",
    "OLDEST_OPSET",
    "Normalised",
    "OnnxError",
    "append_arg_max",
    "convert_opset",
    "drop_overridable_initialisers",
    "export_torch",
    "fix_axes",
    "flush_subnormals",
    "load",
    "load_transformers",
    "lower_ir_version",
    "normalise",
    "opset",
    "prepend_image_preprocessing",
    "rename",
    "save",
    "simplify",
    "transformers_alone",
]
