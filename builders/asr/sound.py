"""Sound as the pipelines have it, and an imitation of speech to compare models on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RATE = 16_000
"""Samples in a second."""


def speech_like(length: int, seed: int) -> npt.NDArray[np.float32]:
    """Voiced and unvoiced stretches with pauses, FP32 [length] at 16 kHz, in -1 .. 1."""
    rng = np.random.default_rng(seed)
    time = np.arange(length) / RATE
    pitch = 110 + 60 * np.sin(2 * np.pi * 0.7 * time + seed)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 16))
    loud = np.clip(np.sin(2 * np.pi * (1.3 + 0.2 * seed) * time), 0, 1)
    noise = rng.standard_normal(length) * (0.002 + 0.05 * np.clip(np.cos(9 * time), 0, 1))
    return np.asarray(0.2 * voice * loud + noise, np.float32)
