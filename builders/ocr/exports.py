"""PP-OCR checkpoints to the ONNX files and the dictionary that the pipeline serves.

Any PP-OCR export will do, whatever its tensors are called: a detector, recogniser or classifier has
one image input, FP32 [batch, 3, height, width] of BGR scaled to -1 .. 1, and one output. Pixels
enter as bytes, the scaling is in the graph, and the recogniser gives each step's best class and its
probability instead of all 18,710.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from onnx import ModelProto

from builders.kit import onnx as kit_onnx
from builders.kit.bounded_file import read_bounded
from builders.kit.onnx_form import read_form
from builders.kit.source_error import SourceError, told
from builders.ocr import recogniser_head

NEWEST_OPSET = 20

MEAN = STD = (0.5, 0.5, 0.5)
"""PP-OCR's normalisation of pixels scaled to 0 .. 1."""

METADATA_KEY = "character"
"""Where PP-OCR's ONNX files carry their dictionary."""

MAXIMUM_DICTIONARY = 16 << 20
"""Bytes; the largest known one, of 18,710 characters, has 75,000."""


def detector(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """``page`` UINT8 [batch, height, width, 3] -> ``probability`` FP32 [batch, 1, height, width].

    Args:
        checkpoint: a detector of PP-OCR, ONNX.
        out: the file to write.

    Returns:
        What was changed.

    Raises:
        OnnxError: not a model with one image input and one output.
    """
    return _export(
        checkpoint,
        out,
        inputs=("page", {0: "batch", 2: "height", 3: "width"}),
        output=("probability", {0: "batch", 2: "height", 3: "width"}),
    )


def classifier(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """``samples`` UINT8 [samples, 48, 192, 3] -> ``turned`` FP32 [samples, 2]: as :func:`detector`.

    The probabilities are of upright and of upside down.
    """
    return _export(
        checkpoint,
        out,
        inputs=("samples", {0: "samples"}),
        output=("turned", {0: "samples"}),
        fixed={2: 48, 3: 192},
    )


def recogniser(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """``crops`` UINT8 [crops, 48, width, 3] -> each step's best class, and what is known of it.

    ``index`` INT32, ``probability`` FP32 of that class, ``space`` FP32, the probability of a space
    there, all [crops, steps]. As :func:`detector` otherwise.
    """
    model, facts = _imported(
        checkpoint,
        inputs=("crops", {0: "crops", 3: "width"}),
        output=("scores", {0: "crops", 1: "steps"}),
    )
    classes = entries(model, checkpoint)
    head = recogniser_head.replace_scores(model, "scores", classes.index(" "))
    kit_onnx.save(model, out)
    return {**facts, "head": head}


def form(checkpoint: Path) -> None:
    """Refuse what is no model with one input and one output.

    Raises:
        SourceError, OnnxError: it is none.
    """
    model = read_form(checkpoint)
    kit_onnx.drop_overridable_initialisers(model)
    _ends(model, checkpoint)


def recogniser_form(checkpoint: Path) -> None:
    """As :func:`form`, and refuse a recogniser without its dictionary."""
    form(checkpoint)
    entries(read_form(checkpoint), checkpoint)


def _export(
    checkpoint: Path,
    out: Path,
    *,
    inputs: tuple[str, Mapping[int, str]],
    output: tuple[str, Mapping[int, str]],
    fixed: Mapping[int, int] | None = None,
) -> Mapping[str, object]:
    model, facts = _imported(checkpoint, inputs=inputs, output=output, fixed=fixed)
    kit_onnx.save(model, out)
    return facts


def _imported(
    checkpoint: Path,
    *,
    inputs: tuple[str, Mapping[int, str]],
    output: tuple[str, Mapping[int, str]],
    fixed: Mapping[int, int] | None = None,
) -> tuple[ModelProto, Mapping[str, object]]:
    """The checkpoint normalised, its ends named, its input taking pixels."""
    model = kit_onnx.load(checkpoint)
    kit_onnx.drop_overridable_initialisers(model)
    found = _ends(model, checkpoint)
    kit_onnx.fix_axes(model, found[0], fixed or {})
    model, done = kit_onnx.normalise(
        model,
        newest_opset=NEWEST_OPSET,
        inputs={found[0]: inputs[0]},
        outputs={found[1]: output[0]},
        axes={inputs[0]: inputs[1], output[0]: output[1]},
    )
    kit_onnx.prepend_image_preprocessing(
        model, inputs[0], mean=MEAN, std=STD, reverse_channels=True
    )
    return model, done.facts()


def _ends(model: ModelProto, checkpoint: Path) -> tuple[str, str]:
    """The names of the only input and the only output."""
    names = (
        [value.name for value in model.graph.input],
        [value.name for value in model.graph.output],
    )
    if len(names[0]) != 1 or len(names[1]) != 1:
        raise kit_onnx.OnnxError(
            f"{checkpoint}: expected a PP-OCR model with one input and one output, found inputs "
            f"{', '.join(names[0])} and outputs {', '.join(names[1])}. Check the source."
        )
    return names[0][0], names[1][0]


def dictionary(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Every class's character as a JSON list: the blank, the dictionary, the space.

    Args:
        checkpoint: a recogniser whose metadata hold the dictionary, or a folder with the model
            and one text file, one character a line. (A file beside a model that is given alone
            would not be part of what the build hashes.)
        out: the file to write.

    Raises:
        OnnxError: there is no dictionary, or it does not fit the model's classes.
        SourceError: it cannot be read, or is not in UTF-8.
    """
    classes = entries(kit_onnx.load(checkpoint), checkpoint)
    out.write_text(json.dumps(classes, ensure_ascii=False), "utf-8")
    return {"characters": len(classes)}


def entries(model: ModelProto, checkpoint: Path) -> list[str]:
    """Every class's character, the blank an empty one.

    Raises:
        OnnxError: there is no dictionary, or it does not fit the model's classes.
        SourceError: it cannot be read, or is not in UTF-8.
    """
    characters = _dictionary(model, checkpoint)
    classes = model.graph.output[0].type.tensor_type.shape.dim[-1].dim_value
    # A dictionary may or may not hold the space; PP-OCR appends it as the last class.
    found = ["", *characters, *([] if " " in characters else [" "])]
    if classes and len(found) != classes:
        raise kit_onnx.OnnxError(
            f"{checkpoint}: expected a dictionary for {classes} classes, found {len(characters)} "
            "characters besides blank and space. Put the dictionary of this model beside it."
        )
    return found


def _dictionary(model: ModelProto, checkpoint: Path) -> list[str]:
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            return list(entry.value.rstrip("\n").split("\n"))
    lists = sorted(checkpoint.glob("*.txt")) if checkpoint.is_dir() else []
    if len(lists) == 1:
        return _lines(lists[0])
    raise kit_onnx.OnnxError(
        f"{checkpoint}: expected the dictionary in the metadata key '{METADATA_KEY}', or one .txt "
        f"file in a folder with the model, found {len(lists) or 'neither'}. Put both into a "
        "folder, one character a line, and name the folder as the source."
    )


def _lines(path: Path) -> list[str]:
    """A dictionary's characters, one a line; a byte order mark is none of them."""
    with told():
        content = read_bounded(path, MAXIMUM_DICTIONARY)
    try:
        lines = content.decode("utf-8-sig").rstrip("\n").split("\n")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{path}: expected a dictionary in UTF-8, found byte {error.start} that is not. "
            "Convert it with iconv."
        ) from None
    return [line.rstrip("\r") for line in lines]
