"""The largest image that a server is sized for: a photograph, as large as an eye takes it.

Of most eyes that is one of 12 megapixels. An eye that sees tiles makes the most of them from an
image of some other shape, and one that sees patches of a grid may refuse so large an image.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from builders.vision.stages import preprocess, preprocess_grid, preprocess_naflex
from builders.vision.stages.processors import fixed, grid_patches, tiles
from builders.vision.stages.processors.pixels import MAXIMUM_PIXELS, Size
from repository.config.text import read_config
from repository.layout import VERSION

WIDTH, HEIGHT = 4000, 3000

LONGEST = 65_500
"""The longest side of a JPEG."""


@dataclass(frozen=True)
class Photograph:
    """A photograph, and what an eye makes of it.

    Attributes:
        width: in pixels.
        height: likewise.
        made: how many tiles or patches, in words; empty of an eye for which all are alike.
    """

    width: int = WIDTH
    height: int = HEIGHT
    made: str = ""

    def __str__(self) -> str:
        made = f", {self.made}" if self.made else ""
        return f"a photograph of {self.width}x{self.height} pixels{made}"

    def encoded(self) -> bytes:
        """Soft colours with some grain, as JPEG."""
        random = np.random.default_rng(5)
        soft = Image.fromarray(random.integers(0, 256, (30, 40, 3), np.uint8))
        size = (self.width, self.height)
        drawn = np.asarray(soft.resize(size, Image.Resampling.BICUBIC), np.int16)
        grain = random.integers(-6, 7, (self.height, self.width, 1), np.int16)
        made = Image.fromarray((drawn + grain).clip(0, 255).astype(np.uint8))
        out = io.BytesIO()
        made.save(out, "JPEG", quality=90)
        return out.getvalue()


@dataclass(frozen=True)
class _Stage:
    """The stage ``preprocess`` of a repository, and the one that decodes before it.

    Attributes:
        settings: the image processor's.
        parameters: the stage's.
        pixels: the most pixels of a file's image.
    """

    settings: Mapping[str, Any]
    parameters: Mapping[str, int]
    pixels: int

    def allows(self, area: int) -> bool:
        """Whether an image may be brought to so many pixels."""
        return area <= self.parameters.get("maximum_pixels", area)


def largest_in(repository: Path) -> Photograph:
    """The largest photograph that the eye of a built repository takes: of those up to 12
    megapixels the one of the most tiles or patches, and then of the most pixels.

    Args:
        repository: its pipeline ``vision`` may be fused.
    """
    stage = _read(repository)
    if stage is None:
        return Photograph()
    kind = stage.settings.get("kind")
    if kind == "grid":
        return _best(_grids(stage), partial(_patches, stage), "patches")
    if kind in tiles.KINDS:
        most = stage.parameters["maximum_tiles"]
        return _best(_shapes(stage, most), partial(_tiles, stage), "tiles", most)
    return _best(_sizes(stage, 3, 4), partial(_one, stage))


def _read(repository: Path) -> _Stage | None:
    for name in (preprocess.PROCESSOR_FILE, preprocess_naflex.PROCESSOR_FILE):
        for file in sorted(repository.glob(f"*/{VERSION}/{name}")):
            own = _parameters(file.parent.parent)
            # Fused with the stage that decodes, it has the parameters of both, by their names.
            pixels = own.pop("decode_rgb.maximum_pixels", None)
            if pixels is None:
                pixels = _parameters(repository / "decode_rgb")["maximum_pixels"]
            parameters = {key.rpartition(".")[2]: value for key, value in own.items()}
            settings = json.loads(file.read_text("utf-8"))
            return _Stage(settings, parameters, min(pixels, WIDTH * HEIGHT))
    return None


def _parameters(model: Path) -> dict[str, int]:
    """Those of a model's parameters that are whole numbers."""
    found = read_config(model / "config.pbtxt").parameters
    texts = {key: value.string_value for key, value in found.items()}
    return {key: int(text) for key, text in texts.items() if text.isdecimal()}


