"""Processors that give one image: equal to transformers' own, every float of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders.kit.invalid_argument import InvalidArgument
from builders.stages.decode_rgb import decode
from builders.vision.stages.processors import fixed
from tests.builders.vision.processors.compared import (
    agree,
    answer,
    pixels_of,
    same,
    theirs,
    written,
)
from tests.builders.vision.processors.pictures import MODES, Files, few, many, opened, picture

PROCESSORS: list[tuple[str, dict[str, Any]]] = [
    ("CLIPImageProcessor", {}),
    ("CLIPImageProcessor", {"size": {"shortest_edge": 57}, "crop_size": 90}),
    ("CLIPImageProcessor", {"size": {"shortest_edge": 64, "longest_edge": 91}, "resample": 1}),
    ("CLIPImageProcessor", {"do_resize": False, "crop_size": {"height": 75, "width": 112}}),
    ("SiglipImageProcessor", {}),
    ("SiglipImageProcessor", {"size": {"height": 96, "width": 64}, "resample": 0}),
    ("SiglipImageProcessor", {"do_rescale": False, "image_mean": 99.5, "image_std": [1, 2, 3]}),
    ("SiglipImageProcessor", {"do_normalize": False, "resample": 4}),
    ("LlavaImageProcessor", {"do_pad": True, "size": 80, "crop_size": 80}),
    ("LlavaImageProcessor", {}),
    ("ViTImageProcessor", {"size": {"height": 33, "width": 33}, "rescale_factor": 1 / 127.5}),
    ("DeiTImageProcessor", {"resample": 5}),
    ("BlipImageProcessor", {"size": 48}),
    ("BitImageProcessor", {}),
    ("ChineseCLIPImageProcessor", {"size": 40, "crop_size": 32}),
]


def check(folder: Path, name: str, settings: dict[str, Any], files: Files) -> None:
    """The same as transformers on so many files; what it fails on is refused."""
    own, his = written(folder, name, **settings), theirs(name, **settings)
    for what, encoded in files:
        run = partial(fixed.process, own, pixels_of(encoded, own), 200_000_000)
        if (both := agree(his, encoded, run)) is not None:
            assert same(both[1], np.asarray(both[0]["pixel_values"])[0]), what


@pytest.mark.parametrize(("name", "settings"), PROCESSORS)
def test_some_images_become_what_transformers_makes_of_them(
    name: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    check(tmp_path, name, settings, few())


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "settings"), PROCESSORS)
def test_two_hundred_images_become_what_transformers_makes_of_them(
    name: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    check(tmp_path, name, settings, many())


@pytest.mark.thorough
def test_the_two_hundred_have_every_mode_and_odd_sides() -> None:
    assert len(many()) == 200
    modes, sides = set(), set()
    for what, _ in many():
        mode, _, size = what.split()
        modes.add(mode)
        sides |= {int(side) for side in size.split("x")}
    assert modes == MODES.keys()
    # Some are lines of one pixel.
    assert min(sides) == 1 and all(side % 2 for side in sides)


def test_an_image_that_would_become_too_large_is_refused_with_the_bound(tmp_path: Path) -> None:
    own = written(tmp_path, "CLIPImageProcessor")
    with pytest.raises(InvalidArgument, match=r"1 x 700 pixels.* 224 x 156800, more than the 9000"):
        fixed.process(own, np.zeros((700, 1, 3), np.uint8), 9000)
    padded = written(tmp_path, "LlavaImageProcessor", do_pad=True)
    with pytest.raises(InvalidArgument, match="needs 700 x 700"):
        fixed.process(padded, np.zeros((700, 1, 3), np.uint8), 9000)


def test_the_answer_does_not_change_the_pixels_that_it_was_given(tmp_path: Path) -> None:
    own = written(tmp_path, "CLIPImageProcessor", do_resize=False)
    pixels = decode(picture(0)[1])
    before = pixels.copy()
    assert same(
        fixed.process(own, pixels),
        answer("CLIPImageProcessor", opened(picture(0)[1]), do_resize=False)[0],
    )
    assert np.array_equal(before, pixels)
