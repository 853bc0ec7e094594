"""Log-mel features as a torch module, so that they are exported in one graph with the model.

The short-time Fourier transform is a convolution with the transform's own basis: plain Conv and
MatMul nodes, which every execution provider has, where ONNX's ``STFT`` is left to the CPU. It is
done on every fourth sample by itself, and the four spectra are joined (decimation in time, Cooley
and Tukey 1965): a quarter of the products.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from builders.asr.sound import RATE
from builders.kit.onnx import transformers_alone
from builders.kit.sources.error import read_settings
from builders.kit.sources.values import Values, refuse_all

ZERO_GUARD = 2.0**-24
"""Added to mel energies before the logarithm (ParakeetFeatureExtractor: LOG_ZERO_GUARD_VALUE)."""

STD_GUARD = 1e-5
"""Added to the deviation that features are divided by (ParakeetFeatureExtractor: EPSILON)."""

EXTRACTOR = "ParakeetFeatureExtractor"

PARTS = 4
"""Of the samples, for the Fourier transform; :func:`_joined` is written for four."""


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
        SourceError: no such file, another feature extractor than Parakeet's, or frames that do not
            fall into four parts.
    """
    wrong: list[str] = []
    config = feature_config(checkpoint, wrong)
    refuse_all(checkpoint, f"settings of a {EXTRACTOR} that are served", wrong)
    return config


def feature_config(checkpoint: Path, wrong: list[str]) -> FeatureConfig:
    """As :func:`read_feature_config`, but settings that are not served are noted.

    Raises:
        SourceError: a file that should hold them cannot be read.
    """
    values = _settings(checkpoint, wrong)
    kind = values.content.get("feature_extractor_type")
    if kind != EXTRACTOR:
        values.refuse("feature_extractor_type", EXTRACTOR)
    hop, window = values.whole("hop_length", 160, 1), values.whole("win_length", 400, 1)
    transform = values.whole("n_fft", 512, 1)
    for name, size, part in (
        ("hop_length", hop, PARTS),
        ("win_length", window, PARTS),
        ("n_fft", transform, 2 * PARTS),
    ):
        if size % part:
            values.refuse(name, f"a multiple of {part}")
    if transform < window:
        values.refuse("n_fft", f"{window} or more, the win_length")
    values.only({"sampling_rate": (RATE,), "padding_value": (0,)})
    return FeatureConfig(
        sampling_rate=RATE,
        feature_size=values.whole("feature_size", 80, 1),
        n_fft=transform,
        win_length=window,
        hop_length=hop,
        preemphasis=values.number("preemphasis", 0.0 if "preemphasis" in values.content else 0.97),
    )


def _settings(checkpoint: Path, wrong: list[str]) -> Values:
    for name, key in (
        ("preprocessor_config.json", None),
        ("processor_config.json", "feature_extractor"),
    ):
        path = checkpoint / name
        if not path.is_file():
            continue
        content = read_settings(path)
        settings = content.get(key) if key else content
        if isinstance(settings, dict):
            return Values(name, settings, wrong)
    return Values("preprocessor_config.json", {}, wrong)


