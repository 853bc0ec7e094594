"""Whisper's log-mel features as a torch module, so that they are exported in one graph with it.

Plain slices and MatMul nodes: ONNX's ``STFT`` is left to the CPU by execution providers, and in
onnxruntime versions that servers still run it is slow at sizes that are no power of two.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from builders.asr.whisper.checkpoint import WhisperCheckpoint

FLOOR = 1e-10
"""Mel energies below are raised to it before the logarithm (WhisperFeatureExtractor)."""

RANGE = 8.0
"""Decades below the loudest value that are kept (WhisperFeatureExtractor)."""


class WhisperLogMel(nn.Module):
    """Samples to features, as transformers' WhisperFeatureExtractor gives them.

    The transform's basis is even (cosines) or odd (sines) around the middle of a frame, so samples
    are added and subtracted in pairs first: half the products, and less rounding.

    Args:
        checkpoint: with the settings of the extractor.
    """

    def __init__(self, checkpoint: WhisperCheckpoint) -> None:
        super().__init__()
        self.size, self.hop = checkpoint.n_fft, checkpoint.hop_length
        half = self.size // 2
        angle = 2 * math.pi / self.size * np.outer(np.arange(half + 1), np.arange(half + 1))
        window = 0.5 - 0.5 * np.cos(2 * math.pi / self.size * np.arange(half + 1))
        cosines = window[:, None] * np.cos(angle)
        sines = (window[:, None] * np.sin(angle))[1:half]
        self.cosines = nn.Buffer(torch.from_numpy(cosines.astype(np.float32)))
        self.sines = nn.Buffer(torch.from_numpy(sines.astype(np.float32)))
        self.filters = nn.Buffer(torch.from_numpy(checkpoint.mel_filters().astype(np.float32)))

    def forward(self, samples: Tensor, frames: Tensor, loudest: Tensor) -> Tensor:
        """Features of the frames that lie wholly in the samples.

        Args:
            samples: FP32 [rows, hop_length * (frames - 1) + n_fft].
            frames: INT32 [rows, 1], how many frames of a row count; features of others are 0.
            loudest: FP32 [rows, 1], the largest of :meth:`energies` in the whole recording; if a
                row's own is larger, that counts.

        Returns:
            FP32 [rows, mels, frames].
        """
        energies = self.energies(samples)
        counted = torch.arange(energies.shape[2], device=samples.device) < frames[:, :, None]
        energies = torch.where(counted, energies, math.log10(FLOOR))
        highest = torch.maximum(energies.amax(dim=2).amax(dim=1, keepdim=True), loudest)
        features = (torch.maximum(energies, highest[:, :, None] - RANGE) + 4.0) / 4.0
        return torch.where(counted, features, 0.0)

    def energies(self, samples: Tensor) -> Tensor:
        """log10 of the mel energies, FP32 [rows, mels, frames]."""
        frames = self._frames(samples)
        half = self.size // 2
        first, last = frames[..., 1:half], torch.flip(frames[..., half + 1 :], (-1,))
        even = torch.cat([frames[..., :1], first + last, frames[..., half : half + 1]], dim=-1)
        real, imaginary = even @ self.cosines, (first - last) @ self.sines
        mel = (real * real + imaginary * imaginary) @ self.filters
        return torch.log10(torch.clamp(mel, min=FLOOR)).transpose(1, 2)

    def _frames(self, samples: Tensor) -> Tensor:
        """[rows, frames, n_fft], put together from blocks that divide both hop and frame."""
        block = math.gcd(self.hop, self.size)
        step, wide = self.hop // block, self.size // block
        count = (samples.shape[1] - self.size) // self.hop + 1
        blocks = samples[:, : (samples.shape[1] // block) * block].reshape(
            samples.shape[0], -1, block
        )
        return torch.cat(
            [blocks[:, each : each + step * (count - 1) + 1 : step] for each in range(wide)], dim=2
        )
