"""Log-mel features as a torch module, so that they are exported in one graph with the model.

The short-time Fourier transform is a convolution with the transform's own basis: plain Conv and
MatMul nodes, which every execution provider has, where ONNX's ``STFT`` is left to the CPU.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from builders.kit.sources import SourceError

ZERO_GUARD = 2.0**-24
"""Added to mel energies before the logarithm (ParakeetFeatureExtractor: LOG_ZERO_GUARD_VALUE)."""

STD_GUARD = 1e-5
"""Added to the deviation that features are divided by (ParakeetFeatureExtractor: EPSILON)."""

EXTRACTOR = "ParakeetFeatureExtractor"


@dataclass(frozen=True)
class FeatureConfig:
    """What a checkpoint's feature extractor does.

    Attributes:
        sampling_rate: Hz.
        feature_size: mel bins.
        n_fft: samples of the transform.
        win_length: samples of the Hann window in it.
        hop_length: samples from frame to frame.
        preemphasis: the filter's coefficient; 0 is none.
    """

    sampling_rate: int
    feature_size: int
    n_fft: int
    win_length: int
    hop_length: int
    preemphasis: float


def read_feature_config(checkpoint: Path) -> FeatureConfig:
    """The feature extractor's settings, from ``preprocessor_config.json``.

    They may also stand in ``processor_config.json``, under ``feature_extractor``, where
    transformers 5 writes them.

    Raises:
        SourceError: no such file, or another feature extractor than Parakeet's.
    """
    found = _settings(checkpoint)
    kind = found.get("feature_extractor_type")
    if kind != EXTRACTOR:
        raise SourceError(
            f"{checkpoint}: expected the settings of a {EXTRACTOR}, found "
            f"{'none' if kind is None else repr(kind)}. Name a Parakeet CTC folder as the source."
        )
    try:
        return FeatureConfig(
            sampling_rate=int(found.get("sampling_rate", 16000)),
            feature_size=int(found.get("feature_size", 80)),
            n_fft=int(found.get("n_fft", 512)),
            win_length=int(found.get("win_length", 400)),
            hop_length=int(found.get("hop_length", 160)),
            preemphasis=float(found.get("preemphasis") or 0.0),
        )
    except (TypeError, ValueError) as error:
        raise SourceError(
            f"{checkpoint}: expected numbers as settings of its feature extractor, found {error}. "
            "Fetch the checkpoint again."
        ) from error


def _settings(checkpoint: Path) -> dict[str, Any]:
    for name, key in (
        ("preprocessor_config.json", None),
        ("processor_config.json", "feature_extractor"),
    ):
        path = checkpoint / name
        if not path.is_file():
            continue
        try:
            content = json.loads(path.read_bytes())
        except ValueError as error:
            raise SourceError(f"{path}: expected JSON, found: {error}. Fetch it again.") from error
        settings = content.get(key) if key and isinstance(content, dict) else content
        if isinstance(settings, dict):
            return settings
    raise SourceError(
        f"{checkpoint}: expected preprocessor_config.json or processor_config.json with the "
        "settings of the feature extractor, found neither. Fetch the checkpoint again."
    )


class LogMel(nn.Module):  # type: ignore[misc]
    """Samples to normalised log-mel features, as transformers' ParakeetFeatureExtractor gives them.

    Args:
        config: the checkpoint's settings.
    """

    def __init__(self, config: FeatureConfig) -> None:
        super().__init__()
        self.config = config
        self.basis = nn.Buffer(torch.from_numpy(fourier_basis(config)))
        self.filters = nn.Buffer(torch.from_numpy(mel_filters(config)))

    def forward(self, samples: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """FP32 [rows, length], INT [rows] -> features [rows, frames, bins], frames [rows].

        The latter are those of the row's own samples; behind them features are 0.
        """
        config = self.config
        if config.preemphasis:
            filtered = samples[:, 1:] - config.preemphasis * samples[:, :-1]
            samples = torch.cat([samples[:, :1], filtered], dim=1)
        there = torch.arange(samples.shape[1], device=samples.device)[None] < lengths[:, None]
        samples = samples * there
        spectrum = nn.functional.conv1d(
            samples[:, None],
            self.basis[:, None],
            stride=config.hop_length,
            padding=config.win_length // 2,
        )
        real, imaginary = spectrum.chunk(2, dim=1)
        energy = (real * real + imaginary * imaginary).transpose(1, 2)
        features = torch.log(energy @ self.filters + ZERO_GUARD)
        frames = torch.div(lengths, config.hop_length, rounding_mode="floor")
        mask = torch.arange(features.shape[1], device=samples.device)[None] < frames[:, None]
        return _normalised(features, mask, frames), frames


def _normalised(features: Tensor, mask: Tensor, frames: Tensor) -> Tensor:
    """Zero mean and unit variance for each bin, over the frames in the mask."""
    weights = mask[:, :, None].to(features.dtype)
    count = frames.clamp(min=1)[:, None, None].to(features.dtype)
    mean = (features * weights).sum(dim=1, keepdim=True) / count
    squares = ((features * weights - mean) ** 2 * weights).sum(dim=1, keepdim=True)
    deviation = torch.sqrt(squares / (count - 1).clamp(min=1))
    return (features - mean) / (deviation + STD_GUARD) * weights


def fourier_basis(config: FeatureConfig) -> npt.NDArray[np.float32]:
    """The windowed cosines, then the sines: FP32 [2 * (n_fft / 2 + 1), win_length].

    The Hann window (symmetric, as ParakeetFeatureExtractor takes it) stands in the middle of
    ``n_fft`` samples, as in ``torch.stft``; the zeros around it are left out.
    """
    start = (config.n_fft - config.win_length) // 2
    position = np.arange(start, start + config.win_length)
    angle = 2 * math.pi / config.n_fft * np.outer(np.arange(config.n_fft // 2 + 1), position)
    window = np.hanning(config.win_length)
    return np.concatenate([np.cos(angle) * window, np.sin(angle) * window]).astype(np.float32)


def mel_filters(config: FeatureConfig) -> npt.NDArray[np.float32]:
    """Slaney's triangular filters, FP32 [n_fft / 2 + 1, mel bins]."""
    from transformers.audio_utils import mel_filter_bank

    filters = mel_filter_bank(
        num_frequency_bins=config.n_fft // 2 + 1,
        num_mel_filters=config.feature_size,
        min_frequency=0.0,
        max_frequency=config.sampling_rate / 2,
        sampling_rate=config.sampling_rate,
        norm="slaney",
        mel_scale="slaney",
        dtype=np.float32,
    )
    return np.ascontiguousarray(filters, np.float32)
