"""A LLaVA of random weights, for speed alone: its eye has the sizes of CLIP's ViT-B/16.

The language model is a stub of one layer: only its width counts, which the projector gives.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

VOCABULARY, WIDTH = 64, 2048
"""Of the language model; the width is that of TinyLlama and Llama 3.2 1B."""


def configuration() -> Any:
    """The ``LlavaConfig``."""
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig

    return LlavaConfig(
        # The defaults of a CLIPVisionConfig are those of ViT-B, with patches of 32 pixels.
        vision_config=CLIPVisionConfig(patch_size=16),
        text_config=LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=WIDTH,
            intermediate_size=WIDTH,
            num_hidden_layers=1,
            num_attention_heads=16,
        ),
        image_token_index=VOCABULARY - 1,
        image_seq_length=(224 // 16) ** 2,
    )


def make(folder: Path, seed: int = 0) -> None:
    """Write the checkpoint, in Hugging Face format, with CLIP's own image processor.

    Args:
        folder: it is made if it is missing.
        seed: of the weights.
    """
    import torch
    from transformers import CLIPImageProcessorPil, LlavaForConditionalGeneration
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.manual_seed(seed)
    LlavaForConditionalGeneration(configuration()).save_pretrained(folder)
    CLIPImageProcessorPil().save_pretrained(folder)
