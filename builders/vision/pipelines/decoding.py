"""The first step of the pipelines: a file to the pixels that a checkpoint's processor expects."""

from __future__ import annotations

from dataclasses import replace

from builders.kit.graph import PythonModel
from builders.stages.models import decode_rgb
from builders.vision.checkpoint.processor.read import Processor

(image,) = decode_rgb.inputs
(pixels,) = decode_rgb.outputs


def decoder(processor: Processor) -> PythonModel:
    """``decode_rgb``, which does with transparent colours what the processor would."""
    return replace(decode_rgb, parameters={**decode_rgb.parameters, "clear": processor.clear})
