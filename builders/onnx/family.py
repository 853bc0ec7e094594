"""The family ``onnx``: each ONNX file that a profile names is a model of its own."""

from __future__ import annotations

from builders.kit.family import ConfiguredFamily
from builders.onnx.making import make
from builders.onnx.options import OnnxOptions

FAMILY = ConfiguredFamily(name="onnx", options=OnnxOptions, make=make)