def _best(
    sizes: Iterable[Size], count: Callable[[Size], int], word: str = "", most: int = 1
) -> Photograph:
    """The image of the most tiles or patches, and of those of the most pixels.

    Args:
        sizes: of images.
        count: how many there are of an image of that size; 0 if it is refused.
        word: what they are.
        most: no image has more.
    """
    found, area, best = 0, 0, Photograph()
    for height, width in sizes:
        number = count((height, width))
        if number and (number, height * width) > (found, area):
            found, area = number, height * width
            best = Photograph(width, height, f"{number} {word}" if word else "")
        if found == most:
            break
    return best


def _sizes(stage: _Stage, rows: int, columns: int) -> Iterator[Size]:
    """Images of an aspect ratio: as many pixels as may be, a quarter of them, and so on."""
    pixels = stage.pixels
    while pixels >= rows * columns:
        height = math.isqrt(pixels * rows // columns)
        width = pixels // height
        if max(height, width) <= LONGEST:
            yield height, width
        pixels //= 4


def _one(stage: _Stage, size: Size) -> int:
    """Whether a tower of one size, or of patches that are filled up, is shown such an image."""
    most = stage.parameters.get("maximum_patches")
    if (
        most is not None
        and fixed.patches(stage.settings, size, stage.parameters["patch_size"]) > most
    ):
        return 0
    return int(not stage.settings.get("do_pad") or stage.allows(max(size) ** 2))


def _shapes(stage: _Stage, most: int) -> Iterator[Size]:
    """Images of the aspect ratios of all grids of so many tiles, the larger grids first, and of
    these the ones that are nearest to a photograph's."""
    grids = [
        (rows * columns, -abs(math.log(0.75 * columns / rows)), rows, columns)
        for rows in range(1, max(most, 2))
        for columns in range(1, max(most - 1, 1) // rows + 1)
    ]
    ratios = [_sizes(stage, rows, columns) for _, _, rows, columns in sorted(grids, reverse=True)]
    for of_one_area in zip_longest(*ratios):
        yield from (size for size in of_one_area if size)


def _tiles(stage: _Stage, size: Size) -> int:
    """How many tiles an image of that size has."""
    # A plan looks at the size alone, and an array that repeats one value takes no memory.
    image = np.broadcast_to(np.uint8(0), (*size, 3))
    cut = tiles.KINDS[stage.settings["kind"]](stage.settings, image, MAXIMUM_PIXELS)
    count = cut.rows * cut.columns + 1
    allowed = count <= stage.parameters["maximum_tiles"] and stage.allows(math.prod(cut.size))
    return count if allowed else 0


def _grids(stage: _Stage) -> Iterator[Size]:
    """Images of as many patches as may be, up to twice as wide as high: a large one, which is made
    smaller where the processor does that, and one that is taken as it is."""
    settings, parameters = stage.settings, stage.parameters
    factor = settings["patch_size"] * settings["merge_size"]
    limit = preprocess_grid.bounded(settings["size"], parameters["max_pixels"])["longest_edge"]
    pixels = min(stage.pixels, limit, parameters.get("maximum_pixels", limit))
    tokens = min(parameters["maximum_patches"] // settings["merge_size"] ** 2, pixels // factor**2)
    if tokens:
        rows = range(max(math.isqrt(tokens // 2), 1), math.isqrt(tokens) + 1)
        high, wide = max(((each, tokens // each) for each in rows), key=math.prod)
        high, wide = high * factor, wide * factor
        for times in (math.isqrt(stage.pixels // (high * wide)), 1):
            yield high * times, wide * times


def _patches(stage: _Stage, size: Size) -> int:
    """How many patches an image of that size has."""
    settings = stage.settings
    patch = settings["patch_size"]
    limits = preprocess_grid.bounded(settings["size"], stage.parameters["max_pixels"])
    high, wide = grid_patches.size_for(
        size, patch * settings["merge_size"], limits["shortest_edge"], limits["longest_edge"]
    )
    count = (high // patch) * (wide // patch)
    allowed = count <= stage.parameters["maximum_patches"] and stage.allows(high * wide)
    return count if allowed else 0
