"""What a recogniser's checkpoint reads and says, whatever its layout, height and last layer."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, helper, numpy_helper

from builders.kit.onnx.form import read_form
from builders.kit.onnx.rename import part
from builders.kit.sources.error import SourceError
from builders.ocr.checkpoints.dictionary import classes_of, read_dictionary
from builders.ocr.checkpoints.image_model import ImageModel, open_image_model
from builders.ocr.checkpoints.planes import noise
from builders.ocr.checkpoints.scores import Scores, kind_of
from repository.errors import KitError
from repository.onnx.content import OnnxError

Outputs = list[npt.NDArray[np.generic]]

CROP = 48
"""Pixels of height of the crops that the pipeline cuts."""

HEIGHTS = (CROP, 32, 64)
"""Of lines that recognisers read, tried in this order where the file names none."""

NARROW, WIDE = 64, 96
"""Pixels of width of the rows of noise that a recogniser is shown."""


@dataclass(frozen=True)
class Recogniser:
    """A recogniser's checkpoint.

    Attributes:
        image_model: its model.
        order: the output's axes of rows, steps and classes.
        characters: by class; the blank's is empty.
        scores: what the output says of classes.
        height: of the lines that it reads.
    """

    image_model: ImageModel
    order: tuple[int, int, int]
    characters: list[str]
    scores: Scores
    height: int

    @property
    def space(self) -> int:
        """The class of the space."""
        return self.characters.index(" ")


def open_recogniser(checkpoint: Path) -> Recogniser:
    """Read a checkpoint, and run it on noise.

    Raises:
        OnnxError: no ONNX model, one that does not run, or one that its dictionary does not fit.
        SourceError: no scores of classes for each step of each row; no dictionary in UTF-8.
    """
    form = read_form(checkpoint)
    wrong: list[KitError] = []
    listed: list[str] = []
    try:
        listed = read_dictionary(form, checkpoint)
    except KitError as error:
        wrong.append(error)
    try:
        image_model = open_image_model(checkpoint, ("batch", "width"), (CROP, NARROW))
        height, outputs = _heard(image_model)
        order = _order(outputs, checkpoint)
        scores = kind_of(outputs[0], order[2], checkpoint)
    except KitError as error:
        wrong.append(error)
    if wrong:
        raise wrong[0] if len(wrong) == 1 else SourceError(" ".join(map(str, wrong)))
    characters = classes_of(listed, outputs[0].shape[order[2]], checkpoint)
    return Recogniser(image_model, order, characters, scores, height)


def _heard(image_model: ImageModel) -> tuple[int, Outputs]:
    """The height of its lines, and the outputs for 3 narrow rows of noise and for 2 wide ones."""
    heights = (image_model.height,) if image_model.height else HEIGHTS
    refusal: OnnxError | None = None
    for height in heights:
        try:
            return height, image_model.run(noise(3, height, NARROW), noise(2, height, WIDE))
        except OnnxError as error:
            refusal = refusal or error
    assert refusal is not None
    raise refusal


def _order(outputs: Outputs, checkpoint: Path) -> tuple[int, int, int]:
    """The axes of rows, steps and classes."""
    narrow, wide = outputs
    if narrow.ndim == wide.ndim == 3 and narrow.dtype == np.float32:
        for rows, steps, classes in permutations(range(3)):
            if (
                (narrow.shape[rows], wide.shape[rows]) == (3, 2)
                and narrow.shape[steps] < wide.shape[steps]
                and narrow.shape[classes] == wide.shape[classes]
            ):
                return rows, steps, classes
    raise SourceError(
        f"{checkpoint}: expected FP32 scores of classes for each step of each row, found "
        f"{narrow.dtype.name} {list(narrow.shape)} for 3 rows of {NARROW} pixels and "
        f"{wide.dtype.name} {list(wide.shape)} for 2 of {WIDE}. Name a recogniser that puts out "
        "its last layer, as PP-OCR's do, as the source."
    )


def take_crops(model: ModelProto, name: str, height: int) -> None:
    """Make an input of lines of another height take crops of :data:`CROP` pixels, in place.

    Args:
        model: changed in place; of opset 11 or newer if the height differs.
        name: the input, FP32 [batch, 3, height, width].
        height: of the lines that the model reads.
    """
    graph = model.graph
    (value,) = (each for each in graph.input if each.name == name)
    value.type.tensor_type.shape.dim[2].dim_value = CROP
    if height == CROP:
        return
    inner, factor = part(model, name), scale(height)
    # Opset 11 wants a region of interest, which a linear resize does not look at.
    constants = {"region": [], "scales": [1, 1, factor, factor]}
    for key, values in constants.items():
        values_of = np.array(values, np.float32)
        graph.initializer.append(numpy_helper.from_array(values_of, f"{name}/{key}"))
    ins = [name, *(f"{name}/{key}" for key in constants)]
    resize = helper.make_node("Resize", ins, [inner], f"{name}/resized", mode="linear")
    graph.node.insert(0, resize)


def scale(height: int) -> np.float32:
    """What a crop's sides are multiplied by: FP32, and enough to give the whole height."""
    factor = np.float32(height) / np.float32(CROP)
    while int(factor * np.float32(CROP)) < height:
        factor = np.nextafter(factor, np.float32(np.inf))
    return factor
