"""Images so narrow that nothing of them would be left: refused wherever transformers fails."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from builders.kit.invalid_argument import InvalidArgument
from builders.vision.stages.processors import fixed, grid_patches, tiles
from tests.builders.vision.processors.compared import agree, pixels_of, same, theirs, written

LENGTHS = (1, 2, 5, 49, 91, 98, 181, 182, 183, 199, 200, 201, 609)
"""Of images of one pixel's width or height."""

Process = Callable[[Mapping[str, Any], np.ndarray], np.ndarray]

PROCESSORS: Mapping[str, tuple[Mapping[str, Any], Process]] = {
    "CLIPImageProcessor": ({"size": {"shortest_edge": 64, "longest_edge": 91}}, fixed.process),
    "Qwen2VLImageProcessor": ({}, lambda own, pixels: grid_patches.process(own, pixels, 16_384)[0]),
    # 49 * (1 / 49) is less than 1.
    "Idefics3ImageProcessor": (
        {"size": {"longest_edge": 98}, "max_image_size": {"longest_edge": 49}},
        lambda own, pixels: tiles.process(own, pixels, 64)[0],
    ),
}
"""Each that fails on some, what is asked of it, and what is served of it."""


def line(height: int, width: int) -> bytes:
    """A PNG of noise."""
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("name", PROCESSORS)
def test_a_line_is_refused_in_a_sentence_where_transformers_fails(
    name: str, tmp_path: Path
) -> None:
    settings, process = PROCESSORS[name]
    own, his = written(tmp_path, name, **settings), theirs(name, **settings)
    seen = 0
    for length in LENGTHS:
        for size in ((1, length), (length, 1)):
            encoded = line(*size)
            both = agree(his, encoded, partial(process, own, pixels_of(encoded, own)))
            if both is not None:
                expected = np.asarray(both[0]["pixel_values"])
                assert same(both[1], expected.reshape(both[1].shape)), size
                seen += 1
    assert 0 < seen < 2 * len(LENGTHS)


def test_crops_of_nothing_are_refused(tmp_path: Path) -> None:
    asked = {"min_crop_size": 1, "max_num_crops": 4, "min_ratio_to_activate": 1.2}
    crops = {f"pan_and_scan_{name}": value for name, value in asked.items()}
    own = written(tmp_path, "Gemma3ImageProcessor", do_pan_and_scan=True, **crops)
    # Transformers makes a crop of one colour.
    with pytest.raises(InvalidArgument, match="5 x 1 pixels is too small for 4 crops"):
        tiles.process(own, np.zeros((1, 5, 3), np.uint8), 64)
