"""Eyes of LLaVA's kind that see an image in tiles: LLaVA-NeXT, LLaVA-OneVision and Gemma 3."""

from __future__ import annotations

import re

from builders.kit.sources.values import Values
from builders.vision.checkpoint.architecture import Architecture, Folder
from builders.vision.checkpoint.eye import Tower
from builders.vision.checkpoint.fixed import (
    feature_layers,
    llava_tower,
    pooling_of,
    projector_width,
)
from builders.vision.checkpoint.tiled_eye import TiledEye
from builders.vision.checkpoint.tower import SIGLIP, read_tower

_NEXT_GRID = ((336, 672), (672, 336), (672, 672), (1008, 336), (336, 1008))
_ONEVISION_GRID = tuple(
    (384 * rows, 384 * columns) for rows in range(1, 7) for columns in range(1, 7)
)
_SO400M = {
    "model_type": "siglip_vision_model",
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "patch_size": 14,
    "image_size": 384,
    "num_hidden_layers": 26,
    "num_attention_heads": 16,
    "vision_use_head": False,
}
"""The tower of a LLaVA-OneVision that names none."""


def _next(folder: Folder) -> TiledEye:
    folder.config.only({"vision_feature_select_strategy": ("default", "full")})
    return _llava(folder, "LlavaNextForConditionalGeneration", _NEXT_GRID, -2, "default")


def _onevision(folder: Folder) -> TiledEye:
    config = folder.config
    config.only({"vision_feature_select_strategy": ("default", "full")})
    given = config.content.get("vision_aspect_ratio", "anyres_max_9")
    found = re.fullmatch(r"anyres_max_([1-9]\d{0,3})", given if isinstance(given, str) else "")
    if found is None:
        config.refuse("vision_aspect_ratio", "anyres_max_ and a number from 1 to 9999")
    return _llava(
        folder,
        "LlavaOnevisionForConditionalGeneration",
        _ONEVISION_GRID,
        -1,
        "full",
        int(found[1]) if found else 1,
    )


def _llava(
    folder: Folder,
    architecture: str,
    usual_grid: tuple[tuple[int, int], ...],
    usual_layer: int,
    usual_strategy: str,
    most: int | None = None,
) -> TiledEye:
    config, vision = folder.config, folder.part("vision_config")
    if not vision.content and usual_strategy == "full":
        vision = Values(vision.file, _SO400M, vision.wrong)
    tower = llava_tower(folder, vision)
    layers: tuple[int, ...] = (usual_layer,)
    if config.content.get("vision_feature_layer") is not None:
        layers = feature_layers(config, tower.layers)
    strategy = str(config.content.get("vision_feature_select_strategy") or usual_strategy)
    tokens = (tower.side // tower.patch) ** 2
    if tower.positions - (strategy == "default") != tokens:
        config.refuse(
            "vision_feature_select_strategy",
            f"one that keeps {tokens} of {tower.positions} features, one for each patch of a tile",
        )
    hidden = projector_width(folder, tower.hidden * len(layers))
    folder.note({"image_newline": (hidden,)})
    pooling, pooled = pooling_of(folder, vision, tower)
    return TiledEye(
        path=folder.path,
        architecture=architecture,
        kind="tiled",
        tower=tower,
        feature_layers=layers,
        strategy=strategy,
        tokens=tokens,
        hidden=hidden,
        pooled=pooled,
        pooling=pooling,
        text=False,
        features=tokens,
        width=tower.hidden * len(layers),
        spatial=True,
        grid=_grid(config, tower, usual_grid),
        most=most,
    )


def _grid(
    config: Values, tower: Tower, usual: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int], ...]:
    """Heights and widths that an image is brought to, each of whole tiles."""
    given = config.content.get("image_grid_pinpoints")
    found = [list(each) for each in usual] if given is None else given
    if (
        isinstance(found, list)
        and found
        and all(
            isinstance(each, list)
            and len(each) == 2
            and all(type(side) is int and side > 0 and side % tower.side == 0 for side in each)
            for each in found
        )
    ):
        return tuple((height, width) for height, width in found)
    config.refuse("image_grid_pinpoints", f"pairs of multiples of {tower.side}, a tile's side")
    return ((tower.side, tower.side),)


def _gemma(folder: Folder) -> TiledEye:
    config, vision = folder.config, folder.part("vision_config")
    vision.only({"model_type": ("siglip_vision_model",)})
    tower = read_tower(folder, vision, "siglip_vision_model", SIGLIP)
    patches = tower.side // tower.patch
    asked = config.whole("mm_tokens_per_image", 256, 1, patches**2)
    side = int(asked**0.5)
    if side**2 != asked or patches % side:
        config.refuse("mm_tokens_per_image", f"the square of a divisor of {patches}")
    shape = folder.headers.seen("multi_modal_projector.mm_input_projection_weight")
    hidden = shape[1] if shape and len(shape) == 2 else 1
    folder.note(
        {
            "multi_modal_projector.mm_input_projection_weight": (tower.hidden, hidden),
            "multi_modal_projector.mm_soft_emb_norm.weight": (tower.hidden,),
        }
    )
    pooling, pooled = pooling_of(folder, vision, tower)
    return TiledEye(
        path=folder.path,
        architecture="Gemma3ForConditionalGeneration",
        kind="tiled",
        tower=tower,
        feature_layers=(),
        strategy="full",
        tokens=asked,
        hidden=hidden,
        pooled=pooled,
        pooling=pooling,
        text=False,
        features=patches**2,
        width=tower.hidden,
        squeeze=patches // side,
    )


ARCHITECTURES = (
    Architecture("LLaVA-NeXT", "llava_next", "LlavaNextForConditionalGeneration", _next),
    Architecture(
        "LLaVA-OneVision", "llava_onevision", "LlavaOnevisionForConditionalGeneration", _onevision
    ),
    Architecture("Gemma 3's tower", "gemma3", "Gemma3ForConditionalGeneration", _gemma),
)
