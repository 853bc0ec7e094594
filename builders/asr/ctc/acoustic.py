"""A Parakeet CTC checkpoint to one ONNX file: samples in, log-probabilities of tokens out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from builders.asr.ctc.fast_conformer import FastConformer
from builders.asr.ctc.log_mel import FeatureConfig, LogMel, feature_config
from builders.asr.supported import PARAKEET, read_config
from builders.kit import onnx as kit_onnx
from builders.kit.sources.values import Values, refuse_all


class Acoustic(nn.Module):
    """Log-mel features, the FastConformer encoder and its CTC head as one module.

    Args:
        features: the feature extractor.
        model: a ``ParakeetForCTC``.
    """

    def __init__(self, features: LogMel, model: Any) -> None:
        super().__init__()
        self.features = features
        self.model = model
        self.encoder = FastConformer(model)

    def forward(self, windows: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """FP32 [rows, length], INT32 [rows] -> log-probabilities and counts of steps.

        The former are FP32 [rows, steps, tokens], the latter INT32 [rows]. Steps behind a row's
        own count hold zeros.
        """
        features, frames = self.features(windows, lengths)
        logits, steps = self.encoder(features, frames)
        there = torch.arange(logits.shape[1], device=logits.device)[None] < steps[:, None]
        log_probs = torch.log_softmax(logits, dim=-1) * there[:, :, None].to(logits.dtype)
        return log_probs, steps.to(torch.int32)


def form(checkpoint: Path) -> FeatureConfig:
    """The feature extractor's settings of a Parakeet CTC checkpoint, which is checked whole.

    Raises:
        SourceError: it is not one, or has settings that are not served; all of them are told.
    """
    content = read_config(checkpoint, PARAKEET)
    wrong: list[str] = []
    features = feature_config(checkpoint, wrong)
    inner = content.get("encoder_config")
    if not isinstance(inner, dict):
        wrong.append("config.json, encoder_config: none (expected the encoder's settings)")
        inner = {}
    encoder = Values("config.json, encoder_config", inner, wrong)
    heads = encoder.whole("num_attention_heads", 8, 1)
    if heads % encoder.whole("num_key_value_heads", heads, 1):
        encoder.refuse("num_key_value_heads", f"a divisor of {heads}, the num_attention_heads")
    if encoder.whole("conv_kernel_size", 9, 1) % 2 == 0:
        encoder.refuse("conv_kernel_size", "an odd number")
    if encoder.whole("hidden_size", 1024, 2) % 2:
        encoder.refuse("hidden_size", "an even number")
    _check_subsampling(encoder, features)
    model = Values("config.json", content, wrong)
    model.whole("pad_token_id", 1024, 0, model.whole("vocab_size", 1025, 1) - 1)
    refuse_all(checkpoint, "settings of a Parakeet CTC that are served", wrong)
    return features


def _check_subsampling(encoder: Values, features: FeatureConfig) -> None:
    """Note sizes with which transformers itself makes no model."""
    bins = encoder.whole("num_mel_bins", 80, 1)
    if bins != features.feature_size:
        encoder.refuse("num_mel_bins", f"{features.feature_size}, the extractor's feature_size")
    factor = encoder.whole("subsampling_factor", 8, 2)
    stride = encoder.whole("subsampling_conv_stride", 2, 1)
    kernel = encoder.whole("subsampling_conv_kernel_size", 3, 1)
    left = bins
    for _ in range(factor.bit_length() - 1):
        left = (left + 2 * ((kernel - 1) // 2) - kernel) // stride + 1
    if left != bins // stride ** (factor.bit_length() - 1) or left < 1:
        encoder.refuse(
            "subsampling_conv_kernel_size",
            f"one with which a stride of {stride} and {factor.bit_length() - 1} levels divide "
            f"{bins} mel bins",
        )


def load_acoustic(checkpoint: Path) -> Acoustic:
    """The module of a checkpoint, ready to be exported or run.

    Raises:
        SourceError: not a Parakeet CTC checkpoint that is served.
    """
    config = form(checkpoint)
    model = kit_onnx.load_transformers(checkpoint, PARAKEET.model_class)
    module = Acoustic(LogMel(config), model)
    module.eval()
    return module


def acoustic(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Writes the ONNX file.

    Its inputs and outputs are those of :meth:`Acoustic.forward`, as ``windows`` and ``lengths``,
    ``log_probs`` and ``steps``, with dynamic rows, length and steps.

    Args:
        checkpoint: a folder of Parakeet CTC in Hugging Face format.
        out: the file to write.

    Returns:
        Facts for the manifest: the architecture, its sizes, and the seconds that a step lasts.

    Raises:
        SourceError: not such a checkpoint.
        OnnxError: torch cannot export it.
    """
    module = load_acoustic(checkpoint)
    windows = 0.1 * torch.sin(torch.arange(2 * 24000) / 7).reshape(2, 24000)
    model = kit_onnx.export_torch(
        module,
        {"windows": windows, "lengths": torch.tensor([24000, 20000], dtype=torch.int32)},
        axes={"windows": {0: "rows", 1: "length"}, "lengths": {0: "rows"}},
        outputs=["log_probs", "steps"],
    )
    kit_onnx.rename(model, axes={"log_probs": {0: "rows", 1: "steps"}, "steps": {0: "rows"}})
    kit_onnx.save(model, out)
    config = module.model.config
    return {
        "architecture": type(module.model).__name__,
        "parameters": sum(each.numel() for each in module.model.parameters()),
        "tokens": config.vocab_size,
        "seconds_per_step": step_seconds(module),
    }


def step_seconds(module: Acoustic) -> float:
    """The seconds of sound from one step of the encoder's output to the next."""
    config = module.features.config
    return float(module.encoder.stride * config.hop_length / config.sampling_rate)
