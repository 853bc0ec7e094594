"""Random tiny checkpoints of every eye that takes images of one size, and of SigLIP 2's NaFlex."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file, save_file

from tests.builders.vision.checkpoints.tokenizers import BEGIN, END, VOCABULARY

SIDE, PATCH = 32, 8
VISION = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": SIDE,
    "patch_size": PATCH,
}
TEXT = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "bos_token_id": BEGIN,
    "eos_token_id": END,
    "pad_token_id": END,
}
LLAMA = {
    "vocab_size": VOCABULARY,
    "hidden_size": 40,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
}
TOKENS = 16
"""The most that a text has."""

CLIP_PROCESSOR = {
    "image_processor_type": "CLIPImageProcessor",
    "do_resize": True,
    "size": {"shortest_edge": SIDE},
    "do_center_crop": True,
    "crop_size": {"height": SIDE, "width": SIDE},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.48, 0.46, 0.41],
    "image_std": [0.27, 0.26, 0.28],
    "resample": 3,
}
SIGLIP_PROCESSOR = {
    "image_processor_type": "SiglipImageProcessor",
    "do_resize": True,
    "size": {"height": SIDE, "width": SIDE},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "resample": 3,
}
NAFLEX_PROCESSOR = {
    "image_processor_type": "Siglip2ImageProcessor",
    "patch_size": PATCH,
    "max_num_patches": 20,
}


def llava(folder: Path, tower: str = "clip", **config: Any) -> Path:
    """A LLaVA with CLIP's tower, or with SigLIP's."""
    transformers = _seeded()
    clip = tower == "clip"
    vision = transformers.CLIPVisionConfig if clip else transformers.SiglipVisionConfig
    settings = transformers.LlavaConfig(
        vision_config=vision(**VISION),
        text_config=transformers.LlamaConfig(**LLAMA),
        **{"vision_feature_select_strategy": "default" if clip else "full", **config},
    )
    model = transformers.LlavaForConditionalGeneration(settings)
    return _saved(model, folder, CLIP_PROCESSOR if clip else SIGLIP_PROCESSOR)


def clip(folder: Path, **text: Any) -> Path:
    """A whole CLIP."""
    transformers = _seeded()
    config = transformers.CLIPConfig(
        vision_config=dict(VISION),
        text_config={**TEXT, "max_position_embeddings": TOKENS, **text},
        projection_dim=24,
    )
    return _saved(transformers.CLIPModel(config), folder, CLIP_PROCESSOR)


def siglip(folder: Path, **vision: Any) -> Path:
    """A whole SigLIP."""
    transformers = _seeded()
    config = transformers.SiglipConfig(
        vision_config={**VISION, **vision},
        text_config={**TEXT, "max_position_embeddings": TOKENS},
    )
    return _saved(transformers.SiglipModel(config), folder, SIGLIP_PROCESSOR)


def siglip2(folder: Path, **vision: Any) -> Path:
    """A whole SigLIP 2 of the NaFlex kind."""
    transformers = _seeded()
    kept = {key: value for key, value in VISION.items() if key != "image_size"}
    config = transformers.Siglip2Config(
        vision_config={**kept, "num_patches": 16, **vision},
        text_config={**TEXT, "max_position_embeddings": TOKENS},
    )
    return _saved(transformers.Siglip2Model(config), folder, NAFLEX_PROCESSOR)


def tower_alone(folder: Path, name: str) -> Path:
    """A tower of the class of that name."""
    transformers = _seeded()
    clip = name.startswith("CLIP")
    if clip:
        config = transformers.CLIPVisionConfig(**VISION, projection_dim=24)
    else:
        config = transformers.SiglipVisionConfig(**VISION)
    model = getattr(transformers, name)(config)
    return _saved(model, folder, CLIP_PROCESSOR if clip else SIGLIP_PROCESSOR)


Maker = Callable[[Path], Path]

EYES: Mapping[str, Maker] = {
    "LLaVA, CLIP": llava,
    "LLaVA, CLIP, layers -3 and -2": functools.partial(llava, vision_feature_layer=[-3, -2]),
    "LLaVA, CLIP, layer 1, full": functools.partial(
        llava, vision_feature_layer=1, vision_feature_select_strategy="full"
    ),
    "LLaVA, SigLIP, layer -1": functools.partial(llava, tower="siglip", vision_feature_layer=-1),
    "LLaVA, SigLIP, default": functools.partial(
        llava, tower="siglip", vision_feature_select_strategy="default"
    ),
    "CLIP": clip,
    "SigLIP": siglip,
    "SigLIP without a head": functools.partial(siglip, vision_use_head=False),
    "CLIP's tower": functools.partial(tower_alone, name="CLIPVisionModel"),
    "CLIP's tower with its projection": functools.partial(
        tower_alone, name="CLIPVisionModelWithProjection"
    ),
    "SigLIP's tower": functools.partial(tower_alone, name="SiglipVisionModel"),
}
"""Every eye that takes images of one size, in the forms that checkpoints have."""


def edit(folder: Path, file: str = "config.json", **changes: Any) -> Path:
    """A checkpoint with other settings; a value of None takes a key out, a dict is merged."""
    content = json.loads((folder / file).read_text("utf-8"))
    for key, value in changes.items():
        if value is None:
            content.pop(key, None)
        elif isinstance(value, dict) and isinstance(content.get(key), dict):
            content[key] |= value
        else:
            content[key] = value
    (folder / file).write_text(json.dumps(content), "utf-8")
    return folder


def rename_weights(folder: Path, name: Callable[[str], str | None]) -> Path:
    """A checkpoint whose tensors have other names; None takes one out."""
    file = folder / "model.safetensors"
    tensors = {name(key): value for key, value in load_file(file).items()}
    save_file({key: value for key, value in tensors.items() if key is not None}, file)
    return folder


def _seeded() -> Any:
    import torch
    import transformers

    torch.manual_seed(3)
    transformers.utils.logging.disable_progress_bar()
    return transformers


def _saved(model: Any, folder: Path, processor: Mapping[str, Any]) -> Path:
    import torch

    with torch.no_grad():
        # Norms and biases of a fresh model are ones and zeros, which would hide what is left out.
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(processor), "utf-8")
    return folder
