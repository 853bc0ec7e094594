"""Tiny checkpoints of random weights that see an image in tiles, as transformers saves them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

LLAMA = {
    "model_type": "llama",
    "hidden_size": 24,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "vocab_size": 64,
    "pad_token_id": 0,
}
"""The language model: its hidden size alone counts here."""

QWEN = {**LLAMA, "model_type": "qwen2"}

SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
}
"""Of every tower."""

GRID = [[28, 56], [56, 28], [56, 56], [84, 28], [28, 84]]
"""LLaVA-NeXT's five grids, for tiles of 28 pixels."""


def grid(side: int, most: int) -> list[list[int]]:
    """Every grid of up to ``most`` by ``most`` tiles of a side."""
    return [
        [side * rows, side * columns]
        for rows in range(1, most + 1)
        for columns in range(1, most + 1)
    ]


def spread(model: Any) -> Any:
    """Let weights be large enough for what is seen to decide what comes out."""
    import torch

    torch.manual_seed(5)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "position_embedding" in name:
                value.normal_(0, 0.5)
            elif value.dim() > 1:
                value.normal_(0, 1.2 / value[0].numel() ** 0.5)
            elif "bias" in name or "norm" in name or "lambda" in name or "newline" in name:
                value.normal_(0.5 if "weight" in name or "lambda" in name else 0, 0.3)
    return model.eval()


def llava_next(folder: Path, **settings: Any) -> Path:
    """LLaVA-NeXT: tiles of a grid behind the whole image, a CLIP tower."""
    from transformers import (
        LlavaNextConfig,
        LlavaNextForConditionalGeneration,
        LlavaNextImageProcessorPil,
    )

    vision = settings.pop("vision", {"model_type": "clip_vision_model", "projection_dim": 16})
    pinpoints = settings.pop("image_grid_pinpoints", GRID)
    config = LlavaNextConfig(
        vision_config={**SIZES, "image_size": 28, "patch_size": 7, **vision},
        text_config=LLAMA,
        image_grid_pinpoints=pinpoints,
        image_token_index=5,
        **settings,
    )
    spread(LlavaNextForConditionalGeneration(config)).save_pretrained(folder)
    LlavaNextImageProcessorPil(
        size={"shortest_edge": 28},
        crop_size={"height": 28, "width": 28},
        image_grid_pinpoints=pinpoints,
    ).save_pretrained(folder)
    return folder


def llava_onevision(folder: Path, **settings: Any) -> Path:
    """LLaVA-OneVision: any grid up to 4 by 4, more than so many tokens are made fewer."""
    from transformers import (
        LlavaOnevisionConfig,
        LlavaOnevisionForConditionalGeneration,
        LlavaOnevisionImageProcessorPil,
    )

    vision = {"model_type": "siglip_vision_model", "vision_use_head": False}
    pinpoints = settings.pop("image_grid_pinpoints", grid(24, 4))
    config = LlavaOnevisionConfig(
        vision_config={**SIZES, "image_size": 24, "patch_size": 6, **vision},
        text_config=QWEN,
        image_grid_pinpoints=pinpoints,
        image_token_index=5,
        video_token_index=6,
        **{"vision_aspect_ratio": "anyres_max_4", **settings},
    )
    spread(LlavaOnevisionForConditionalGeneration(config)).save_pretrained(folder)
    LlavaOnevisionImageProcessorPil(
        size={"height": 24, "width": 24}, image_grid_pinpoints=pinpoints
    ).save_pretrained(folder)
    return folder


def internvl(folder: Path, **settings: Any) -> Path:
    """InternVL: tiles, then the whole image; four tokens of a tile are made one."""
    from transformers import (
        GotOcr2ImageProcessorPil,
        InternVLConfig,
        InternVLForConditionalGeneration,
    )

    vision = settings.pop("vision", {})
    processor = {"crop_to_patches": True, "max_patches": 6, **settings.pop("processor", {})}
    config = InternVLConfig(
        vision_config={**SIZES, "image_size": [28, 28], "patch_size": [7, 7], **vision},
        text_config=QWEN,
        image_token_id=5,
        image_seq_length=4,
        **settings,
    )
    spread(InternVLForConditionalGeneration(config)).save_pretrained(folder)
    GotOcr2ImageProcessorPil(size={"height": 28, "width": 28}, **processor).save_pretrained(folder)
    return folder


def _idefics(folder: Path, name: str, processor: Mapping[str, Any], settings: Any) -> Path:
    import transformers

    config = getattr(transformers, f"{name}Config")(
        vision_config={**SIZES, "image_size": 24, "patch_size": 6},
        text_config=LLAMA,
        image_token_id=5,
        **settings,
    )
    model = getattr(transformers, f"{name}ForConditionalGeneration")(config)
    spread(model).save_pretrained(folder)
    getattr(transformers, f"{name}ImageProcessorPil")(
        max_image_size={"longest_edge": 24}, **{"size": {"longest_edge": 96}, **processor}
    ).save_pretrained(folder)
    return folder


def idefics3(folder: Path, **settings: Any) -> Path:
    """Idefics3: rows and columns of tiles, then the whole image."""
    return _idefics(folder, "Idefics3", settings.pop("processor", {}), settings)


def smolvlm(folder: Path, **settings: Any) -> Path:
    """SmolVLM: as Idefics3; sixteen tokens of a tile are made one."""
    settings.setdefault("scale_factor", 4)
    return _idefics(folder, "SmolVLM", settings.pop("processor", {}), settings)


def gemma3(folder: Path, **settings: Any) -> Path:
    """Gemma 3: the whole image, and crops of one that is long or tall."""
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration, Gemma3ImageProcessorPil

    processor = {
        "do_pan_and_scan": True,
        "pan_and_scan_min_crop_size": 16,
        "pan_and_scan_max_num_crops": 4,
        "pan_and_scan_min_ratio_to_activate": 1.2,
        **settings.pop("processor", {}),
    }
    head = settings.pop("head", False)
    config = Gemma3Config(
        vision_config={
            **SIZES,
            "model_type": "siglip_vision_model",
            "image_size": 28,
            "patch_size": 7,
            "vision_use_head": head,
        },
        text_config={
            "hidden_size": 24,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": 12,
            "vocab_size": 64,
            "pad_token_id": 0,
        },
        mm_tokens_per_image=4,
        image_token_index=5,
        boi_token_index=6,
        eoi_token_index=7,
        **settings,
    )
    spread(Gemma3ForConditionalGeneration(config)).save_pretrained(folder)
    Gemma3ImageProcessorPil(size={"height": 28, "width": 28}, **processor).save_pretrained(folder)
    return folder


MAKERS: Mapping[str, Callable[..., Path]] = {
    "llava_next": llava_next,
    "llava_onevision": llava_onevision,
    "internvl": internvl,
    "idefics3": idefics3,
    "smolvlm": smolvlm,
    "gemma3": gemma3,
}
"""By ``model_type``."""
