"""The embeddings of an image's tiles to those of the image, as the checkpoint's model joins them.

``tile_embeds`` FP32 [tiles, tokens, hidden], ``tile_pooled`` FP32 [tiles, width], ``tiling`` INT32
[4] (rows and columns of tiles beside the one of the whole image, both 0 if that is the only one;
the image's height and width in pixels) -> ``image_embeds`` FP32 [tokens, hidden], ``pooled`` FP32
[width], which is that of the tile of the whole image.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from builders.kit.invalid_argument import InvalidArgument

from .joining import spatial

JOINING = "joining.json"
"""How the checkpoint's model joins tiles, beside the stage."""


@dataclass(frozen=True)
class Joining:
    """How tiles are joined.

    Attributes:
        whole: which tile shows the whole image, "first" or "last".
        spatial: whether embeddings are laid out as the image lies; otherwise they stand one tile
            after the other.
        most: of spatial ones, the tiles whose embeddings are kept; None keeps all.
        newline: of spatial ones, what ends each of their rows, FP32 [hidden].
    """

    whole: str
    spatial: bool
    most: int | None
    newline: np.ndarray


def read(file: Path) -> Joining:
    """The file that the build wrote."""
    content = json.loads(file.read_text("utf-8"))
    return Joining(
        content["whole"],
        content["spatial"],
        content["most"],
        np.array(content["newline"], np.float32),
    )


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; it reads how tiles are joined, and has no parameters."""
    joining = read(folder / JOINING)

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        tiles, pooled, tiling = (inputs[name] for name in ("tile_embeds", "tile_pooled", "tiling"))
        rows, columns, height, width = _checked(tiles, pooled, tiling, joining)
        if joining.spatial:
            found = spatial.join(
                tiles, (rows, columns), (height, width), joining.newline, joining.most
            )
        else:
            found = tiles.reshape(-1, tiles.shape[2])
        return {
            "image_embeds": found,
            "pooled": pooled[0 if joining.whole == "first" else -1],
        }

    return run


def _checked(
    tiles: np.ndarray, pooled: np.ndarray, tiling: np.ndarray, joining: Joining
) -> tuple[int, int, int, int]:
    """What ``tiling`` says; refuses tensors that do not fit together."""
    if len(tiles) != len(pooled):
        raise InvalidArgument(
            "expected tile_embeds and tile_pooled of equally many tiles, "
            f"found {len(tiles)} and {len(pooled)}"
        )
    said = [int(each) for each in tiling.reshape(-1)]
    if len(said) != 4 or min(said) < 0 or min(said[2:]) < 1:
        raise InvalidArgument(
            "tiling must be four numbers: rows and columns of tiles, height and width of the "
            f"image; found {said[:8]}"
        )
    rows, columns, height, width = said
    if rows * columns + 1 != len(tiles):
        raise InvalidArgument(
            f"expected {rows * columns + 1} tiles, as tiling says {rows} rows and {columns} "
            f"columns beside the whole image, found {len(tiles)}"
        )
    if joining.spatial and (
        tiles.shape[2] != len(joining.newline) or int(tiles.shape[1] ** 0.5) ** 2 != tiles.shape[1]
    ):
        raise InvalidArgument(
            "tile_embeds must have a square number of tokens a tile, and a hidden size of "
            f"{len(joining.newline)}, found {list(tiles.shape)}"
        )
    return rows, columns, height, width
