"""One of transformers' image processors, and the same one as the build completes its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import transformers
from PIL import Image

from builders.stages.decode_rgb import decode
from builders.vision.checkpoint.processor.read import read_processor


def theirs(name: str, **settings: Any) -> Any:
    """Transformers' processor of that class, Pillow's flavour."""
    return getattr(transformers, f"{name}Pil")(**settings)


def written(folder: Path, name: str, **settings: Any) -> dict[str, Any]:
    """What the stage gets of a checkpoint whose processor transformers saved."""
    theirs(name, **settings).save_pretrained(folder)
    return read(folder)


def read(folder: Path) -> dict[str, Any]:
    """What the stage gets of a checkpoint, through JSON."""
    found = read_processor(folder)
    return dict(json.loads(json.dumps({"kind": found.kind, **found.settings})))


def pixels_of(encoded: bytes, settings: dict[str, Any]) -> np.ndarray:
    """A file's pixels as the stage before gives them."""
    return decode(encoded, clear_is_white=settings["do_convert_rgb"])


def answer(name: str, image: Image.Image, key: str = "pixel_values", **settings: Any) -> np.ndarray:
    """What transformers makes of one image."""
    return np.asarray(theirs(name, **settings)(image, return_tensors="np")[key])


def same(found: np.ndarray, expected: np.ndarray) -> bool:
    """Equal in shape, type and every bit."""
    return (
        found.dtype == expected.dtype
        and found.shape == expected.shape
        and found.tobytes() == np.ascontiguousarray(expected).tobytes()
    )
