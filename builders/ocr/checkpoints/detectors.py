"""What a detector's and an orientation classifier's checkpoint say, whatever their last layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from builders.kit.sources.error import SourceError
from builders.ocr.checkpoints.image_model import ImageModel, open_image_model
from builders.ocr.checkpoints.planes import noise
from builders.ocr.checkpoints.scores import Scores, kind_of

SAMPLE = (48, 192)
"""Height and width of what the classifier is shown: PP-OCR's ``cls_image_shape``."""

CLASSES = 2
"""Of the classifier: upright, upside down."""

PAGES = ((1, 64, 96), (2, 96, 64))
"""Batch, height and width of the noise that a detector is shown; multiples of its 32."""


def open_detector(checkpoint: Path) -> tuple[ImageModel, Scores]:
    """Read a detector, and run it on noise: its model, and what it says of pixels.

    Raises:
        OnnxError: no ONNX model, or one that does not run.
        SourceError: not one map of the image's size for each image.
    """
    found = open_image_model(checkpoint, ("batch", "height", "width"), PAGES[0][1:])
    maps = found.run(*(noise(*page) for page in PAGES))
    for (batch, height, width), made in zip(PAGES, maps, strict=True):
        if made.shape != (batch, 1, height, width) or made.dtype != np.float32:
            raise SourceError(
                f"{checkpoint}: expected an FP32 map of text, [{batch}, 1, {height}, {width}] for "
                f"{batch} images of {height}x{width}, found {made.dtype.name} {list(made.shape)}. "
                "Name a detector of PP-OCR as the source."
            )
    within = all(made.min() >= 0 and made.max() <= 1 for made in maps)
    return found, "probabilities" if within else "logits of one class"


def open_classifier(checkpoint: Path) -> tuple[ImageModel, Scores]:
    """Read an orientation classifier, and run it on noise: its model, and what it says.

    Raises:
        OnnxError: no ONNX model, or one that does not run.
        SourceError: not scores of two classes for each image of 48x192.
    """
    found = open_image_model(checkpoint, ("batch",), SAMPLE)
    height, width = found.height or SAMPLE[0], found.width or SAMPLE[1]
    (scores,) = found.run(noise(3, height, width))
    wrong = []
    if (height, width) != SAMPLE:
        wrong.append(f"images of {height}x{width} as input")
    if scores.shape != (3, CLASSES) or scores.dtype != np.float32:
        wrong.append(f"{scores.dtype.name} {list(scores.shape)} for 3 images")
    if wrong:
        raise SourceError(
            f"{checkpoint}: expected FP32 scores of {CLASSES} classes for each image of "
            f"{SAMPLE[0]}x{SAMPLE[1]}, found {' and '.join(wrong)}. Name PP-OCR's classifier of "
            "orientation, ch_ppocr_mobile_v2.0_cls, as the source."
        )
    return found, kind_of(scores, 1, checkpoint)
