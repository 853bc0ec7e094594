"""The stock PP-OCR models as references, and pages of text to compare on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from builders.kit.family import Parity
from builders.ocr.checkpoints.detectors import open_classifier, open_detector
from builders.ocr.checkpoints.recogniser import open_recogniser, scale
from builders.ocr.checkpoints.scores import Scores
from clients.ocr.printed import Printed, print_page
from repository.arrays import Arrays

SAMPLE = "Sphinx of black quartz, judge my vow: 0123456789 + 42% (yes) "


def text_image(height: int, width: int, size: int, shift: int = 0) -> npt.NDArray[np.uint8]:
    """Lines of black text on white with a little noise, UINT8 [height, width, 3]."""
    tops = range(0, max(1, height - size), round(size * 1.6))
    starts = ((7 * number + shift) % len(SAMPLE) for number in range(len(tops)))
    lines = (
        Printed((4, top + 2), (SAMPLE * 4)[start : start + width // 4], size, "black")
        for top, start in zip(tops, starts, strict=True)
    )
    image = print_page((width, height), lines, "white")
    noise = np.random.default_rng(height * width + shift).integers(-9, 10, (height, width, 3))
    return np.asarray(np.clip(np.asarray(image, np.int16) + noise, 0, 255), np.uint8)


def _planes(pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """RGB pixels normalised outside of the graph, [batch, 3, height, width] of BGR."""
    image = pixels[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)
    return np.asarray((image / 255 - 0.5) / 0.5, np.float32)


def _detected(checkpoint: Path, inputs: Arrays) -> Arrays:
    stock, scores = open_detector(checkpoint)
    (probability,) = stock.run(_planes(inputs["page"]))
    return {"probability": _probabilities(probability, scores, 1)}


def _classified(checkpoint: Path, inputs: Arrays) -> Arrays:
    stock, scores = open_classifier(checkpoint)
    (turned,) = stock.run(_planes(inputs["samples"]))
    return {"turned": _probabilities(turned, scores, 1)}


def _recognised(checkpoint: Path, inputs: Arrays) -> Arrays:
    stock = open_recogniser(checkpoint)
    planes = _resized(_planes(inputs["crops"]), float(scale(stock.height)))
    (scores,) = stock.image_model.run(planes)
    probabilities = _probabilities(scores.transpose(stock.order), stock.scores, 2)
    return {
        "index": probabilities.argmax(2).astype(np.int32),
        "probability": probabilities.max(2),
        "space": probabilities[:, :, stock.space],
    }


def _probabilities(
    scores: npt.NDArray[np.generic], kind: Scores, axis: int
) -> npt.NDArray[np.float32]:
    """What a checkpoint's scores say, in double until the end."""
    exact = scores.astype(np.float64)
    if kind == "logits":
        exact = np.exp(exact - exact.max(axis, keepdims=True))
        exact /= exact.sum(axis, keepdims=True)
    elif kind == "log-probabilities":
        exact = np.exp(exact)
    elif kind == "logits of one class":
        exact = 1 / (1 + np.exp(-exact))
    return exact.astype(np.float32)


def _resized(planes: npt.NDArray[np.float32], factor: float) -> npt.NDArray[np.float32]:
    """Both sides times a factor, by linear interpolation between the pixels' middles."""
    for axis in (2, 3):
        size = planes.shape[axis]
        place = (np.arange(int(np.float32(size) * np.float32(factor))) + 0.5) / factor - 0.5
        place = np.clip(place, 0, size - 1)
        before = np.floor(place).astype(np.int64)
        share = (place - before).reshape(-1, *(1,) * (3 - axis))
        after = np.minimum(before + 1, size - 1)
        planes = (1 - share) * planes.take(before, axis) + share * planes.take(after, axis)
    return planes.astype(np.float32)


def _pages() -> Sequence[Arrays]:
    shapes = ((1, 160, 320), (1, 96, 224), (2, 256, 192))
    return [{"page": np.stack([text_image(h, w, 22, k) for k in range(n)])} for n, h, w in shapes]


def _samples() -> Sequence[Arrays]:
    shapes = ((2, 192), (1, 192), (5, 192))
    return [
        {"samples": np.stack([text_image(48, w, 30, 9 * k) for k in range(n)])} for n, w in shapes
    ]


def _crops() -> Sequence[Arrays]:
    shapes = ((2, 320), (1, 64), (3, 208), (1, 800))
    return [
        {"crops": np.stack([text_image(48, w, 30, 9 * k) for k in range(n)])} for n, w in shapes
    ]


# Measured: at most 4e-7 (detector), 2e-6 (recogniser), 0 (classifier); the difference comes from
# scaling bytes with one multiplication and one addition. An index differs by 0 or by at least 1.
DETECTOR = Parity(reference=_detected, inputs=_pages, absolute=1e-4, relative=1e-4)
CLASSIFIER = Parity(reference=_classified, inputs=_samples, absolute=1e-4, relative=1e-4)
RECOGNISER = Parity(reference=_recognised, inputs=_crops, absolute=1e-4, relative=1e-4)
