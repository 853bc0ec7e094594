"""The stock PP-OCR models as references, and pages of text to compare on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from builders.kit.family import Arrays, Parity

SAMPLE = "Sphinx of black quartz, judge my vow: 0123456789 + 42% (yes) "


def text_image(height: int, width: int, size: int, shift: int = 0) -> npt.NDArray[np.uint8]:
    """Lines of black text on white with a little noise, UINT8 [height, width, 3]."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    face = ImageFont.load_default(size)
    for number, top in enumerate(range(0, max(1, height - size), round(size * 1.6))):
        start = (7 * number + shift) % len(SAMPLE)
        draw.text((4, top + 2), (SAMPLE * 4)[start : start + width // 4], "black", font=face)
    noise = np.random.default_rng(height * width + shift).integers(-9, 10, (height, width, 3))
    return np.asarray(np.clip(np.asarray(image, np.int16) + noise, 0, 255), np.uint8)


def _stock(checkpoint: Path, pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """The checkpoint's own answer to RGB pixels, normalised outside of the graph."""
    from builders.kit.onnx_session import make_session

    session = make_session(checkpoint)
    image = pixels[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)
    normalised = (image / 255 - 0.5) / 0.5
    (output,) = session.run(None, {session.get_inputs()[0].name: normalised})
    return np.asarray(output, np.float32)


def _detected(checkpoint: Path, inputs: Arrays) -> Arrays:
    return {"probability": _stock(checkpoint, inputs["page"])}


def _classified(checkpoint: Path, inputs: Arrays) -> Arrays:
    return {"turned": _stock(checkpoint, inputs["samples"])}


def _recognised(checkpoint: Path, inputs: Arrays) -> Arrays:
    scores = _stock(checkpoint, inputs["crops"])
    return {
        "index": scores.argmax(2).astype(np.int32),
        "probability": scores.max(2),
        # PP-OCR's last class is the space.
        "space": scores[:, :, -1],
    }


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
