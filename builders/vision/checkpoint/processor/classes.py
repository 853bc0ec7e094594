"""The image processors that are served, and what transformers has where a file leaves a key out.

A test compares this table with transformers' own classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["fixed", "anyres", "aspect_ratio", "splits", "pan_and_scan", "grid", "naflex"]
"""What a processor makes of an image: one of a fixed size; tiles, cut as LLaVA-NeXT, InternVL,
Idefics3 or Gemma 3 do it; patches of a grid; or a filled-up sequence of patches."""

NEAREST, LANCZOS, BILINEAR, BICUBIC = range(4)
"""Pillow's numbers for its filters; 4 and 5 are box and Hamming."""

_CLIP = ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])
_HALF = ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5])


@dataclass(frozen=True)
class ProcessorClass:
    """A class of image processors.

    Attributes:
        kind: what it makes of an image.
        defaults: its settings, by transformers' keys.
    """

    kind: Kind
    defaults: Mapping[str, Any]


def _class(
    kind: Kind,
    resample: int,
    norm: tuple[list[float], list[float]],
    size: Mapping[str, int] | None,
    **others: Any,
) -> ProcessorClass:
    mean, deviation = norm
    usual = {
        "do_resize": True,
        "size": size,
        "default_to_square": True,
        "resample": resample,
        "do_center_crop": None,
        "crop_size": None,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": mean,
        "image_std": deviation,
        "do_pad": None,
        "pad_size": None,
        "do_convert_rgb": True,
    }
    return ProcessorClass(kind, usual | others)


def _square(side: int) -> dict[str, int]:
    return {"height": side, "width": side}


_CROPPED = {"default_to_square": False, "do_center_crop": True, "crop_size": _square(224)}
_SHORTEST = {"shortest_edge": 224}
_SPLITS = _class(
    "splits",
    LANCZOS,
    _HALF,
    {"longest_edge": 4 * 364},
    do_pad=True,
    do_image_splitting=True,
    max_image_size={"longest_edge": 364},
)
_CLIP_LIKE = _class("fixed", BICUBIC, _CLIP, _SHORTEST, **_CROPPED)
_STEPS = tuple(384 * step for step in range(1, 7))

CLASSES: Mapping[str, ProcessorClass] = {
    "CLIPImageProcessor": _CLIP_LIKE,
    "ChineseCLIPImageProcessor": _CLIP_LIKE,
    "BitImageProcessor": _CLIP_LIKE,
    "SiglipImageProcessor": _class("fixed", BICUBIC, _HALF, _square(224), default_to_square=False),
    "ViTImageProcessor": _class("fixed", BILINEAR, _HALF, _square(224), do_convert_rgb=None),
    "DeiTImageProcessor": _class(
        "fixed",
        BICUBIC,
        _HALF,
        _square(256),
        do_center_crop=True,
        crop_size=_square(224),
        do_convert_rgb=None,
    ),
    "BlipImageProcessor": _class("fixed", BICUBIC, _CLIP, _square(384)),
    "LlavaImageProcessor": _class("fixed", BICUBIC, _CLIP, _SHORTEST, **_CROPPED, do_pad=False),
    "LlavaNextImageProcessor": _class(
        "anyres",
        BICUBIC,
        _CLIP,
        _SHORTEST,
        **_CROPPED,
        do_pad=True,
        image_grid_pinpoints=[[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]],
    ),
    "LlavaOnevisionImageProcessor": _class(
        "anyres",
        BICUBIC,
        _CLIP,
        _square(384),
        default_to_square=False,
        do_pad=True,
        image_grid_pinpoints=[[height, width] for height in _STEPS for width in _STEPS],
    ),
    "GotOcr2ImageProcessor": _class(
        "aspect_ratio",
        BICUBIC,
        _CLIP,
        _square(384),
        crop_to_patches=False,
        min_patches=1,
        max_patches=12,
    ),
    "Idefics3ImageProcessor": _SPLITS,
    "SmolVLMImageProcessor": _SPLITS,
    "Gemma3ImageProcessor": _class(
        "pan_and_scan",
        BILINEAR,
        _HALF,
        _square(224),
        do_pan_and_scan=None,
        pan_and_scan_min_crop_size=None,
        pan_and_scan_max_num_crops=None,
        pan_and_scan_min_ratio_to_activate=None,
    ),
    "Qwen2VLImageProcessor": _class(
        "grid",
        BICUBIC,
        _CLIP,
        {"shortest_edge": 56 * 56, "longest_edge": 28 * 28 * 1280},
        default_to_square=False,
        patch_size=14,
        temporal_patch_size=2,
        merge_size=2,
    ),
    "Siglip2ImageProcessor": _class(
        "naflex", BILINEAR, _HALF, None, do_convert_rgb=None, patch_size=16, max_num_patches=256
    ),
}
"""By the class's name in transformers, without what names its backend."""

OF_MODELS: Mapping[str, str] = {
    "clip": "CLIPImageProcessor",
    "siglip": "SiglipImageProcessor",
    "siglip2": "Siglip2ImageProcessor",
    "llava": "LlavaImageProcessor",
    "llava_next": "LlavaNextImageProcessor",
    "llava_onevision": "LlavaOnevisionImageProcessor",
    "internvl": "GotOcr2ImageProcessor",
    "idefics3": "Idefics3ImageProcessor",
    "smolvlm": "SmolVLMImageProcessor",
    "gemma3": "Gemma3ImageProcessor",
    "qwen2_vl": "Qwen2VLImageProcessor",
    "qwen2_5_vl": "Qwen2VLImageProcessor",
    "qwen3_vl": "Qwen2VLImageProcessor",
    "vit": "ViTImageProcessor",
}
"""``model_type`` in config.json -> the processor that transformers takes if the file names none."""