class LogMel(nn.Module):
    """Samples to normalised log-mel features, as transformers' ParakeetFeatureExtractor gives them.

    Args:
        config: the checkpoint's settings.
    """

    def __init__(self, config: FeatureConfig) -> None:
        super().__init__()
        self.config = config
        self.basis = nn.Buffer(torch.from_numpy(fourier_basis(config))[:, None])
        self.filters = nn.Buffer(torch.from_numpy(_in_order_of_joining(mel_filters(config))))

    def forward(self, samples: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """FP32 [rows, length], INT [rows] -> features [rows, frames, bins], frames [rows].

        The latter are those of the row's own samples; behind them features are 0.
        """
        config = self.config
        features = torch.log(self._power(samples, lengths) @ self.filters + ZERO_GUARD)
        frames = torch.div(lengths, config.hop_length, rounding_mode="floor")
        mask = torch.arange(features.shape[1], device=samples.device)[None] < frames[:, None]
        return _normalised(features, mask, frames), frames

    def _power(self, samples: Tensor, lengths: Tensor) -> Tensor:
        """[rows, length] -> the power spectrum, [rows, frames, bins as they are joined]."""
        config = self.config
        rows, margin = samples.shape[0], config.win_length // 2
        frames = samples.shape[1] // config.hop_length + 1
        # Before the first sample there is silence, and a filter of silence is silent.
        padded = nn.functional.pad(samples, (margin + 1, margin))
        filtered = padded[:, 1:] - config.preemphasis * padded[:, :-1]
        there = (
            torch.arange(filtered.shape[1], device=samples.device)[None] - margin < lengths[:, None]
        )
        used = (frames - 1) * config.hop_length + config.win_length
        every_fourth = (filtered * there)[:, :used].reshape(rows, -1, PARTS).transpose(1, 2)
        parts = nn.functional.conv1d(
            every_fourth, self.basis, stride=config.hop_length // PARTS, groups=PARTS
        )
        real, imaginary = parts.view(rows, PARTS, 2, -1, frames).unbind(2)
        power = [re * re + im * im for re, im in _joined(real.unbind(1), imaginary.unbind(1))]
        return torch.cat(power, 1).transpose(1, 2)


def _normalised(features: Tensor, mask: Tensor, frames: Tensor) -> Tensor:
    """Zero mean and unit variance for each bin, over the frames in the mask."""
    weights = mask[:, :, None].to(features.dtype)
    count = frames.clamp(min=1)[:, None, None].to(features.dtype)
    mean = (features * weights).sum(dim=1, keepdim=True) / count
    squares = ((features * weights - mean) ** 2 * weights).sum(dim=1, keepdim=True)
    deviation = torch.sqrt(squares / (count - 1).clamp(min=1))
    return (features - mean) / (deviation + STD_GUARD) * weights


def _joined(real: Sequence[Tensor], imaginary: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """The spectra of the four parts as four stretches of the whole one, or their conjugates.

    A part's spectrum repeats after a quarter of the transform, and is mirrored at an eighth. So
    with the parts' T0 to T3 at bin k, each turned by its own offset, the whole has T0 + T1 + T2 +
    T3 at k, and, writing q for a quarter of the transform, T0 - i T1 - T2 + i T3 at k + q, the
    conjugate of T0 + i T1 - T2 - i T3 at q - k and of T0 - T1 + T2 - T3 at 2 q - k.

    Args:
        real: [rows, bins, frames] for each part.
        imaginary: likewise.

    Yields:
        real and imaginary parts at k, q - k, q + k and 2 q - k.
    """
    even, odd = ((real[at] + real[at + 2], imaginary[at] + imaginary[at + 2]) for at in range(2))
    left, right = ((real[at] - real[at + 2], imaginary[at] - imaginary[at + 2]) for at in range(2))
    yield even[0] + odd[0], even[1] + odd[1]
    yield left[0] - right[1], left[1] + right[0]
    yield left[0] + right[1], left[1] - right[0]
    yield even[0] - odd[0], even[1] - odd[1]


def _in_order_of_joining(filters: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Filters, [bins, mel bins], for the bins that :func:`_joined` yields.

    Where two stretches meet they have a bin in common, which counts in the first of them.
    """
    half = (len(filters) - 1) // 2
    rising = np.arange(half // 2 + 1)
    order = np.concatenate([rising, half - rising, half + rising, 2 * half - rising])
    ordered: npt.NDArray[np.float32] = filters[order]
    _, first = np.unique(order, return_index=True)
    ordered[np.setdiff1d(np.arange(len(order)), first)] = 0.0
    return ordered


def fourier_basis(config: FeatureConfig) -> npt.NDArray[np.float32]:
    """For each part of the samples the windowed cosines, then the sines.

    FP32 [4 * 2 * (n_fft / 8 + 1), win_length / 4]. The window is Hann's (symmetric, as
    ParakeetFeatureExtractor takes it). Where it stands in the transform is a matter of phase, of
    which the power knows nothing.
    """
    bins = np.arange(config.n_fft // (2 * PARTS) + 1)
    position = np.arange(config.win_length)
    turned = np.exp(-2j * np.pi / config.n_fft * np.outer(bins, position))
    windowed = turned * np.hanning(config.win_length)
    parts = [(windowed[:, at::PARTS].real, windowed[:, at::PARTS].imag) for at in range(PARTS)]
    return np.concatenate([each for part in parts for each in part]).astype(np.float32)


def mel_filters(config: FeatureConfig) -> npt.NDArray[np.float32]:
    """Slaney's triangular filters, FP32 [n_fft / 2 + 1, mel bins]."""
    with transformers_alone() as transformers:
        mel_filter_bank = transformers.audio_utils.mel_filter_bank
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
