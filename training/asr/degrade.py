"""Recordings as people make them: other files, rates, channels and levels, lines, rooms, noise.

Each is made of a clean one at 16 kHz in a fixed way, so what it costs shows in the words.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

RATE = 16_000
"""Hz of the clean recordings."""

Sound = NDArray[np.float32]
Made = Callable[[Sound], bytes]


def file(
    sound: NDArray[np.floating], rate: int = RATE, form: str = "WAV", subtype: str | None = None
) -> bytes:
    """An encoded file of samples, FP32 [n] or [n, channels]."""
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, rate, format=form, subtype=subtype)
    return buffer.getvalue()


def _kind(form: str, subtype: str | None, rate: int = RATE) -> Made:
    return lambda sound: file(_at_rate(sound, rate), rate, form, subtype)


def _at_rate(sound: Sound, rate: int) -> Sound:
    return sound if rate == RATE else np.asarray(soxr.resample(sound, RATE, rate), np.float32)


def _peak(decibels: float, subtype: str = "PCM_16", direct: float = 0.0) -> Made:
    scale = 10 ** (decibels / 20)
    return lambda sound: file(scale * sound / np.abs(sound).max() + direct, subtype=subtype)


def _channels(*weights: float) -> Made:
    return lambda sound: file(np.outer(sound, weights))


def _noise(decibels: float, length: int, seed: int = 0) -> Sound:
    """White noise so many decibels below a full-scale square wave."""
    drawn = np.random.default_rng(seed).standard_normal(length, np.float32)
    return np.asarray(10 ** (decibels / 20) * drawn, np.float32)


def _band(sound: Sound, low: float, high: float) -> Sound:
    spectrum = np.fft.rfft(sound)
    hertz = np.arange(len(spectrum)) * RATE / len(sound)
    return np.asarray(
        np.fft.irfft(spectrum * ((hertz >= low) & (hertz <= high)), len(sound)), np.float32
    )


def _room(seconds: float) -> Made:
    """A room in which sixty decibels take so long; its tail has a third of the direct sound."""

    def made(sound: Sound) -> bytes:
        time = np.arange(int(seconds * RATE)) / RATE
        tail = _noise(0, len(time)) * 10 ** (-3 * time / seconds)
        tail *= 0.33 / np.sqrt(np.sum(tail**2))
        tail[0] = 1
        length = len(sound) + len(tail)
        heard = np.fft.irfft(np.fft.rfft(sound, length) * np.fft.rfft(tail, length), length)
        return file(0.7 * heard[: len(sound)] / np.abs(heard).max())

    return made


CONVERSIONS: Mapping[str, Made] = {
    "FLAC": _kind("FLAC", "PCM_16"),
    "24 bits": _kind("WAV", "PCM_24"),
    "32 bits": _kind("WAV", "PCM_32"),
    "floating point": _kind("WAV", "FLOAT"),
    "8 bits": _kind("WAV", "PCM_U8"),
    "mu-law, 16 kHz": _kind("WAV", "ULAW"),
    "A-law, 16 kHz": _kind("WAV", "ALAW"),
    "Ogg Vorbis": _kind("OGG", "VORBIS"),
    "Ogg Opus": _kind("OGG", "OPUS", 48_000),
    "MP3": _kind("MP3", "MPEG_LAYER_III"),
    "22.05 kHz": _kind("WAV", "PCM_16", 22_050),
    "44.1 kHz": _kind("WAV", "PCM_16", 44_100),
    "48 kHz": _kind("WAV", "PCM_16", 48_000),
    "stereo": _channels(1, 1),
    "stereo, one channel silent": _channels(1, 0),
    "stereo, one channel turned over": _channels(1, -1),
    "stereo, one turned over and fainter": _channels(-0.3, 1),
    "six channels, one of them used": _channels(0, 0, 1, 0, 0, 0),
    "peak of -20 dB": _peak(-20),
    "peak of -40 dB": _peak(-40),
    "peak of -48 dB": _peak(-48),
    "peak of -60 dB, 24 bits": _peak(-60, "PCM_24"),
    "direct current of 0.85": _peak(-17, direct=0.85),
}
"""Nothing of the sound is lost that is to be heard."""

LOSSES: Mapping[str, Made] = {
    "IMA ADPCM, 4 bits": _kind("WAV", "IMA_ADPCM"),
    "Microsoft ADPCM, 4 bits": _kind("WAV", "MS_ADPCM"),
    "peak of -60 dB, 16 bits": _peak(-60),
    "11.025 kHz": _kind("WAV", "PCM_16", 11_025),
    "8 kHz": _kind("WAV", "PCM_16", 8_000),
    "8 kHz, mu-law": _kind("WAV", "ULAW", 8_000),
    "telephone band, 300 to 3400 Hz": lambda sound: file(_band(sound, 300, 3400)),
    "room of 0.3 s": _room(0.3),
    "room of 0.6 s": _room(0.6),
    "white noise at -50 dB": lambda sound: file(sound + _noise(-50, len(sound))),
    "clipped at a quarter": lambda sound: file(np.clip(sound, -0.15, 0.15)),
    "two microphones, 1 ms apart": lambda sound: file(np.stack([sound, np.roll(sound, 16)], 1)),
}
"""Something of it is."""
