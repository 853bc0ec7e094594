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

FEATURE_LAYERS = [0, -1]
"""The hidden states that the language model is given, one beside the other.

The last, before the layer norm after it, knows what a patch shows, and has half forgotten where the
patch is. The first, before all layers, knows the place.
"""

FIRST_SCALE = 5.0
"""How much smaller the first is than the last; the projector's fresh weights make up for it."""

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
        vision_feature_layer=FEATURE_LAYERS,
        vision_feature_select_strategy="full",
        projector_hidden_act="gelu",
        tie_word_embeddings=False,
    )
    model = LlavaForConditionalGeneration(config)
    _widen(model)
    model.model.vision_tower.load_state_dict(tower.state_dict())
    model.model.vision_tower.requires_grad_(False)
    return model


def _widen(model: Any) -> None:
    """Fresh weights by the width of their layers.

    transformers' 0.02 for all of them lets hardly anything through at this width: what is asked
    then finds its place in the image after hours only.
    """
    inner = model.model
    with torch.no_grad():
        inner.language_model.embed_tokens.weight.normal_(0, 0.5)
        for part in (inner.multi_modal_projector, inner.language_model):
            for name, module in part.named_modules():
                if isinstance(module, torch.nn.Linear):
                    last = name.endswith(("o_proj", "down_proj"))
                    share = (2 * LANGUAGE_LAYERS) ** -0.5 if last else 1.0
                    module.weight.normal_(0, share * module.in_features**-0.5)
        inner.multi_modal_projector.linear_1.weight[:, :HIDDEN] *= FIRST_SCALE
        # Like finds like from the start: a question's words what the image's tokens are named.
        first = inner.language_model.layers[0].self_attn
        first.k_proj.weight.copy_(first.q_proj.weight)


def features(seen: Any) -> torch.Tensor:
    """What the projector is given, FP32 [n, patches, 2 * hidden], of a tower's output."""
    return torch.cat([seen.hidden_states[layer] for layer in FEATURE_LAYERS], -1).float()


def pixel_values(pixels: np.ndarray) -> torch.Tensor:
    """Pixels, UINT8 [n, height, width, 3], as the tower takes them, FP32 [n, 3, height, width]."""
    values = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    return (values / 255 - 0.5) / 0.5
