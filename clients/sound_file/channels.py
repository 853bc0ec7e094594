"""The channels of a sound to one, also where their mean would be silence.

A microphone that is wired the wrong way round, or a balanced line on two channels, gives a channel
that is the other's negative: their mean has nothing of the voice. Such a channel is turned over.
Everything else is the plain mean: of two speakers on a channel each, both are heard.
"""

from __future__ import annotations

import numpy as np

OPPOSED = -0.5
"""The correlation below which a channel is turned over. Channels of one room, or of two speakers,
lie far above it. Channels with an inverted voice lie near -1, and at -0.5 with noise as loud as the
voice."""

FADE = 0.01
"""Seconds in which a channel that is turned over in mid-sound fades into its other sign."""


class Mixer:
    """Takes a sound block by block; each channel keeps its sign until a block shows otherwise.

    Args:
        channels: how many.
        rate: Hz.
    """

    def __init__(self, channels: int, rate: int) -> None:
        self._signs = np.ones(channels, np.float32)
        self._fade = max(round(FADE * rate), 1)
        self._began = False

    def mono(self, block: np.ndarray) -> np.ndarray:
        """A block FP32 [n, channels] as FP32 [n].

        Correlations are taken within a block, so its ends matter a little.
        """
        if block.shape[1] == 1:
            return block[:, 0]
        before, self._signs = self._signs, _signs(block, self._signs)
        weights = self._signs / np.float32(len(self._signs))
        mixed: np.ndarray = block.mean(1) if (self._signs == 1).all() else block @ weights
        if self._began and not np.array_equal(before, self._signs):
            count = min(self._fade, len(block))
            old = block[:count] @ (before / np.float32(len(before)))
            share = np.linspace(0, 1, count, dtype=np.float32)
            mixed[:count] = share * mixed[:count] + (1 - share) * old
        self._began = True
        return mixed


def _signs(block: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Each channel's sign, 1 or -1, by its correlation with the channels before it."""
    level = block - block.mean(0)
    found = before.copy()
    whole = found[0] * level[:, 0]
    for number in range(1, level.shape[1]):
        channel = found[number] * level[:, number]
        apart = float(np.sqrt(np.vdot(whole, whole) * np.vdot(channel, channel)))
        if apart > 0 and float(np.vdot(whole, channel)) < OPPOSED * apart:
            found[number] = -found[number]
            channel = -channel
        whole = whole + channel
    return found
