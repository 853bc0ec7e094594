"""What lies between a voice and a recording: rooms, lines, noise, silence.

Waveforms are FP32 [samples] at 16 kHz, speech of about one peak. Every function draws from the
generator that it is given, and from nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

RATE = 16_000
"""Hz, of everything that the model hears."""

Wave = NDArray[np.float32]


def resample(sound: NDArray[np.int16], rate: float) -> Wave:
    """To 16 kHz and a peak of one; a rate other than the true one changes speed and pitch."""
    wave = sound.astype(np.float32)
    length = length_at(sound, rate)
    grid = scipy.fft.next_fast_len(len(wave) + 512, real=True)
    padded = np.pad(wave, (0, grid - len(wave)))
    made = scipy.signal.resample(padded, round(grid * RATE / rate))[:length].astype(np.float32)
    return np.asarray(made / max(1e-6, float(np.abs(made).max())), np.float32)


def length_at(sound: NDArray[np.int16], rate: float) -> int:
    """Samples that :func:`resample` makes of it."""
    return max(1, round(len(sound) * RATE / rate))


def pause(rng: np.random.Generator, longest: float) -> int:
    """Samples of a pause of up to so many seconds."""
    return int(rng.uniform(0, longest) * RATE)


def power(wave: Wave) -> float:
    """Mean square where someone speaks: over the 20 ms frames within 40 dB of the loudest."""
    frames = wave[: len(wave) // 320 * 320].reshape(-1, 320)
    if not len(frames):
        return float(np.mean(wave**2)) if len(wave) else 0.0
    energy = np.mean(frames**2, axis=1)
    return float(np.mean(energy[energy >= energy.max() * 1e-4]))


def room(rng: np.random.Generator, wave: Wave) -> Wave:
    """In a room: a direct sound, a few early reflections, and a tail of decaying noise.

    Sixty decibels take 0.1 to 0.6 s, and the tail has a tenth to a half of the direct amplitude.
    """
    decay = rng.uniform(0.1, 0.6)
    length = int(decay * RATE)
    time = np.arange(length) / RATE
    tail = rng.standard_normal(length) * 10 ** (-3 * time / decay)
    tail[: int(0.002 * RATE)] = 0
    tail *= rng.uniform(0.1, 0.5) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    for _ in range(int(rng.integers(2, 7))):
        at = int(rng.uniform(0.002, 0.03) * RATE)
        tail[at] += rng.uniform(-0.4, 0.4)
    return np.asarray(scipy.signal.fftconvolve(wave, tail)[: len(wave)], np.float32)


def line(rng: np.random.Generator, wave: Wave) -> Wave:
    """Through a telephone (300 to 3400 Hz), or a codec that cuts at 3.5 to 7 kHz."""
    if rng.random() < 0.4:
        band = scipy.signal.butter(4, (300, 3400), "bandpass", fs=RATE, output="sos")
    else:
        band = scipy.signal.butter(6, rng.uniform(3500, 7000), "lowpass", fs=RATE, output="sos")
    return np.asarray(scipy.signal.sosfilt(band, wave), np.float32)


def noise(rng: np.random.Generator, length: int, kind: str, babble: Sequence[Wave] = ()) -> Wave:
    """Noise of unit power.

    Args:
        rng: where it comes from.
        length: samples.
        kind: ``white``, ``pink``, ``brown``, ``hum`` (mains, 50 or 60 Hz) or ``babble``.
        babble: utterances, at least one, of which several speak at once.
    """
    if kind == "babble":
        made = np.zeros(length, np.float32)
        for _ in range(int(rng.integers(4, 8))):
            voice = babble[int(rng.integers(len(babble)))]
            made += np.resize(np.roll(voice, int(rng.integers(len(voice)))), length)
    elif kind == "hum":
        time = np.arange(length) / RATE
        pitch = rng.choice([50.0, 60.0])
        made = sum(
            np.sin(2 * np.pi * pitch * k * time + rng.uniform(0, 6.28)) / k for k in range(1, 9)
        ) + 0.1 * rng.standard_normal(length)
    else:
        slope = {"white": 0.0, "pink": 0.5, "brown": 1.0}[kind]
        grid = scipy.fft.next_fast_len(length, real=True)
        spectrum = scipy.fft.rfft(rng.standard_normal(grid, dtype=np.float32))
        spectrum *= np.maximum(np.arange(len(spectrum)), 1 + 20 * grid / RATE) ** -slope
        made = scipy.fft.irfft(spectrum, grid)[:length]
    made = np.asarray(made, np.float32)
    return np.asarray(made / max(1e-6, float(np.sqrt(np.mean(made**2)))), np.float32)


KINDS = ("white", "pink", "pink", "brown", "hum", "babble", "babble")


def distort(rng: np.random.Generator, wave: Wave, babble: Sequence[Wave]) -> Wave:
    """A recording of it, as training hears it: often noisy, sometimes in a room, loud or faint."""
    speech = power(wave)
    if rng.random() < 0.4:
        wave = room(rng, wave)
    band = rng.random() < 0.25
    if rng.random() < 0.75:
        kind = KINDS[int(rng.integers(len(KINDS)))]
        ratio = rng.uniform(0, 30)
        level = np.sqrt(speech * 10 ** (-ratio / 10))
        wave = wave + np.float32(level) * noise(rng, len(wave), kind, babble)
    if band:
        wave = line(rng, wave)
    wave = wave * np.float32(10 ** rng.uniform(-2.2, 0) / max(1e-6, np.abs(wave).max()))
    if rng.random() < 0.05:
        wave = np.clip(2 * wave, -1, 1)
    return np.round(wave * 32767).astype(np.float32) / np.float32(32768)
