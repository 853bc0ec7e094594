"""A Parakeet CTC checkpoint to one ONNX file: samples in, log-probabilities of tokens out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from builders.asr.fast_conformer import FastConformer
from builders.asr.log_mel import FeatureConfig, LogMel, read_feature_config
from builders.kit import onnx as kit_onnx
from builders.kit.source_error import SourceError, read_settings

MODEL_TYPE = "parakeet_ctc"
RATE = 16000
"""Hz; what the pipeline's sound has, and every Parakeet wants."""


class Acoustic(nn.Module):  # type: ignore[misc]
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
    """The feature extractor's settings of what is, by its settings, a Parakeet CTC checkpoint.

    Raises:
        SourceError: it is none, or of sound at another rate than 16 kHz.
    """
    kind = read_settings(checkpoint / "config.json").get("model_type")
    if kind != MODEL_TYPE:
        raise SourceError(
            f"{checkpoint}: expected model_type '{MODEL_TYPE}', found {kind!r}. "
            "Name a folder of Parakeet CTC as the source; Whisper goes in as component 'whisper'."
        )
    config = read_feature_config(checkpoint)
    if config.sampling_rate != RATE:
        raise SourceError(
            f"{checkpoint}: expected a model of sound at {RATE} Hz, found {config.sampling_rate}. "
            "Use a checkpoint for 16 kHz."
        )
    return config


def load_acoustic(checkpoint: Path) -> Acoustic:
    """The module of a checkpoint, ready to be exported or run.

    Raises:
        SourceError: not a Parakeet CTC checkpoint of sound at 16 kHz.
    """
    config = form(checkpoint)
    model = kit_onnx.load_transformers(checkpoint, "AutoModelForCTC")
    bins = model.config.encoder_config.num_mel_bins
    if bins != config.feature_size:
        raise SourceError(
            f"{checkpoint}: expected a feature extractor of {bins} mel bins, as the encoder has, "
            f"found {config.feature_size}. Fetch the checkpoint again."
        )
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
    factor = module.model.config.encoder_config.subsampling_factor
    config = module.features.config
    return float(factor * config.hop_length / config.sampling_rate)
