"""PP-OCR checkpoints to the ONNX files and the dictionary that the pipeline serves.

Any PP-OCR export will do, whatever its tensors are called: a detector, recogniser or classifier has
one image input, FP32 [batch, 3, height, width] of BGR scaled to -1 .. 1, or the same with channels
last, and one output, probabilities or what a softmax or sigmoid makes some. Pixels enter as bytes,
the scaling is in the graph, and the recogniser gives each step's best class and its probability
instead of all 18,710.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from onnx import ModelProto, TensorProto, helper

from builders.kit import onnx as kit_onnx
from builders.ocr.checkpoints import recogniser_head
from builders.ocr.checkpoints.detectors import CLASSES, SAMPLE, open_classifier, open_detector
from builders.ocr.checkpoints.image_model import ImageModel
from builders.ocr.checkpoints.recogniser import CROP, open_recogniser, take_crops
from builders.ocr.checkpoints.scores import as_probabilities

NEWEST_OPSET = 20
RESIZE_OPSET = 11
"""The oldest with the ``Resize`` that places pixels as images are resized."""

MEAN = STD = (0.5, 0.5, 0.5)
"""PP-OCR's normalisation of pixels scaled to 0 .. 1."""


def detector(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """``page`` UINT8 [batch, height, width, 3] -> ``probability`` FP32 [batch, 1, height, width].

    Args:
        checkpoint: a detector of PP-OCR, ONNX.
        out: the file to write.

    Returns:
        What was changed.

    Raises:
        OnnxError: not a model with one image input and one output, or one that does not run.
        SourceError: not a detector, or one of a fixed size.
    """
    found, scores = open_detector(checkpoint)
    axes = {0: "batch", 2: "height", 3: "width"}
    model, facts = _named(found, ("page", axes), ("probability", axes), (None, 1, None, None))
    as_probabilities(model, "probability", scores)
    _take_pixels(model, "page")
    kit_onnx.save(model, out)
    return {**facts, "scores": scores}


def classifier(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """``samples`` UINT8 [samples, 48, 192, 3] -> ``turned`` FP32 [samples, 2]: as :func:`detector`.

    The probabilities are of upright and of upside down.
    """
    found, scores = open_classifier(checkpoint)
    sizes = zip((2, 3), (found.height, found.width), SAMPLE, strict=True)
    kit_onnx.fix_axes(
        found.model, found.input, {axis: size for axis, own, size in sizes if own is None}
    )
    axes = {0: "samples"}
    model, facts = _named(found, ("samples", axes), ("turned", axes), (None, CLASSES))
    as_probabilities(model, "turned", scores)
    _take_pixels(model, "samples")
    kit_onnx.save(model, out)
    return {**facts, "scores": scores}


def recogniser(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """``crops`` UINT8 [crops, 48, width, 3] -> each step's best class, and what is known of it.

    ``index`` INT32, ``probability`` FP32 of that class, ``space`` FP32, the probability of a space
    there, all [crops, steps]. As :func:`detector` otherwise. A recogniser of lines of another
    height than 48 gets the crops resized.
    """
    found = open_recogniser(checkpoint)
    rows, steps, classes = found.order
    sizes: list[int | None] = [None, None, None]
    sizes[classes] = len(found.characters)
    model, facts = _named(
        found.image_model,
        ("crops", {0: "crops", 3: "width"}),
        ("scores", {rows: "crops", steps: "steps"}),
        sizes,
        oldest_opset=kit_onnx.OLDEST_OPSET if found.height == CROP else RESIZE_OPSET,
    )
    as_probabilities(model, "scores", found.scores, found.order)
    take_crops(model, "crops", found.height)
    _take_pixels(model, "crops")
    head = recogniser_head.replace_scores(model, "scores", found.space)
    kit_onnx.save(model, out)
    return {
        **facts,
        "scores": found.scores,
        "axes": "".join("NTC"[found.order.index(axis)] for axis in range(3)),
        "height": found.height,
        "head": head,
    }


def dictionary(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Every class's character as a JSON list: the blank, the dictionary, the space.

    Args:
        checkpoint: a recogniser whose metadata hold the dictionary, or a folder with the model
            and one text file, one character a line.
        out: the file to write.

    Raises:
        OnnxError: there is no dictionary, or it does not fit the model's classes.
        SourceError: it cannot be read, or is not in UTF-8.
    """
    characters = open_recogniser(checkpoint).characters
    out.write_text(json.dumps(characters, ensure_ascii=False), "utf-8")
    return {"characters": len(characters)}


def _named(
    found: ImageModel,
    inputs: tuple[str, Mapping[int, str]],
    output: tuple[str, Mapping[int, str]],
    sizes: Sequence[int | None],
    *,
    oldest_opset: int = kit_onnx.OLDEST_OPSET,
) -> tuple[ModelProto, Mapping[str, object]]:
    """The model, normalised, with names for its input, its output and their dynamic axes.

    Args:
        found: the checkpoint's.
        inputs: the input's name, and those of its dynamic axes.
        output: likewise.
        sizes: the output's, as they were seen; None for a dynamic one.
        oldest_opset: the opset to convert an older model to.
    """
    model = found.model
    model.graph.output[0].CopyFrom(
        helper.make_tensor_value_info(found.output, TensorProto.FLOAT, sizes)
    )
    model, done = kit_onnx.normalise(
        kit_onnx.convert_opset(model, newest=NEWEST_OPSET, oldest=oldest_opset),
        newest_opset=NEWEST_OPSET,
        inputs={found.input: inputs[0]},
        outputs={found.output: output[0]},
        axes={inputs[0]: inputs[1], output[0]: output[1]},
    )
    changed = {"changed": list(found.changed)} if found.changed else {}
    return model, {**done.facts(), **changed}


def _take_pixels(model: ModelProto, name: str) -> None:
    """Let the input take bytes of RGB instead of normalised planes of BGR, in place."""
    kit_onnx.prepend_image_preprocessing(model, name, mean=MEAN, std=STD, reverse_channels=True)
