"""How long after a word begins the model writes it.

A model trained with CTC writes a token when it has heard enough of it; a piece that is a whole word
comes late in that word. espeak-ng says where its words are, so this can be measured.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from builders.asr.stages.reading import ctc
from builders.asr.stages.reading.words import Vocabulary
from training.asr.learning import align
from training.asr.sound import augment, speech, voices
from training.asr.sound.features import log_mel
from training.asr.text import grammar

EDGE = 0.3
"""Seconds of silence before and after a sentence."""


def measure(model: Any, tokenizer: Any, seed: int, count: int) -> dict[str, float]:
    """The delay on clean speech of voices, speeds and sentences that training never used.

    Args:
        model: the recogniser.
        tokenizer: of the tokenizers package.
        seed: of the sentences.
        count: how many.

    Returns:
        ``words`` that were measured, those of sentences that were read without an error; ``p05``,
        ``p50`` and ``p95`` of the seconds from a word's first sample to the step that writes it.
    """
    vocabulary = Vocabulary(tokenizer, [model.config.pad_token_id])
    edge = np.zeros(int(EDGE * augment.RATE), np.float32)
    late: list[float] = []
    for index in range(count):
        rng = np.random.default_rng([seed, 1, index])
        speaker = voices.draw(rng, voices.UNSEEN_VARIANTS, split="evaluation")
        text = grammar.sentence(rng, "evaluation")
        said = speech.say(text, speaker)
        wave = np.concatenate([edge, augment.resample(said.sound, said.rate), edge])
        written = _written(model, vocabulary, wave)
        if [word for word, _ in written] == text.split():
            late += [
                at - (EDGE + first / said.rate)
                for (_, at), (first, _) in zip(written, align.word_samples(said), strict=True)
            ]
    shares = dict(zip(("p05", "p50", "p95"), np.quantile(late, (0.05, 0.5, 0.95)), strict=True))
    return {"words": len(late)} | {name: round(float(each), 3) for name, each in shares.items()}


def _written(model: Any, vocabulary: Vocabulary, wave: augment.Wave) -> list[tuple[str, float]]:
    """The words as the kit reads them greedily, each with the second of the step it begins at."""
    with torch.no_grad():
        logits = model(torch.from_numpy(log_mel(wave).astype(np.float32))[None]).logits[0]
    tokens = ctc.greedy(torch.log_softmax(logits, -1).numpy(), model.config.pad_token_id)
    return [(word.text, word.start * align.STEP) for word in vocabulary.words(tokens)]
