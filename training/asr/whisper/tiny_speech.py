"""Windows of speech for the tiny Whisper of the tests: words of two languages, one voice each.

Every word is spoken once for each speed and kept, and phrases are put together from them: twenty
words, in English and in German, of equal meaning, so that there is something to translate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from training.asr.sound.augment import resample
from training.asr.sound.speech import speak
from training.asr.sound.voices import Speaker

RATE = 16_000
WORDS = {
    "en": (
        *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
        *("red", "green", "blue", "white", "black", "left", "right", "up", "down", "stop"),
    ),
    "de": (
        *("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"),
        *("rot", "grün", "blau", "weiß", "schwarz", "links", "rechts", "hoch", "runter", "halt"),
    ),
}
VOICES = {"en": "gmw/en-US", "de": "gmw/de"}
SPEEDS = (140, 165)
"""Words a minute."""

_LOUD = 0.02
"""Of the loudest sample: what lies before and after is cut off a word."""


@dataclass(frozen=True)
class Phrase:
    """Words said without a pause.

    Attributes:
        start: second of its first word.
        end: second after its last word.
        words: indices into :data:`WORDS`.
        spans: first and last second of each word.
    """

    start: float
    end: float
    words: tuple[int, ...]
    spans: tuple[tuple[float, float], ...]


@cache
def word(language: str, index: int, speed: int) -> NDArray[np.float32]:
    """A word alone, FP32 [samples] at 16 kHz, its loudest sample 1."""
    sound, rate = speak(WORDS[language][index], Speaker(VOICES[language], speed, 50, 50))
    wave = resample(sound, rate)
    heard = np.flatnonzero(np.abs(wave) > _LOUD * np.abs(wave).max())
    wave = wave[heard[0] : heard[-1] + 1]
    return np.asarray(wave / np.abs(wave).max(), np.float32)


def talk(
    rng: np.random.Generator, language: str, seconds: float, *, share_of_pauses: float = 1.0
) -> tuple[NDArray[np.float32], list[Phrase]]:
    """Phrases with pauses between them, over faint noise.

    Args:
        rng: where the choices come from.
        language: "en" or "de".
        seconds: how long.
        share_of_pauses: stretches the pauses.

    Returns:
        FP32 [samples] at 16 kHz, and the phrases that begin in them; the last may go beyond.
    """
    length = round(seconds * RATE)
    parts = []
    phrases = []
    at = round(rng.uniform(0.0, 1.2) * share_of_pauses * RATE)
    while at < length:
        first = at
        said = tuple(int(each) for each in rng.integers(0, 20, int(rng.integers(1, 5))))
        spans = []
        for index in said:
            wave = word(language, index, SPEEDS[int(rng.integers(len(SPEEDS)))])
            parts.append((at, wave))
            end = at + wave.size
            spans.append((at / RATE, end / RATE))
            at = end + round(rng.uniform(0.03, 0.08) * RATE)
        phrases.append(Phrase(first / RATE, end / RATE, said, tuple(spans)))
        at = end + round(rng.uniform(0.35, 1.2) * share_of_pauses * RATE)
    total = np.zeros(max(length, at), np.float32)
    for start, wave in parts:
        total[start : start + wave.size] += 0.5 * wave
    noise = rng.standard_normal(total.size) * 10 ** rng.uniform(-4.5, -3.0)
    return np.asarray(total + noise, np.float32)[:length], phrases
