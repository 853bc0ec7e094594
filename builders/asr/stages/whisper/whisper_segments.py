"""Segments out of a window's tokens, by the time stamps among them.

The method is transformers' (generation_whisper.py, ``_retrieve_segment``): two time stamps in a row
part two segments; what follows the last pair is heard again in the next window, unless a single
time stamp ends the tokens, which says that nothing more is spoken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .whisper_tokens import Settings
from .whisper_words import Word

TIME_STAMP = 0.02
"""Seconds from one time stamp to the next."""

FRAME = 0.01
"""Seconds from one frame of features to the next."""

STRIDE = 2
"""Frames of features for one position of the encoder, and for one time stamp."""


@dataclass(frozen=True)
class Segment:
    """A stretch of speech.

    Attributes:
        start: in seconds of the recording.
        end: likewise.
        tokens: INT32 [tokens], its time stamps among them.
        score: the mean probability of its tokens, the geometric one.
        first: the place of its first token among those of the window.
        words: its words, if there are times for them.
    """

    start: float
    end: float
    tokens: np.ndarray
    score: float
    first: int
    words: tuple[Word, ...] = ()


def cut(
    tokens: np.ndarray, log_probs: np.ndarray, seek: int, count: int, settings: Settings
) -> tuple[list[Segment], int]:
    """A window's segments, and how many frames later the next window begins.

    Args:
        tokens: INT32 [tokens], without prompt and end.
        log_probs: FP32 [tokens].
        seek: the window's first frame.
        count: its frames.
        settings: of the checkpoint.
    """
    zero = settings.first_time_stamp
    offset = seek * TIME_STAMP / STRIDE
    stamped = tokens >= zero
    single = stamped.size >= 2 and not stamped[-2] and bool(stamped[-1])
    ends = [int(place) + 1 for place in np.flatnonzero(stamped[:-1] & stamped[1:])]

    def segment(first: int, last: int, start: float, end: float) -> Segment:
        mean = float(np.mean(log_probs[first:last])) if last > first else 0.0
        return Segment(start, end, tokens[first:last], float(np.exp(mean)), first)

    def second(place: int) -> float:
        return float(offset + (int(tokens[place]) - zero) * TIME_STAMP)

    if not ends:
        # In single precision, as there: in double, 30 frames would be 14 time stamps long.
        end = float(int(np.float32(count) * np.float32(FRAME) / np.float32(TIME_STAMP)))
        places = np.flatnonzero(stamped)
        if places.size and tokens[places[-1]] != zero:
            end = float(tokens[places[-1]] - zero)
        return [segment(0, tokens.size, offset, offset + end * TIME_STAMP)], count
    if single:
        ends.append(tokens.size)
    else:
        # The last segment keeps the first time stamp of the next: a sign that it was no single one.
        ends[-1] += 1
    segments = []
    first = 0
    for last in ends:
        closing = last - 2 if last == ends[-1] and not single else last - 1
        segments.append(segment(first, last, second(first), second(closing)))
        first = last
    if single:
        return segments, count
    return segments, (int(tokens[first - 2]) - zero) * STRIDE
