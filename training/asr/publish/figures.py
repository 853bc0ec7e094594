"""The figures of the model card: word error rates on what training never used."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from training.asr.publish import evaluation, word_times
from training.asr.sound import augment, voices
from training.asr.sound.features import log_mel
from training.asr.text import tokenizer


def measure(model: Any, seed: int, count: int) -> dict[str, Any]:
    """Word error rates on voices, speeds and sentences that training never used.

    Returns:
        ``held_out``, ``unseen_accent`` and ``too_fast`` (``clean`` and ``noise_10db`` of each),
        ``joined`` (several sentences with pauses in 20 to 30 s), ``by_noise``, and the words found
        in sounds without speech; ``word_times``, see :func:`word_times.measure`.
    """
    torch.set_num_threads(2)
    pieces = tokenizer.build()
    test = evaluation.Measured(seed + 3, count)
    accent = evaluation.Measured(seed + 4, count // 4, accent=voices.UNSEEN_ACCENT)
    fast = evaluation.Measured(seed + 7, count // 4, speed=voices.TOO_FAST)
    by_noise = {}
    for number, kind in enumerate(evaluation.NOISES):
        chosen = range(number, count, len(evaluation.NOISES))
        found = evaluation.recognise(model, pieces, [test.noisy[k] for k in chosen])
        by_noise[kind] = evaluation.word_error_rate([test.texts[k] for k in chosen], found)
    long_texts, long_features = _joined(seed + 5, max(4, count // 20))
    empty = [log_mel(wave) for wave in _nothing(seed + 6)]
    found = evaluation.recognise(model, pieces, empty)
    return {
        "utterances": count,
        "words": sum(len(text.split()) for text in test.texts),
        "held_out": test.word_error_rates(model, pieces),
        "by_noise": by_noise,
        "unseen_accent": accent.word_error_rates(model, pieces),
        "too_fast": fast.word_error_rates(model, pieces),
        "joined": evaluation.word_error_rate(
            long_texts, evaluation.recognise(model, pieces, long_features)
        ),
        "joined_seconds": sum(map(len, long_features)) // 100,
        "without_speech": len(empty),
        "words_without_speech": sum(len(text.split()) for text in found),
        "word_times": word_times.measure(model, pieces, seed + 8, count // 4),
    }


def _joined(seed: int, count: int) -> tuple[list[str], list[Any]]:
    """Recordings of 20 to 30 s: clean held-out sentences with pauses of 0.3 to 0.8 s."""
    texts, features = [], []
    index = 0
    for _ in range(count):
        said, waves = list[str](), list[augment.Wave]()
        while sum(map(len, waves)) < 20 * augment.RATE:
            made = evaluation.make(seed, index)
            said.append(made.text)
            waves.append(made.clean)
            index += 1
        texts.append(" ".join(said))
        features.append(log_mel(np.concatenate(waves)))
    return texts, features


def _nothing(seed: int) -> list[augment.Wave]:
    """Digital silence and noise of every kind but babble, faint and loud, two to eight seconds."""
    rng = np.random.default_rng(seed)
    waves = [np.zeros(augment.RATE * seconds, np.float32) for seconds in (2, 4, 8)]
    for kind in ("white", "pink", "brown", "hum"):
        for level in (-3.5, -2.5, -1.5):
            wave = augment.noise(rng, int(rng.uniform(2, 8) * augment.RATE), kind)
            waves.append(np.asarray(wave * np.float32(10**level), np.float32))
    return waves
