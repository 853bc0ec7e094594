"""Which items are trained on, and when: a function of the seed and the step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.asr.learning import align, corpus, model

FRAMES = 6_000
"""Of features in a batch, padding included: a minute of speech."""

GROWTH = 5_000
"""Items that each round over the corpus has more than the one before, until it has them all."""

ALIGNED_ROUNDS = 2
"""Rounds in which training is given the places of the words."""

VARIED_FROM = 3
"""The first round in which every item is another voice at another speed each time."""

MASKS = (0, 1, 2, 1)
"""Bands and spans hidden in the rounds; fewer again once items vary otherwise."""

JOINED_SHARE = 0.35
"""Of the batches where items are joined."""

IGNORED = -100
"""The target of outputs that are padding."""


@dataclass(frozen=True)
class Batch:
    """Some items, padded.

    Attributes:
        features: FP32 [batch, frames, 80].
        lengths: INT64 [batch], in frames.
        labels: INT64, those of all items end to end.
        label_lengths: INT64 [batch].
        targets: INT64 [batch, outputs], each output's piece, or none where only CTC teaches.
    """

    features: torch.Tensor
    lengths: torch.Tensor
    labels: torch.Tensor
    label_lengths: torch.Tensor
    targets: torch.Tensor | None

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
        self.texts: list[str] = []
        self._spans: dict[int, list[list[align.Span]]] = {}

    def grow(self, count: int) -> None:
        """Read the first ``count`` items, waiting for those that are still being made.

        Raises:
            TrainingError: a chunk that is not there after ten minutes.
        """
        for number in range(len(self._features), count // corpus.CHUNK):
            corpus.wait_for(self._folder / f"items-{number:04d}.json")
            listed = json.loads((self._folder / f"items-{number:04d}.json").read_text("utf-8"))
            features = np.load(self._folder / f"features-{number:04d}.npy", mmap_mode="r")
            self._features.append(features)
            start = 0
            for item in listed:
                self.starts.append(start)
                self.frames.append(item["frames"])
                self.texts.append(item["text"])
                self.labels.append(self._tokenizer.encode(item["text"]).ids)
                start += item["frames"]

    def features(self, item: int) -> NDArray[np.float16]:
        """FP16 [frames, 80]."""
        start = self.starts[item]
        return self._features[item // corpus.CHUNK][start : start + self.frames[item]]

    def spans(self, item: int) -> list[align.Span]:
        """Each word's first and last second."""
        number, row = divmod(item, corpus.CHUNK)
        if number not in self._spans:
            corpus.wait_for(self._folder / f"spans-{number:04d}.json")
            read = json.loads((self._folder / f"spans-{number:04d}.json").read_text("utf-8"))
            self._spans[number] = read
        return self._spans[number][row]

    def batch(
        self,
        chosen: NDArray[np.int64],
        rng: np.random.Generator,
        number: int,
        *,
        joined: bool = False,
    ) -> Batch:
        """The chosen items, padded, as round ``number`` wants them.

        Args:
            chosen: which items.
            rng: where choices come from.
            number: the round.
            joined: let some batches have two to four items of different speakers in each row.
        """
        aligned = number < ALIGNED_ROUNDS
        varied = number >= VARIED_FROM
        made = [self.features(item).astype(np.float32) for item in chosen]
        made = [vary(features, rng) for features in made] if varied else made
        labels = [self.labels[item] for item in chosen]
        if joined and rng.random() < JOINED_SHARE and len(made) >= 4:
            together = int(rng.integers(2, 5))
            rows = [range(k, min(k + together, len(made))) for k in range(0, len(made), together)]
            made = [join([made[k] for k in row], rng) for row in rows]
            labels = [[label for k in row for label in labels[k]] for row in rows]
        lengths = [len(features) for features in made]
        padded = np.zeros((len(made), max(lengths), 80), np.float32)
        for row, features in enumerate(made):
            padded[row, : lengths[row]] = features
            mask(padded[row, : lengths[row]], rng, MASKS[min(number, len(MASKS) - 1)])
        return Batch(
            torch.from_numpy(padded),
            torch.tensor(lengths),
            torch.tensor([label for each in labels for label in each], dtype=torch.long),
            torch.tensor([len(each) for each in labels]),
            self._targets(chosen, model.frames_out(max(lengths))) if aligned else None,
        )

    def _targets(self, chosen: NDArray[np.int64], outputs: int) -> torch.Tensor:
        targets = np.full((len(chosen), outputs), IGNORED, np.int64)
        for row, item in enumerate(chosen):
            count = model.frames_out(self.frames[item])
            placed = align.frame_labels(self.texts[item], self.spans(item), count)
            targets[row, :count] = placed
        return torch.from_numpy(targets)


def vary(features: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Another vocal tract, up to a fifth shorter or longer, and a speed up to 15 % other.

    Source: Jaitly and Hinton, vocal tract length perturbation; here by interpolation between bands.

    Args:
        features: FP32 [frames, 80].
        rng: where the choices come from.

    Returns:
        FP32 [other frames, 80].
    """
    centres = _centres()
    bands = np.interp(centres * np.exp(rng.uniform(-0.2, 0.2)), centres, np.arange(80.0))
    frames = np.linspace(
        0, len(features) - 1, max(2, round(len(features) * rng.uniform(0.85, 1.15)))
    )
    return _between(_between(features, frames).T, bands).T


def join(parts: list[NDArray[np.float32]], rng: np.random.Generator) -> NDArray[np.float32]:
    """Several recordings as one, FP32 [frames, 80], normalised again over all of it.

    Each was normalised by itself; loudness, spectral tilt and range, in which they would differ on
    one microphone, are drawn anew.
    """
    bands = np.linspace(0, np.pi, 80)
    shifted = []
    for part in parts:
        curve = sum(rng.normal(0, 0.4) * np.cos(k * bands) for k in range(4))
        shifted.append(part * np.exp(rng.normal(0, 0.15)) + curve)
    whole = np.concatenate(shifted)
    return np.asarray((whole - whole.mean(axis=0)) / (whole.std(axis=0) + 1e-5), np.float32)


def _between(rows: NDArray[np.float32], at: NDArray[np.float64]) -> NDArray[np.float32]:
    """Rows of a matrix at positions between whole numbers."""
    lower = np.minimum(at.astype(np.int64), len(rows) - 2)
    share = (at - lower).astype(np.float32)[:, None]
    return np.asarray(rows[lower] * (1 - share) + rows[lower + 1] * share, np.float32)


@cache
def _centres() -> NDArray[np.float64]:
    """Hz of the 80 bands: Slaney's mel scale from 0 to 8 kHz, as the feature extractor has it."""
    from transformers.audio_utils import hertz_to_mel, mel_to_hertz

    mels = np.linspace(0, hertz_to_mel(8000, mel_scale="slaney"), 82)[1:-1]
    return np.asarray(mel_to_hertz(mels, mel_scale="slaney"))


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

    A round cuts its items, sorted by length, into batches of like lengths, and shuffles these.

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
        for k in rng.permutation(len(batches)):
            yield number, batches[k]
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
