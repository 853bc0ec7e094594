"""The encoder with fewer operations says what transformers' own says, with biases and without."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from builders.asr.ctc.fast_conformer import FastConformer

VARIANTS: dict[str, dict[str, Any]] = {
    "biases": {},
    "no biases": {"attention_bias": False, "convolution_bias": False, "scale_input": False},
    "grouped heads": {"num_attention_heads": 6, "num_key_value_heads": 2},
    "one head for keys": {"num_key_value_heads": 1, "attention_bias": False},
    "heads of a size of their own": {"head_dim": 12, "num_key_value_heads": 1},
    "a quarter of the frames": {"subsampling_factor": 4, "conv_kernel_size": 9},
    "wider kernels": {"subsampling_conv_kernel_size": 5, "conv_kernel_size": 3},
    "larger strides": {
        "subsampling_conv_stride": 4,
        "subsampling_factor": 4,
        "subsampling_conv_kernel_size": 5,
    },
    "an even kernel": {"subsampling_conv_kernel_size": 4, "hidden_act": "gelu"},
    "one layer of convolution": {"subsampling_factor": 2, "num_mel_bins": 10},
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_logits_and_steps_are_those_of_transformers(variant: dict[str, Any]) -> None:
    from transformers import ParakeetCTCConfig, ParakeetEncoderConfig, ParakeetForCTC

    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "intermediate_size": 40,
        "conv_kernel_size": 5,
        "num_mel_bins": 16,
        "subsampling_conv_channels": 8,
    }
    encoder = ParakeetEncoderConfig(**sizes | variant)
    bins = encoder.num_mel_bins
    model = ParakeetForCTC(
        ParakeetCTCConfig(vocab_size=11, encoder_config=encoder.to_dict(), pad_token_id=10)
    ).eval()
    with torch.no_grad():
        for name, value in (*model.named_parameters(), *model.named_buffers()):
            if "running_var" in name:
                value.uniform_(0.5, 2)
            elif "bias" in name or "running_mean" in name:
                value.normal_(0, 0.3)
        # Rows of very unequal length: the short one ends within a window of every convolution.
        features, lengths = torch.randn(3, 83, bins), torch.tensor([83, 50, 9])
        mask = torch.arange(83)[None] < lengths[:, None]
        features = features * mask[:, :, None]
        wanted = model(input_features=features, attention_mask=mask).logits
        made = FastConformer(model)
        logits, steps = made(features, lengths)
        assert steps.tolist() == model._get_subsampling_output_length(lengths).tolist()
        assert steps[0] == pytest.approx(83 / made.stride, abs=1)
        for row, count in enumerate(steps.tolist()):
            torch.testing.assert_close(logits[row, :count], wanted[row, :count])
