"""Both stages of training, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from training.vision.learning import answers, tower
from training.vision.learning.corpus import Corpus
from training.vision.text import tokenizer

TOWER_SHARE = 0.9
"""Of the tower's way it is gone so much: its rate falls to a fifth, and not to nothing."""


def train(
    scenes: Path,
    folder: Path,
    *,
    seed: int,
    count: int,
    tower_steps: int,
    answer_steps: int,
    threads: tuple[int, int],
) -> Iterator[tuple[str, str]]:
    """Train, or go on training.

    Args:
        scenes: what ``corpus.write`` wrote.
        folder: gets the stages' states and logs.
        seed: of all of it.
        count: scenes to use.
        tower_steps: of the first stage.
        answer_steps: of the second.
        threads: of torch, in each stage; another number may change the sums' last bits.

    Returns:
        Each stage's name, and the SHA-256 of its weights, when it has ended.
    """
    torch.set_num_threads(threads[0])
    corpus = Corpus(scenes, seed, count)
    texts = tokenizer.Texts(tokenizer.load())
    planned = round(tower_steps / TOWER_SHARE)
    yield "tower", tower.train(folder, corpus, texts, planned, tower_steps)
    torch.set_num_threads(threads[1])
    seen = tower.run(folder, seed).average.siglip.vision_model
    yield "answers", answers.train(folder, corpus, texts, seen, answer_steps)
