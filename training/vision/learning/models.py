"""The two networks: SigLIP and LLaVA as transformers has them, at a sixth of the real width."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from training.vision.scenes.draw import PATCH
from training.vision.scenes.scene import SIDE
from training.vision.text import tokenizer

HIDDEN, LAYERS, HEADS, INNER = 128, 4, 4, 384
"""Of the vision tower."""

TEXT_LAYERS, TEXT_INNER = 2, 256

LANGUAGE_HIDDEN, LANGUAGE_LAYERS, LANGUAGE_HEADS, LANGUAGE_INNER = 160, 4, 5, 384

FEATURE_LAYER = -1
"""The hidden state that the language model is given: the last, before the layer norm after it."""

IMAGE_TOKENS = (SIDE // PATCH) ** 2

CONTEXT = 512
"""Tokens that the language model takes."""


def siglip(seed: int) -> Any:
    """A ``SiglipModel`` with fresh weights."""
    from transformers import SiglipConfig, SiglipModel

    torch.manual_seed(seed)
    config = SiglipConfig(
        text_config={
            "vocab_size": tokenizer.VOCABULARY,
            "hidden_size": HIDDEN,
            "intermediate_size": TEXT_INNER,
            "num_hidden_layers": TEXT_LAYERS,
            "num_attention_heads": HEADS,
            "max_position_embeddings": tokenizer.TEXT_LENGTH,
            "projection_size": HIDDEN,
            "pad_token_id": tokenizer.SPECIAL.index(tokenizer.PAD),
            "bos_token_id": tokenizer.SPECIAL.index(tokenizer.START),
            "eos_token_id": tokenizer.SPECIAL.index(tokenizer.END),
        },
        vision_config={
            "hidden_size": HIDDEN,
            "intermediate_size": INNER,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "image_size": SIDE,
            "patch_size": PATCH,
            "vision_use_head": True,
        },
    )
    model = SiglipModel(config)
    with torch.no_grad():
        model.logit_scale.fill_(np.log(10))
        model.logit_bias.fill_(-10)
    return model


def llava(seed: int, tower: Any) -> Any:
    """A ``LlavaForConditionalGeneration`` with a trained tower, and all else fresh.

    Args:
        seed: of the fresh weights.
        tower: the ``SiglipVisionModel``, which is copied and will not learn.
    """
    from transformers import LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    torch.manual_seed(seed)
    config = LlavaConfig(
        vision_config=tower.config,
        text_config=LlamaConfig(
            vocab_size=tokenizer.VOCABULARY,
            hidden_size=LANGUAGE_HIDDEN,
            intermediate_size=LANGUAGE_INNER,
            num_hidden_layers=LANGUAGE_LAYERS,
            num_attention_heads=LANGUAGE_HEADS,
            num_key_value_heads=LANGUAGE_HEADS,
            max_position_embeddings=CONTEXT,
            bos_token_id=tokenizer.SPECIAL.index(tokenizer.START),
            eos_token_id=tokenizer.SPECIAL.index(tokenizer.END),
            pad_token_id=tokenizer.SPECIAL.index(tokenizer.PAD),
            tie_word_embeddings=False,
        ),
        image_token_index=tokenizer.SPECIAL.index(tokenizer.IMAGE),
        image_seq_length=IMAGE_TOKENS,
        vision_feature_layer=FEATURE_LAYER,
        vision_feature_select_strategy="full",
        projector_hidden_act="gelu",
        tie_word_embeddings=False,
    )
    model = LlavaForConditionalGeneration(config)
    model.model.vision_tower.load_state_dict(tower.state_dict())
    model.model.vision_tower.requires_grad_(False)
    return model


def pixel_values(pixels: np.ndarray) -> torch.Tensor:
    """Pixels, UINT8 [n, height, width, 3], as the tower takes them, FP32 [n, 3, height, width]."""
    values = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    return (values / 255 - 0.5) / 0.5
