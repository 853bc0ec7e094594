"""What transformers' own processor and model say of an image that is seen in tiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from builders.vision.checkpoint.read import read_eye
from builders.vision.checkpoint.tiled_eye import TiledEye


@dataclass(frozen=True)
class Told:
    """An image as transformers sees it.

    Attributes:
        tiles: FP32 [tiles, 3, side, side].
        tiling: rows and columns of tiles beside the whole image, its height and width.
        embeds: what ``get_image_features`` gives, FP32 [tokens, hidden].
        pooled: of the tile of the whole image, FP32 [width].
    """

    tiles: np.ndarray
    tiling: list[int]
    embeds: np.ndarray
    pooled: np.ndarray


class Seen:
    """A checkpoint's model and image processor.

    Args:
        checkpoint: its folder.
    """

    def __init__(self, checkpoint: Path) -> None:
        import transformers

        eye = read_eye(checkpoint)
        assert isinstance(eye, TiledEye)
        self.eye = eye
        self.model = getattr(transformers, eye.architecture).from_pretrained(checkpoint).eval()
        self.processor = transformers.AutoImageProcessor.from_pretrained(checkpoint, backend="pil")

    def look(self, image: Image.Image) -> Told:
        """What is seen of an image."""
        import torch

        # A side of one or three pixels could be taken for channels.
        given = self.processor(image, return_tensors="pt", input_data_format="channels_last")
        asked = {key: given[key] for key in ("pixel_values", "image_sizes") if key in given}
        if "pixel_attention_mask" in given:
            asked["pixel_attention_mask"] = given["pixel_attention_mask"]
        with torch.no_grad():
            embeds: Any = self.model.get_image_features(**asked).pooler_output
            if isinstance(embeds, list | tuple):
                embeds = torch.cat(list(embeds))
            tiles = given["pixel_values"].reshape(-1, *given["pixel_values"].shape[-3:])
            pooled = self._pooled(tiles[[0 if self.eye.whole == "first" else -1]])
        found = embeds.reshape(-1, self.eye.hidden).numpy()
        return Told(tiles.numpy(), self._tiling(len(tiles), image), found, pooled.numpy())

    def _pooled(self, tile: Any) -> Any:
        inner = self.model.model
        tower = inner.vision_tower if hasattr(inner, "vision_tower") else inner.vision_model
        found = tower(tile)
        pooled = getattr(found, "pooler_output", None)
        if pooled is not None:
            return pooled[0]
        internvl = "InternVL" in self.eye.architecture
        return found.last_hidden_state[0, 1 if internvl else 0 :].mean(0)

    def _tiling(self, tiles: int, image: Image.Image) -> list[int]:
        width, height = image.size
        if not self.eye.spatial:
            return [1, tiles - 1, height, width] if tiles > 1 else [0, 0, height, width]
        from transformers.models.llava_next.modeling_llava_next import get_anyres_image_grid_shape

        grid = [list(each) for each in self.eye.grid]
        rows, columns = get_anyres_image_grid_shape((height, width), grid, self.eye.tower.side)
        return [rows, columns, height, width]


def images(sizes: Iterable[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], Image.Image]]:
    """Images of widths and heights, smooth with noise, each with its size."""
    for number, (width, height) in enumerate(sizes):
        random = np.random.default_rng(number)
        few = Image.fromarray(random.integers(0, 256, (5, 5, 3), np.uint8))
        smooth = np.asarray(few.resize((width, height), Image.Resampling.BICUBIC), np.int16)
        noise = random.integers(-20, 21, smooth.shape)
        yield (width, height), Image.fromarray(np.clip(smooth + noise, 0, 255).astype(np.uint8))
