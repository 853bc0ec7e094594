"""Images cut into tiles, every pixel as by transformers' own image processors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders.kit.invalid_argument import InvalidArgument
from builders.vision.checkpoint.processor.read import make_processor, read_processor
from builders.vision.stages import preprocess
from tests.builders.vision.checkpoints.seen import images

SIZES = (
    *((100, 40), (31, 33), (28, 28), (24, 24), (7, 300), (64, 1), (1, 50), (3, 3), (57, 200)),
    *((96, 95), (1, 1), (2, 600), (131, 260), (260, 131), (640, 480), (95, 95), (17, 49)),
)
"""Widths and heights."""

PROCESSORS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "LLaVA-NeXT": (
        "LlavaNext",
        {
            "size": {"shortest_edge": 28},
            "crop_size": {"height": 28, "width": 28},
            "image_grid_pinpoints": [[28, 56], [56, 28], [56, 56], [84, 28], [28, 84]],
        },
    ),
    "LLaVA-NeXT, cropped": (
        "LlavaNext",
        {
            "size": {"shortest_edge": 33},
            "crop_size": {"height": 28, "width": 28},
            "image_grid_pinpoints": [[28, 56], [84, 28]],
            "resample": 2,
        },
    ),
    "LLaVA-OneVision": (
        "LlavaOnevision",
        {
            "size": {"height": 24, "width": 24},
            "image_grid_pinpoints": [[24 * row, 24 * n] for row in (1, 2, 3) for n in (1, 2, 3)],
        },
    ),
    "InternVL": (
        "GotOcr2",
        {"size": {"height": 28, "width": 28}, "crop_to_patches": True, "max_patches": 12},
    ),
    "InternVL, at least 3": (
        "GotOcr2",
        {
            "size": {"height": 28, "width": 28},
            "crop_to_patches": True,
            "min_patches": 3,
            "max_patches": 5,
        },
    ),
    "InternVL, whole": ("GotOcr2", {"size": {"height": 28, "width": 28}}),
    "Idefics3": (
        "Idefics3",
        {"size": {"longest_edge": 96}, "max_image_size": {"longest_edge": 24}},
    ),
    "Idefics3, odd": (
        "Idefics3",
        {"size": {"longest_edge": 95}, "max_image_size": {"longest_edge": 19}},
    ),
    "Idefics3, whole": (
        "Idefics3",
        {
            "size": {"longest_edge": 96},
            "max_image_size": {"longest_edge": 24},
            "do_image_splitting": False,
        },
    ),
    "SmolVLM": (
        "SmolVLM",
        {"size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 32}},
    ),
    "Gemma 3": ("Gemma3", {"size": {"height": 28, "width": 28}}),
    "Gemma 3, crops": (
        "Gemma3",
        {
            "size": {"height": 28, "width": 28},
            "do_pan_and_scan": True,
            "pan_and_scan_min_crop_size": 16,
            "pan_and_scan_max_num_crops": 4,
            "pan_and_scan_min_ratio_to_activate": 1.2,
        },
    ),
}

Stage = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]


def stage(name: str, folder: Path, **parameters: str) -> tuple[Any, Stage]:
    """transformers' processor, and the stage that reads the file that it saves."""
    import transformers

    kind, settings = PROCESSORS[name]
    own = getattr(transformers, f"{kind}ImageProcessorPil")(**settings)
    own.save_pretrained(folder)
    (folder / "made").mkdir()
    make_processor(folder, folder / "made" / preprocess.PROCESSOR_FILE)
    return own, preprocess.prepare(folder / "made", {"maximum_tiles": "99", **parameters})


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", PROCESSORS)
def test_tiles_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    own, run = stage(name, tmp_path)
    most = read_processor(tmp_path).most_tiles
    for size, image in images(SIZES):
        wanted = np.asarray(own(image, return_tensors="np")["pixel_values"], np.float32)
        found = run({"pixels": np.asarray(image)})
        tiles = found["pixel_values"]
        rows, columns, *lengths = found["tiling"].tolist()
        assert lengths == [size[1], size[0]]
        assert len(tiles) == rows * columns + 1 <= most, size
        np.testing.assert_array_equal(tiles, wanted.reshape(-1, *wanted.shape[-3:]), str(size))


@pytest.mark.parametrize("name", ["LLaVA-NeXT", "InternVL", "Idefics3", "Gemma 3, crops"])
def test_more_tiles_than_allowed_are_refused_with_the_bound(name: str, tmp_path: Path) -> None:
    _, run = stage(name, tmp_path, maximum_tiles="2")
    with pytest.raises(InvalidArgument, match=r"tiles, more than the 2 allowed"):
        run({"pixels": np.zeros((40, 200, 3), np.uint8)})


def test_crops_of_nothing_are_refused(tmp_path: Path) -> None:
    name = "Gemma 3, crops"
    _, run = stage(name, tmp_path)
    file = tmp_path / "made" / preprocess.PROCESSOR_FILE
    content = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps(content | {"pan_and_scan_min_crop_size": 1}), "utf-8")
    run = preprocess.prepare(tmp_path / "made", {"maximum_tiles": "9"})
    with pytest.raises(InvalidArgument, match="5 x 1 pixels is too small for 4 crops"):
        run({"pixels": np.zeros((1, 5, 3), np.uint8)})
