"""What the recogniser is measured on: voices, speeds and sentences that training never used.

Every item is a function of the seed and its number, clean and with noise at 10 dB.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import jiwer
import numpy as np
import torch
from numpy.typing import NDArray

from training.asr.sound import augment, speech, voices
from training.asr.sound.features import log_mel
from training.asr.text import grammar

NOISE_DB = 10.0
NOISES = ("white", "pink", "babble")


@dataclass(frozen=True)
class Utterance:
    """A held-out sentence, FP32 [samples] at 16 kHz of 16 bits, twice."""

    text: str
    speaker: voices.Speaker
    noise: str
    clean: augment.Wave
    noisy: augment.Wave


def make(seed: int, index: int, *, accent: str = "", speed: int = 0) -> Utterance:
    """Item ``index``, in an accent that training heard and an unseen speed unless one is named."""
    rng = np.random.default_rng([seed, 1, index])
    speaker = voices.draw(
        rng, voices.UNSEEN_VARIANTS, split="evaluation", accent=accent, speed=speed
    )
    text = grammar.sentence(rng, "evaluation")
    sound, rate = speech.speak(text, speaker)
    edges = [np.zeros(int(rng.uniform(0.15, 0.4) * augment.RATE), np.float32) for _ in range(2)]
    clean = np.concatenate([edges[0], augment.resample(sound, rate), edges[1]])
    kind = NOISES[index % len(NOISES)]
    level = np.sqrt(augment.power(clean) * 10 ** (-NOISE_DB / 10))
    noise = augment.noise(rng, len(clean), kind, _babble(seed))
    noisy = clean + np.float32(level) * noise
    return Utterance(text, speaker, kind, _quantised(clean), _quantised(noisy))


def recognise(model: Any, tokenizer: Any, features: list[NDArray[np.float16]]) -> list[str]:
    """The text of each, by the most probable piece of every step (greedy CTC)."""
    texts = [""] * len(features)
    order = sorted(range(len(features)), key=lambda k: len(features[k]))
    for start in range(0, len(order), 16):
        rows = order[start : start + 16]
        longest = max(len(features[k]) for k in rows)
        padded = np.zeros((len(rows), longest, 80), np.float32)
        lengths = torch.tensor([len(features[k]) for k in rows])
        for row, k in enumerate(rows):
            padded[row, : len(features[k])] = features[k]
        mask = torch.arange(longest) < lengths[:, None]
        ids = model.generate(torch.from_numpy(padded), attention_mask=mask)
        for k, row in zip(rows, ids.tolist(), strict=True):
            texts[k] = collapse(tokenizer, row, model.config.pad_token_id)
    return texts


def collapse(tokenizer: Any, ids: list[int], blank: int) -> str:
    """CTC: repeats count once, blanks do not count."""
    kept = [
        piece for k, piece in enumerate(ids) if piece != blank and (not k or ids[k - 1] != piece)
    ]
    return str(tokenizer.decode(kept))


def word_error_rate(references: list[str], found: list[str]) -> float:
    """Substituted, deleted and inserted words over the words spoken, over all sentences."""
    return float(jiwer.wer(references, found))


class Measured:
    """A fixed number of utterances as features, to measure a model on again and again.

    Args:
        seed: of the utterances.
        count: how many.
        accent: of all of them, instead of those that training hears.
        speed: of all of them, instead of the unseen ones.
    """

    def __init__(self, seed: int, count: int, *, accent: str = "", speed: int = 0) -> None:
        made = [make(seed, k, accent=accent, speed=speed) for k in range(count)]
        self.texts = [utterance.text for utterance in made]
        self.clean = [log_mel(utterance.clean) for utterance in made]
        self.noisy = [log_mel(utterance.noisy) for utterance in made]

    def word_error_rates(self, model: Any, tokenizer: Any) -> dict[str, float]:
        """``clean`` and ``noise_10db``."""
        return {
            name: word_error_rate(self.texts, recognise(model, tokenizer, features))
            for name, features in (("clean", self.clean), ("noise_10db", self.noisy))
        }


def _quantised(wave: augment.Wave) -> augment.Wave:
    scaled = wave * np.float32(0.6 / max(1e-6, float(np.abs(wave).max())))
    return np.round(scaled * 32767).astype(np.float32) / np.float32(32768)


@cache
def _babble(seed: int) -> tuple[augment.Wave, ...]:
    rng = np.random.default_rng([seed, 2])
    waves = []
    for _ in range(20):
        speaker = voices.draw(rng, voices.UNSEEN_VARIANTS, split="evaluation")
        sound, rate = speech.speak(grammar.sentence(rng, "evaluation"), speaker)
        waves.append(augment.resample(sound, rate))
    return tuple(waves)
