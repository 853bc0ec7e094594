"""A recording cut into the windows that the Whisper graph takes."""

from __future__ import annotations

import numpy as np

from .whisper_tokens import Settings

FLOOR = 1e-10
"""The least mel energy (WhisperFeatureExtractor)."""

CHUNK = 1000
"""Frames that are transformed at once, to bound memory."""


class Sound:
    """A recording, framed as WhisperFeatureExtractor frames it.

    A recording shorter than a window is followed by silence up to the window's end; a longer one
    ends with its last whole hop. Both are reflected at their ends.

    Args:
        waveform: FP32 [samples], at least one.
        settings: of the checkpoint.

    Attributes:
        frames: how many there are.
        heard: those that the recording reaches, without the silence after it.
    """

    def __init__(self, waveform: np.ndarray, settings: Settings) -> None:
        self._settings = settings
        hop, half = settings.hop, settings.frame // 2
        missing = settings.frames * hop - waveform.size
        self.heard = -(-waveform.size // hop) if missing > 0 else waveform.size // hop
        if missing > 0:
            waveform = np.pad(waveform, (0, missing))
        self.frames = waveform.size // hop
        self._samples = np.pad(waveform, (half, half), mode="reflect")
        self._loudest: float | None = None

    def window(self, first: int, count: int) -> np.ndarray:
        """The samples that ``count`` frames from ``first`` on reach over, FP32.

        Zeros follow up to the length of a whole window: windows of one length can be batched.
        """
        samples = self._reached(first, count)
        whole = self._settings.hop * (self._settings.frames - 1) + self._settings.frame
        return np.pad(samples, (0, whole - samples.size))

    def loudest(self) -> float:
        """log10 of the highest mel energy of all frames."""
        if self._loudest is None:
            self._loudest = max(
                self._highest(first, min(CHUNK, self.frames - first))
                for first in range(0, self.frames, CHUNK)
            )
        return self._loudest

    def _reached(self, first: int, count: int) -> np.ndarray:
        hop, frame = self._settings.hop, self._settings.frame
        return self._samples[hop * first : hop * (first + count - 1) + frame]

    def _highest(self, first: int, count: int) -> float:
        hop, frame = self._settings.hop, self._settings.frame
        frames = np.lib.stride_tricks.sliding_window_view(self._reached(first, count), frame)[::hop]
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)
        spectrum = np.fft.rfft(frames * hann.astype(np.float32))
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        return float(np.log10(max(float((power @ self._settings.filters).max()), FLOOR)))
