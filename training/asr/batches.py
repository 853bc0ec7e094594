"""Which items are trained on, and when: a function of the seed and the step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.asr import corpus, model

FRAMES = 12_000
"""Of features in a batch, padding included: two minutes of speech."""

GROWTH = 5_000
"""Items that each round over the corpus has more than the one before, until it has them all."""


@dataclass(frozen=True)
class Batch:
    """Padded features FP32 [batch, frames, 80], their lengths, and labels end to end."""

    features: torch.Tensor
    lengths: torch.Tensor
    labels: torch.Tensor
    label_lengths: torch.Tensor

    @property
    def mask(self) -> torch.Tensor:
        """BOOL [batch, frames]: what is not padding."""
        return torch.arange(self.features.shape[1]) < self.lengths[:, None]


class Items:
    """A corpus' items, read from its chunks when they are first needed.

    Args:
        folder: what ``corpus.write`` wrote.
        tokenizer: text -> labels.
    """

    def __init__(self, folder: Path, tokenizer: Any) -> None:
        self._folder = folder
        self._tokenizer = tokenizer
        self._features: list[NDArray[np.float16]] = []
        self.starts: list[int] = []
        self.frames: list[int] = []
        self.labels: list[list[int]] = []

    def grow(self, count: int) -> None:
        """Read the first ``count`` items, waiting for those that are still being made.

        Raises:
            FileNotFoundError: a chunk that is not there after ten minutes.
        """
        for number in range(len(self._features), count // corpus.CHUNK):
            corpus.wait_for(self._folder, number)
            listed = json.loads((self._folder / f"items-{number:04d}.json").read_text("utf-8"))
            features = np.load(self._folder / f"features-{number:04d}.npy", mmap_mode="r")
            self._features.append(features)
            start = 0
            for item in listed:
                self.starts.append(start)
                self.frames.append(item["frames"])
                self.labels.append(self._tokenizer.encode(item["text"]).ids)
                start += item["frames"]

    def features(self, item: int) -> NDArray[np.float16]:
        """FP16 [frames, 80]."""
        start = self.starts[item]
        return self._features[item // corpus.CHUNK][start : start + self.frames[item]]

    def batch(self, chosen: NDArray[np.int64], rng: np.random.Generator, masks: int) -> Batch:
        """The chosen items, padded, with that many masks each way (SpecAugment)."""
        lengths = [self.frames[item] for item in chosen]
        padded = np.zeros((len(chosen), max(lengths), 80), np.float32)
        for row, item in enumerate(chosen):
            padded[row, : lengths[row]] = self.features(item)
            mask(padded[row, : lengths[row]], rng, masks)
        labels = [self.labels[item] for item in chosen]
        return Batch(
            torch.from_numpy(padded),
            torch.tensor(lengths),
            torch.tensor([label for each in labels for label in each], dtype=torch.long),
            torch.tensor([len(each) for each in labels]),
        )


def mask(features: NDArray[np.float32], rng: np.random.Generator, masks: int) -> None:
    """Set up to so many bands (15 of 80) and spans (0.2 s) to the mean; source: SpecAugment."""
    frames, bands = features.shape
    for _ in range(masks):
        width = int(rng.integers(16))
        start = int(rng.integers(bands - width))
        features[:, start : start + width] = 0
    for _ in range(masks * (1 + frames // 400)):
        width = min(int(rng.integers(21)), frames // 8)
        start = int(rng.integers(frames - width))
        features[start : start + width] = 0


def schedule(items: Items, seed: int, count: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Each step's round and items, without end.

    The first round goes from the shortest to the longest, which lets CTC find its alignment. The
    others shuffle. A round cuts the items, sorted by length, into batches of like lengths.

    Args:
        items: grows as rounds need it.
        seed: of the order.
        count: items in the corpus.
    """
    number = 0
    while True:
        items.grow(min(count, GROWTH * (number + 1)))
        frames = np.array(items.frames)
        rng = np.random.default_rng([seed, number])
        fits = [
            model.frames_out(f) > 1.3 * len(y) for f, y in zip(frames, items.labels, strict=True)
        ]
        order = np.argsort(frames * rng.uniform(0.97, 1.03, len(frames)), kind="stable")
        batches = _cut(order[np.array(fits)[order]], frames)
        if number:
            batches = [batches[k] for k in rng.permutation(len(batches))]
        for batch in batches:
            yield number, batch
        number += 1


def _cut(order: NDArray[np.int64], frames: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    batches, current, longest = [], list[int](), 0
    for item in order:
        if current and max(longest, frames[item]) * (len(current) + 1) > FRAMES:
            batches.append(np.array(current))
            current, longest = [], 0
        current.append(int(item))
        longest = max(longest, int(frames[item]))
    return [*batches, np.array(current)]
