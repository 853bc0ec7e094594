"""The encoder with fewer operations says what transformers' own says, with biases and without."""

from __future__ import annotations

import pytest
import torch

from builders.asr.fast_conformer import FastConformer


@pytest.mark.parametrize("biases", [True, False])
def test_logits_and_steps_are_those_of_transformers(biases: bool) -> None:
    from transformers import ParakeetCTCConfig, ParakeetEncoderConfig, ParakeetForCTC

    torch.manual_seed(0)
    encoder = ParakeetEncoderConfig(
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=40,
        conv_kernel_size=5,
        num_mel_bins=16,
        subsampling_conv_channels=8,
        attention_bias=biases,
        convolution_bias=biases,
        scale_input=biases,
    )
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
        features, lengths = torch.randn(3, 83, 16), torch.tensor([83, 50, 9])
        mask = torch.arange(83)[None] < lengths[:, None]
        features = features * mask[:, :, None]
        wanted = model(input_features=features, attention_mask=mask).logits
        logits, steps = FastConformer(model)(features, lengths)
        assert steps.tolist() == model._get_subsampling_output_length(lengths).tolist()
        for row, count in enumerate(steps.tolist()):
            torch.testing.assert_close(logits[row, :count], wanted[row, :count])
