"""One of transformers' image processors, and the same one as the build completes its file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import transformers
from PIL import Image

from builders.kit.invalid_argument import InvalidArgument
from builders.stages.decode_rgb import decode
from builders.vision.checkpoint.processor.read import make_processor, read_processor
from builders.vision.stages import preprocess
from tests.builders.vision.processors.pictures import opened

Found = TypeVar("Found")
Stage = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]

REFUSED = {
    "height and width must be > 0": "would leave (0 x|[0-9]+ x 0)",
    # So Idefics3's says that a size has a height of 0.
    "size must be a dictionary with key": "would leave (0 x|[0-9]+ x 0)",
    "absolute aspect ratio must be smaller than 200": "more than 200 times as long as wide",
}
"""A part of the error with which transformers, or Pillow, fails on an image -> the sentence with
which it is refused."""


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


def stage(folder: Path, name: str, settings: Mapping[str, Any], **parameters: str) -> Stage:
    """The stage ``preprocess`` of a checkpoint whose processor transformers saved, with the file
    that a build makes for it."""
    theirs(name, **settings).save_pretrained(folder)
    (folder / "made").mkdir(exist_ok=True)
    make_processor(folder, folder / "made" / preprocess.PROCESSOR_FILE)
    return preprocess.prepare(folder / "made", {"maximum_tiles": "99", **parameters})


def pixels_of(encoded: bytes, settings: dict[str, Any]) -> np.ndarray:
    """A file's pixels as the stage before gives them."""
    return decode(encoded, clear_is_white=settings["do_convert_rgb"])


def answer(name: str, image: Image.Image, key: str = "pixel_values", **settings: Any) -> np.ndarray:
    """What transformers makes of one image."""
    return np.asarray(theirs(name, **settings)(image, return_tensors="np")[key])


def agree(his: Any, encoded: bytes, ours: Callable[[], Found]) -> tuple[Any, Found] | None:
    """What transformers makes of a file, and what is served of it; None if both refuse it.

    Args:
        his: transformers' processor.
        encoded: the file.
        ours: processes it as it is served.
    """
    try:
        expected = his(opened(encoded), return_tensors="np")
    except ValueError as error:
        told = [words for sign, words in REFUSED.items() if sign in str(error)]
        assert told, error
        with pytest.raises(InvalidArgument, match=told[0]):
            ours()
        return None
    return expected, ours()


def same(found: np.ndarray, expected: np.ndarray) -> bool:
    """Equal in shape, type and every bit."""
    return (
        found.dtype == expected.dtype
        and found.shape == expected.shape
        and found.tobytes() == np.ascontiguousarray(expected).tobytes()
    )
