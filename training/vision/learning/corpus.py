"""The training scenes, drawn once: files of pixels and targets, read as memory maps."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from repository.children import end_with_parent
from training.errors import TrainingError
from training.vision.scenes import draw, scene

CHUNK = 2048
"""Scenes in a file."""


def write(folder: Path, *, seed: int, count: int, workers: int) -> None:
    """Draw the scenes that FOLDER lacks.

    Args:
        folder: gets ``pixels-NNNN.npy``, UINT8 [scenes, height, width, 3], and
            ``targets-NNNN.npy``, UINT8 [scenes, patches, targets].
        seed: of the scenes.
        count: of them, rounded up to whole files.
        workers: processes that draw; with 0 it is this one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbers = [n for n in range(-(-count // CHUNK)) if not _path(folder, "pixels", n).is_file()]
    if not workers:
        for number in numbers:
            _write(folder, seed, number)
        return
    with ProcessPoolExecutor(
        workers,
        mp_context=get_context("spawn"),
        initializer=end_with_parent,
        initargs=(os.getpid(),),
    ) as pool:
        for done in [pool.submit(_write, folder, seed, number) for number in numbers]:
            print(f"scenes up to {CHUNK * (done.result() + 1)}", flush=True)


def _write(folder: Path, seed: int, number: int) -> int:
    scenes = [scene.at(seed, "training", CHUNK * number + each) for each in range(CHUNK)]
    for name, found in (
        ("targets", np.stack([draw.targets(each) for each in scenes])),
        ("pixels", np.stack([draw.draw(each) for each in scenes])),
    ):
        path = _path(folder, name, number)
        with path.with_suffix(".part").open("wb") as file:
            np.save(file, found)
        path.with_suffix(".part").replace(path)
    return number


def _path(folder: Path, name: str, number: int) -> Path:
    return folder / f"{name}-{number:04d}.npy"


class Corpus:
    """What :func:`write` wrote.

    Args:
        folder: of the files.
        seed: of the scenes.
        count: scenes to use, whole files.

    Raises:
        TrainingError: a file is missing.
    """

    def __init__(self, folder: Path, seed: int, count: int) -> None:
        self.folder, self.seed = folder, seed
        numbers = range(-(-count // CHUNK))
        missing = [n for n in numbers if not _path(folder, "pixels", n).is_file()]
        if missing:
            raise TrainingError(
                f"{folder}: expected {len(numbers)} files of scenes, found "
                f"{len(numbers) - len(missing)}. Let python -m training.vision scenes end, with "
                "as many scenes."
            )
        self._pixels = [np.load(_path(folder, "pixels", n), mmap_mode="r") for n in numbers]
        self._targets = [np.load(_path(folder, "targets", n), mmap_mode="r") for n in numbers]
        self.count = len(numbers) * CHUNK

    def numbers(self, step: int, size: int) -> np.ndarray:
        """The scenes of a step, INT64 [size]: all of them in an order of its own, each round."""
        a_round = self.count // size
        order = np.random.default_rng([self.seed, 7, step // a_round]).permutation(self.count)
        first = step % a_round * size
        return order[first : first + size].copy()

    def written(self) -> np.ndarray:
        """The scenes with a word or a number, INT64 [scenes]."""
        return np.array([n for n in range(self.count) if self.scene(n).writing])

    def pixels(self, numbers: np.ndarray) -> np.ndarray:
        """UINT8 [scenes, height, width, 3]."""
        return np.stack([self._pixels[n // CHUNK][n % CHUNK] for n in numbers])

    def targets(self, numbers: np.ndarray) -> np.ndarray:
        """INT64 [scenes, patches, targets]."""
        return np.stack([self._targets[n // CHUNK][n % CHUNK] for n in numbers]).astype(np.int64)

    def scene(self, number: int) -> scene.Scene:
        """One of them."""
        return scene.at(self.seed, "training", int(number))

    def digest(self) -> str:
        """SHA-256 over all pixels, in order."""
        total = hashlib.sha256()
        for pixels in self._pixels:
            total.update(pixels.tobytes())
        return total.hexdigest()
