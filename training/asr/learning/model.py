"""The network: Parakeet CTC as transformers has it, at a fiftieth of the width of the real ones."""

from __future__ import annotations

from typing import Any

import torch

from training.asr.text import tokenizer

HIDDEN, LAYERS, HEADS, CHANNELS = 144, 7, 4, 32


def build(seed: int) -> Any:
    """A ``ParakeetForCTC`` with fresh weights.

    Linear and convolutional layers keep torch's own initialisation, as NeMo trains Parakeet:
    transformers' 0.02 for all of them lets hardly anything through the subsampling at this width.
    """
    from transformers import ParakeetCTCConfig, ParakeetEncoderConfig, ParakeetForCTC

    blank = len(tokenizer.pieces())
    encoder = ParakeetEncoderConfig(
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=2 * HIDDEN,
        conv_kernel_size=9,
        subsampling_factor=8,
        subsampling_conv_channels=CHANNELS,
        num_mel_bins=80,
        dropout=0.05,
        activation_dropout=0.0,
        attention_dropout=0.0,
        layerdrop=0.0,
    )
    torch.manual_seed(seed)
    model = ParakeetForCTC(
        ParakeetCTCConfig(vocab_size=blank + 1, pad_token_id=blank, encoder_config=encoder)
    )
    for module in model.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv1d | torch.nn.Conv2d):
            module.reset_parameters()
    return model


def frames_out(frames: int) -> int:
    """How many steps the model gives for so many frames of features: three halvings."""
    for _ in range(3):
        frames = (frames - 1) // 2 + 1
    return frames
