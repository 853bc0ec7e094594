"""The models that the pipelines have in common, whatever the kind of tower."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from builders.kit.export import Export
from builders.kit.graph import (
    BATCH,
    LATER_STEP,
    ONE_THREAD,
    Arithmetic,
    DynamicBatching,
    InstanceGroup,
    OnnxModel,
    PythonModel,
    Tensor,
)
from builders.kit.graph.options import Option, Whole
from builders.stages.models import decode_rgb
from builders.vision.checkpoint.processor.read import Processor
from builders.vision.stages.processors.pixels import MAXIMUM_PIXELS

LARGEST_BATCH = 8
"""Images in one call of a tower."""

QUICK = 10**9
"""Multiplications for an image up to which two instances see it, of one thread each.

Two threads hardly share the milliseconds that it takes, and wait for each other; between requests
they keep both cores busy with waiting. One request at a time suits them better where a tower takes
longer, and its weights are in memory once.
"""

(image,) = decode_rgb.inputs
(pixels,) = decode_rgb.outputs


def decoder(processor: Processor) -> PythonModel:
    """``decode_rgb``, which does with transparent colours what the processor would."""
    return replace(decode_rgb, parameters={**decode_rgb.parameters, "clear": processor.clear})


def preprocess(
    stage: str,
    export: Export,
    outputs: tuple[Tensor, ...],
    settings: Mapping[str, tuple[int, Option]] | None = None,
    arithmetic: Arithmetic | None = None,
) -> PythonModel:
    """The stage from ``pixels`` to what the tower takes.

    Args:
        stage: the name of its module among the stages.
        export: the checkpoint's image processor, which it reads.
        outputs: what it gives.
        settings: its parameters beside ``maximum_pixels``: each one's value, and what a profile
            may set it to.
        arithmetic: what it ends in, where an ONNX model can do that.
    """
    bound = {"maximum_pixels": (MAXIMUM_PIXELS, Whole(1, 2**31 - 1))}
    every: dict[str, tuple[int, Option]] = {**bound, **(settings or {})}
    return PythonModel(
        name="preprocess",
        inputs=(pixels,),
        outputs=outputs,
        stage=f"builders.vision.stages.{stage}",
        exports=(export,),
        parameters={name: str(value) for name, (value, _) in every.items()},
        options={name: option for name, (_, option) in every.items()},
        instances=(InstanceGroup(count=2),),
        queue=LATER_STEP,
        arithmetic=arithmetic,
    )


def batched(
    name: str,
    inputs: tuple[Tensor, ...],
    outputs: tuple[Tensor, ...],
    export: Export,
    most: int = LARGEST_BATCH,
    *,
    quick: bool,
) -> OnnxModel:
    """A model that joins what comes in requests of their own, or the tiles of one.

    Args:
        name: its name.
        inputs: those of one image, tile or text.
        outputs: likewise.
        export: its file.
        most: images, tiles or texts in one call.
        quick: whether one takes milliseconds on one core (:data:`QUICK`).
    """
    return OnnxModel(
        name=name,
        inputs=tuple(_batch_of(each) for each in inputs),
        outputs=tuple(_batch_of(each) for each in outputs),
        export=export,
        max_batch_size=most,
        batching=DynamicBatching(),
        instances=(InstanceGroup(count=2 if quick else 1),),
        parameters=ONE_THREAD if quick else {},
        queue=LATER_STEP,
    )


def _batch_of(tensor: Tensor) -> Tensor:
    return replace(tensor, axes={BATCH: -1, **tensor.axes})
