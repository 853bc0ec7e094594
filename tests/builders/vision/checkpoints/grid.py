"""Random tiny checkpoints of every eye that takes patches of grids."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

TEXT = {
    "vocab_size": 64,
    "hidden_size": 24,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
PROCESSOR: Mapping[str, Any] = {
    "image_processor_type": "Qwen2VLImageProcessor",
    "size": {"shortest_edge": 16 * 16 * 4, "longest_edge": 16 * 16 * 160},
    "patch_size": 8,
    "merge_size": 2,
    "temporal_patch_size": 2,
}


def qwen2_vl(folder: Path, **vision: Any) -> Path:
    """A Qwen2-VL."""
    settings = {"depth": 2, "embed_dim": 32, "hidden_size": 24, "num_heads": 2, "patch_size": 8}
    rope = {"rope_type": "default", "mrope_section": [2, 2, 2], "rope_theta": 10000.0}
    return _saved("Qwen2VL", folder, settings | vision, {"rope_parameters": rope})


def qwen2_5_vl(folder: Path, **vision: Any) -> Path:
    """A Qwen2.5-VL, whose windows have three by three tokens, and whose second layer sees all."""
    settings = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_heads": 2,
        "patch_size": 8,
        "window_size": 48,
        "out_hidden_size": 24,
        "fullatt_block_indexes": [1],
    }
    rope = {"rope_type": "default", "mrope_section": [2, 2, 2], "rope_theta": 10000.0}
    return _saved("Qwen2_5_VL", folder, settings | vision, {"rope_parameters": rope})


def qwen3_vl(folder: Path, **vision: Any) -> Path:
    """A Qwen3-VL, both of whose layers give features to the language model."""
    settings = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_heads": 2,
        "patch_size": 8,
        "out_hidden_size": 24,
        "num_position_embeddings": 25,
        "deepstack_visual_indexes": [0, 1],
    }
    rope = {"rope_type": "default", "mrope_section": [2, 2, 2], "rope_theta": 10000.0}
    text = {"rope_parameters": rope, "head_dim": 12}
    return _saved("Qwen3VL", folder, settings | vision, text)


def processor_alone(folder: Path) -> Path:
    """The image processor of each of them."""
    (folder / "preprocessor_config.json").write_text(json.dumps(PROCESSOR), "utf-8")
    return folder


Maker = Callable[[Path], Path]

EYES: Mapping[str, Maker] = {
    "Qwen2-VL": qwen2_vl,
    "Qwen2.5-VL": qwen2_5_vl,
    "Qwen2.5-VL, all in windows": partial(qwen2_5_vl, fullatt_block_indexes=[]),
    "Qwen3-VL": qwen3_vl,
    "Qwen3-VL, no deep features": partial(qwen3_vl, deepstack_visual_indexes=[]),
}
"""Every eye that takes patches of grids."""


def _saved(name: str, folder: Path, vision: Mapping[str, Any], text: Mapping[str, Any]) -> Path:
    import torch
    import transformers

    torch.manual_seed(3)
    transformers.utils.logging.disable_progress_bar()
    config = getattr(transformers, f"{name}Config")(
        vision_config=dict(vision), text_config={**TEXT, **text}
    )
    model = getattr(transformers, f"{name}ForConditionalGeneration")(config)
    with torch.no_grad():
        # Norms and biases of a fresh model are ones and zeros, which would hide what is left out.
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    return processor_alone(folder)
