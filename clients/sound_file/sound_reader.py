"""A sound file's samples, the same for the client that streams them and the server that is sent it.

A copy lies beside the stages of a server: it keeps to Python 3.10, numpy and soundfile.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import soundfile

from . import ogg
from .channels import Mixer
from .wav import Plain

FORMATS = ("WAV", "WAVEX", "RF64", "W64", "FLAC", "OGG", "MP3", "AIFF")
"""libsndfile's names of what is read; it knows more, none of it common."""

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000
"""Hz; beyond them a rate is a mistake in a header or a request."""

LOUDEST = 64.0
"""Full scale is 1, and overshoot is common in floating-point files; integers given as FP32 are
beyond this."""

UNKNOWN_FRAMES = 2**63 - 1
"""libsndfile's SF_COUNT_MAX: a FLAC that was written to a pipe does not say how long it is."""

BLOCK = 2**18
"""The most values, of all channels together, that are read at once."""


class Unreadable(ValueError):
    """A file is not a sound, or is broken; the text is one sentence."""


class Sound:
    """A sound file that is read once from its start to its end.

    Args:
        file: it can be sought in; closed with the sound.
        name: what to call it in an error.

    Attributes:
        format: one of :data:`FORMATS`.
        rate: Hz.
        frames: samples of a channel by the header; None if it does not say.

    Raises:
        Unreadable: it is not a sound file, or has another format or an impossible rate.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._encoded = file
        try:
            self._open(name)
        except Unreadable:
            file.close()
            raise
        self.format = str(self._file.format)
        self.rate = int(self._file.samplerate)
        known = self._file.frames < UNKNOWN_FRAMES
        self.frames = int(self._file.frames) if known else None

    def _open(self, name: str) -> None:
        try:
            self._file = _Forward(Plain(self._encoded))
        except soundfile.SoundFileError as problem:
            raise Unreadable(
                f"{name} not a sound file that can be read; send WAV, FLAC, OGG or MP3"
            ) from problem
        if self._file.format not in FORMATS:
            raise Unreadable(
                f"a sound file of the format {self._file.format} is not read; "
                "send WAV, FLAC, OGG or MP3"
            )
        checked_rate(int(self._file.samplerate), "the file's rate")

    def __enter__(self) -> Sound:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
        self._encoded.close()

    def blocks(self) -> Iterator[np.ndarray]:
        """Its samples at its rate, mono, FP32 [n] in about -1 .. 1, a second or less at a time.

        Raises:
            Unreadable: the file is truncated or corrupt, or holds values that are not samples.
        """
        broken = f"the {self.format} file is truncated or corrupt; send the whole file"
        if self.format == "OGG":
            self._encoded.seek(0)
            if not ogg.is_whole(self._encoded.read()):
                raise Unreadable(broken)
        channels = int(self._file.channels)
        mixer = Mixer(channels, self.rate)
        size = max(min(BLOCK // channels, self.rate), 1)
        while True:
            try:
                block = self._file.read(size, dtype="float32", always_2d=True)
            except soundfile.SoundFileError as problem:
                raise Unreadable(broken) from problem
            if not len(block):
                return
            yield mixer.mono(checked_samples(block))


class _Forward(soundfile.SoundFile):  # type: ignore[misc]
    """A file read from its start to its end.

    Else soundfile seeks after each read, which fails at the end of a FLAC of unknown length.
    """

    def seekable(self) -> bool:
        return False


def checked_rate(rate: int, name: str) -> int:
    """A rate in Hz.

    Raises:
        Unreadable: no sound has it.
    """
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise Unreadable(f"{name} must be from {LOWEST_RATE} to {HIGHEST_RATE} Hz, found {rate}")
    return rate


def checked_samples(samples: np.ndarray) -> np.ndarray:
    """The samples, FP32 of any shape.

    Raises:
        Unreadable: NaN, infinity, or values far outside of -1 .. 1.
    """
    peak = max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0)))
    if not np.isfinite(peak):
        raise Unreadable("the sound has samples that are NaN or infinite; send finite ones")
    if peak > LOUDEST:
        raise Unreadable(
            f"samples must lie in -1 .. 1, found {peak:g}; divide integers by their full scale"
        )
    return samples
