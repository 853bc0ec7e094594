"""The gates of a build: answers to questions about drawn scenes, exact to the letter."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from builders.errors import BuildersError
from builders.kit.family import Metric
from builders.scenes import Scene, read_scenes
from repository.arrays import Arrays

Run = Callable[[Arrays], Arrays]

BOUNDS = {"held-out": 0.9, "unseen": 0.75}
"""Part of the scenes -> the share of its questions that has to be answered right. "unseen" has
pairs of colour and shape that no training showed."""

TOGETHER = 8
"""Questions that are asked at once, as a server is asked."""

LONGEST = 24
"""Tokens of an answer."""


def metrics(pipeline: str, folder: Path) -> tuple[Metric, ...]:
    """A gate for each part of the scenes that has a bound; without such parts none.

    Args:
        pipeline: what is asked.
        folder: the scenes.
    """
    parts = {scene.part for scene in read_scenes(folder) if scene.questions}
    return tuple(
        Metric(
            name=f"{part.replace('-', '_')}_exact",
            pipeline=pipeline,
            bound=bound,
            better="higher",
            measure=partial(exact, folder, part),
            data=(folder,),
        )
        for part, bound in BOUNDS.items()
        if part in parts
    )


def exact(folder: Path, part: str, generate: Run) -> float:
    """The share of right answers.

    Args:
        folder: the scenes.
        part: of them.
        generate: the pipeline, ``messages`` and ``image`` -> ``text_output``.
    """
    asked = list(_questions(folder, part))
    with ThreadPoolExecutor(TOGETHER) as pool:
        given = list(pool.map(lambda each: _answer(generate, each[0], each[1]), asked))
    if not asked:
        raise BuildersError(
            f"{folder}: expected questions about scenes of the part '{part}', found none."
        )
    return sum(one == right for one, (_, _, right) in zip(given, asked, strict=True)) / len(asked)


def _questions(folder: Path, part: str) -> Iterator[tuple[Scene, str, str]]:
    for scene in read_scenes(folder):
        if scene.part == part:
            for question, answer in scene.questions:
                yield scene, question, answer


def _answer(generate: Run, scene: Scene, question: str) -> str:
    content = [{"type": "image"}, {"type": "text", "text": question}]
    outputs = generate(
        {
            "messages": _texts(json.dumps([{"role": "user", "content": content}]).encode()),
            "image": _texts(scene.image.read_bytes()),
            "max_tokens": np.array([LONGEST], np.int32),
        }
    )
    return b"".join(outputs["text_output"].tolist()).decode().strip()


def _texts(*texts: bytes) -> np.ndarray:
    return np.array(texts, np.object_)
