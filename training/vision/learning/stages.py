"""Both stages of training, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from training.vision.learning import answers, tower
from training.vision.learning.corpus import Corpus
from training.vision.text import tokenizer


def train(
    scenes: Path,
    folder: Path,
    *,
    seed: int,
    count: int,
    tower_steps: int,
    answer_steps: int,
    threads: int,
) -> Iterator[tuple[str, str]]:
    """Train, or go on training.

    Args:
        scenes: what ``corpus.write`` wrote.
        folder: gets the stages' states and logs.
        seed: of all of it.
        count: scenes to use.
        tower_steps: of the first stage.
        answer_steps: of the second.
        threads: of torch; another number may change the sums' last bits.

    Returns:
        Each stage's name, and the SHA-256 of its weights, when it has ended.
    """
    torch.set_num_threads(threads)
    corpus = Corpus(scenes, seed, count)
    texts = tokenizer.Texts(tokenizer.train(seed))
    yield "tower", tower.train(folder, corpus, texts, tower_steps, tower_steps)
    seen = tower.run(folder, seed).average.siglip.vision_model
    yield "answers", answers.train(folder, corpus, texts, seen, answer_steps, answer_steps)
