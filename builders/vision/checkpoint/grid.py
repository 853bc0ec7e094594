"""Eyes that take the patches of a grid, any number of them: Qwen2-VL, Qwen2.5-VL and Qwen3-VL."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from builders.kit.sources.values import Values
from builders.vision.checkpoint.architecture import Architecture, Folder
from builders.vision.checkpoint.eye import Eye, Tower


@dataclass(frozen=True)
class GridTower(Tower):
    """A tower that takes patches of a grid.

    Attributes:
        merge: the side of the block of patches that becomes one token.
        frames: images that a patch goes through; a still image is repeated.
        window: the side of a window of attention, in tokens; 0 if no layer has windows.
        table: the side of the square of position embeddings; 0 if there are none.
        deep: how many earlier layers give features to the language model as well.
    """

    merge: int
    frames: int
    window: int
    table: int
    deep: int

    @property
    def unit(self) -> int:
        """Patches of a token."""
        return self.merge**2

    @property
    def width(self) -> int:
        """Numbers of a patch."""
        return 3 * self.frames * self.patch**2


@dataclass(frozen=True)
class _Form:
    """What one of the three has: keys of config.json, with defaults, and endings of names."""

    model_type: str
    hidden: tuple[str, int]
    out: tuple[str, int]
    layers: int
    patch: int
    last: str


_QWEN2 = _Form("qwen2_vl_vision", ("embed_dim", 1280), ("hidden_size", 3584), 32, 14, "mlp.2")
_QWEN2_5 = _Form(
    "qwen2_5_vl_vision", ("hidden_size", 3584), ("out_hidden_size", 3584), 32, 14, "mlp.2"
)
_QWEN3 = _Form(
    "qwen3_vl_vision", ("hidden_size", 1152), ("out_hidden_size", 3584), 27, 16, "linear_fc2"
)


def _qwen2_vl(folder: Folder) -> Eye:
    return _eye(folder, "Qwen2VLForConditionalGeneration", _QWEN2)


def _qwen2_5_vl(folder: Folder) -> Eye:
    vision = folder.part("vision_config")
    unit = vision.whole("patch_size", 14, 1) * vision.whole("spatial_merge_size", 2, 1)
    size = vision.whole("window_size", 112, 1)
    if size < unit:
        vision.refuse("window_size", f"{unit} or more, the side of a token")
    for each in vision.wholes("fullatt_block_indexes"):
        if each < 0:
            vision.refuse("fullatt_block_indexes", "numbers of layers, from 0 on")
    return _eye(folder, "Qwen2_5_VLForConditionalGeneration", _QWEN2_5, max(size // unit, 1))


def _qwen3_vl(folder: Folder) -> Eye:
    vision, headers = folder.part("vision_config"), folder.headers
    positions = vision.whole("num_position_embeddings", 2304, 1)
    side = math.isqrt(positions)
    if side**2 != positions:
        vision.refuse(
            "num_position_embeddings", "a square number, as position embeddings lie in a square"
        )
    layers = vision.whole("depth", _QWEN3.layers, 1)
    given = vision.content.get("deepstack_visual_indexes")
    deep = [8, 16, 24] if given is None else vision.wholes("deepstack_visual_indexes")
    if sorted(set(deep)) != deep or not all(0 <= each < layers for each in deep):
        vision.refuse("deepstack_visual_indexes", f"numbers from 0 to {layers - 1}, in order")
    folder.note({"pos_embed.weight": (positions, vision.whole("hidden_size", 1152, 1))})
    if deep:
        ending = f"deepstack_merger_list.{len(deep) - 1}.linear_fc2.weight"
        if headers.seen(ending) is None:
            folder.config.wrong.append(f"no weights *{ending}, as deepstack_visual_indexes asks")
    return _eye(folder, "Qwen3VLForConditionalGeneration", _QWEN3, table=side, deep=len(deep))


def _eye(
    folder: Folder, name: str, form: _Form, window: int = 0, table: int = 0, deep: int = 0
) -> Eye:
    vision = folder.part("vision_config")
    hidden, out = (vision.whole(key, default, 1) for key, default in (form.hidden, form.out))
    layers = vision.whole("depth", form.layers, 1)
    heads = vision.whole("num_heads", 16, 1)
    if hidden % heads or hidden // heads % 4:
        vision.refuse("num_heads", f"a divisor of {hidden} that gives heads of a multiple of 4")
    patch = vision.whole("patch_size", form.patch, 1, 256)
    merge = vision.whole("spatial_merge_size", 2, 1, 16)
    frames = vision.whole("temporal_patch_size", 2, 1, 16)
    vision.only({"in_channels": (3,), "in_chans": (3,)})
    _same_width(folder, out)
    last = f"blocks.{layers - 1}"
    expected: Mapping[str, tuple[int, ...]] = {
        "patch_embed.proj.weight": (hidden, 3, frames, patch, patch),
        f"{last}.norm1.weight": (hidden,),
        f"{last}.attn.qkv.weight": (3 * hidden, hidden),
        f"merger.{form.last}.weight": (out, merge**2 * hidden),
    }
    folder.note(expected)
    tower = GridTower(
        model_type=form.model_type,
        hidden=hidden,
        layers=layers,
        patch=patch,
        side=table * patch,
        positions=table**2,
        class_token=False,
        merge=merge,
        frames=frames,
        window=window,
        table=table,
        deep=deep,
    )
    return Eye(
        path=folder.path,
        architecture=name,
        kind="grid",
        tower=tower,
        feature_layers=(),
        strategy="full",
        tokens=0,
        hidden=out,
        pooled=out,
        pooling="mean",
        text=False,
    )


def _same_width(folder: Folder, out: int) -> None:
    """Note a language model of another width; older files have its settings on the top level."""
    nested = folder.config.content.get("text_config")
    text: Values = folder.part("text_config") if nested is not None else folder.config
    if text.whole("hidden_size", out, 1) != out:
        text.refuse("hidden_size", f"{out}, the width of what the tower gives")


ARCHITECTURES = (
    Architecture("Qwen2-VL", "qwen2_vl", "Qwen2VLForConditionalGeneration", _qwen2_vl),
    Architecture("Qwen2.5-VL", "qwen2_5_vl", "Qwen2_5_VLForConditionalGeneration", _qwen2_5_vl),
    Architecture("Qwen3-VL", "qwen3_vl", "Qwen3VLForConditionalGeneration", _qwen3_vl),
)
"""Every architecture of this kind that is served."""
