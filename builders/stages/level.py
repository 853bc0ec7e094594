"""A sound without its direct current, and as loud as models are used to.

A voice activity detector hears nobody in faint speech: of 432 words that a talker says, the shipped
models lose 35 with a peak of -40 dB, and 363 with -60 dB. A sound of usual loudness stays the same,
sample by sample.

A whole sound gets one gain. In a stream the gain comes, frame by frame, from what was heard before:
the stream stays the same until a faint voice was heard.
"""

from __future__ import annotations

import numpy as np

FRAME = 512
"""Samples over which the level is measured: 32 ms at 16 kHz."""

FAINT = 0.025
"""The level below which a sound is made louder: -32 dB. Ordinary speech has -10 to -30 dB."""

USUAL = 0.05
"""The level to which it is made louder: -26 dB."""

MOST = 300.0
"""The largest gain, 50 dB: what is fainter is the noise of 16 bits."""

DIRECT = 0.02
"""The direct current from which on it is taken out of a sound that needs no gain."""

LOUD_FRAMES = 31
"""A sound's level is exceeded in so many frames, one second: one bang does not make it loud."""

VOICE = 6.0
"""How much louder than a stream's noise a frame is in which somebody may speak: 15 dB."""

VOICED = 8
"""So many such frames tell how loud a voice is: its first one is fainter."""

QUIET = 0.003
"""The level up to which a stream's noise is made louder: -50 dB. Noise that is as loud as a voice
makes the detector miss the voice's beginning."""

FALL, RISE = 0.9963, 1.002
"""By what a stream's level falls in a frame without a louder one, 1 dB a second, and by what its
noise rises in one without a fainter one, 0.5 dB a second."""

MEMORY = 64
"""Frames over which the direct current of a stream is averaged: two seconds."""


def levelled(sound: np.ndarray) -> np.ndarray:
    """A whole sound, FP32 [samples] at 16 kHz, as loud as usual; the very one if it is already."""
    direct = float(sound.mean(dtype=np.float64)) if len(sound) else 0.0
    gain = _gain(level(sound))
    if gain == 1:
        found: np.ndarray = sound if abs(direct) <= DIRECT else sound - np.float32(direct)
        return found
    return _louder(sound, direct, gain)


def _louder(sound: np.ndarray, direct: float, gain: float) -> np.ndarray:
    found: np.ndarray = np.clip((sound - np.float32(direct)) * np.float32(gain), -1, 1)
    return found


def level(sound: np.ndarray) -> float:
    """The effective value that a second of the sound exceeds, or a tenth of it if that is less."""
    if len(sound) < FRAME:
        return float(np.std(sound, dtype=np.float64)) if len(sound) else 0.0
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    values = np.sort(frames.std(1))
    return float(values[-max(min(LOUD_FRAMES, len(values) // 10), 1)])


def _gain(found: float) -> float:
    return 1.0 if found >= FAINT else min(USUAL / max(found, 1e-9), MOST)


class Follower:
    """Makes a stream as loud as usual, frame by frame, from what it has heard."""

    def __init__(self) -> None:
        self._level = 0.0
        self._noise = 1.0
        self._before = 1.0
        self._voiced = 0
        self._direct = 0.0
        self._frames = 0

    def follow(self, frames: np.ndarray) -> np.ndarray:
        """The next whole frames, FP32 [512 n], likewise.

        How a stream is cut into calls makes no difference.
        """
        return np.concatenate(
            [self._next(frame) for frame in frames.reshape(-1, FRAME)] or [frames]
        )

    def _next(self, frame: np.ndarray) -> np.ndarray:
        self._frames += 1
        mean = float(frame.mean(dtype=np.float64))
        self._direct += (mean - self._direct) / min(self._frames, MEMORY)
        here = float(frame.std(dtype=np.float64))
        # The louder of two frames: a voice has gaps of a frame, and noise has none.
        self._noise = min(RISE * self._noise, max(here, self._before))
        self._before = here
        self._level = max(here, FALL * self._level)
        self._voiced += here > VOICE * self._noise
        gain = 1.0 if self._voiced < VOICED else _gain(self._level)
        gain = max(min(gain, QUIET / max(self._noise, 1e-9)), 1.0)
        if gain > 1:
            return _louder(frame, self._direct, gain)
        # Without a step where the current comes and goes about the bound; and a voice's first
        # frames have a mean of their own.
        beyond = max(abs(self._direct) - DIRECT - here / self._frames, 0.0)
        found: np.ndarray = frame - np.float32(np.copysign(beyond, self._direct))
        return found
