"""The recogniser's answers to lines of text.

``index_0`` .. INT32, ``probability_0`` .. and ``space_0`` .. FP32 [m, steps], ``lines`` FP32
[r, 4, 2], ``line_pages`` INT32 [r], ``slots`` INT32 [s, 4] (the reading of each crop, its bucket
and row there, and whether a space stands before its text), ``ways`` INT32 [r, 3], ``minimum_score``
FP32 [1] (optional) -> ``text`` BYTES [-1], ``boxes`` FP32 [-1, 4, 2], ``scores`` FP32 [-1],
``page_numbers`` INT32 [-1]: the lines that have text, in their order; of readings of a page that
exclude each other (:mod:`ways`), those that are surer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from builders.kit.invalid_argument import InvalidArgument

from .reading import ctc, ways

CHARACTERS = "characters.json"
"""The dictionary beside the stage: every class's character, in order."""

MINIMUM_SCORE = 0.5
"""Lines of a lower score are dropped: PP-OCR's ``text_score``."""


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; it reads the dictionary, and has no parameters."""
    characters = json.loads((folder / CHARACTERS).read_text("utf-8"))

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        threshold = _checked(inputs.get("minimum_score"))
        _fit(inputs, len(characters))
        read = _read(inputs, characters)
        weights = np.array(
            [sure.sum() / max(len(sure), 1) * len(text.strip()) for text, sure in read], np.float32
        )
        texts, scores, kept = [], [], []
        for line in _best(inputs["line_pages"], inputs["ways"], weights):
            text, sure = read[line]
            score = ctc.score(sure)
            if text.strip() and score >= threshold:
                texts.append(text.encode())
                scores.append(score)
                kept.append(line)
        return {
            "text": np.array(texts, np.object_),
            "boxes": inputs["lines"][kept].reshape(-1, 4, 2),
            "scores": np.array(scores, np.float32),
            "page_numbers": inputs["line_pages"][kept],
        }

    return run


def _read(
    inputs: Mapping[str, np.ndarray], characters: Sequence[str]
) -> list[tuple[str, np.ndarray]]:
    """Each reading's text, from all pieces that its line was cropped in."""
    texts = [""] * len(inputs["lines"])
    sure: list[list[np.ndarray]] = [[] for _ in texts]
    for line, bucket, row, apart in inputs["slots"].tolist():
        index, probability, space = (
            inputs[f"{name}_{bucket}"][row] for name in ("index", "probability", "space")
        )
        text, own = ctc.decode(index, probability, space, characters)
        texts[line] += f" {text}" if apart and text else text
        sure[line].append(own)
    return [(text, np.concatenate(own)) for text, own in zip(texts, sure, strict=True)]


def _best(line_pages: np.ndarray, of_ways: np.ndarray, weights: np.ndarray) -> list[int]:
    """The readings to keep, page after page."""
    kept: list[int] = []
    for number in dict.fromkeys(line_pages.tolist()):
        own = np.flatnonzero(line_pages == number)
        kept += own[ways.best(of_ways[own], weights[own])].tolist()
    return kept


def _fit(inputs: Mapping[str, np.ndarray], classes: int) -> None:
    """Refuses tensors that cannot be of one page, since they do not fit together."""
    lines, slots = inputs["lines"], inputs["slots"]
    if not len(lines) == len(inputs["line_pages"]) == len(inputs["ways"]):
        raise InvalidArgument(
            f"expected a page and a way for each line, found {len(inputs['line_pages'])} pages and "
            f"{len(inputs['ways'])} ways for {len(lines)} lines"
        )
    if set(slots[:, 0].tolist()) != set(range(len(lines))):
        raise InvalidArgument(
            f"expected slots for each of {len(lines)} lines, found lines "
            f"{sorted(set(slots[:, 0].tolist()))[:4]} in {len(slots)} slots"
        )
    if not np.isfinite(lines).all():
        raise InvalidArgument("expected lines of finite numbers, found NaN or infinity")
    rows = {}
    for number in range(sum(name.startswith("index_") for name in inputs)):
        index = inputs[f"index_{number}"]
        others = [inputs[f"{name}_{number}"] for name in ("probability", "space")]
        if any(other.shape != index.shape for other in others):
            raise InvalidArgument(
                f"expected index_{number}, probability_{number} and space_{number} of one shape, "
                f"found {[list(each.shape) for each in (index, *others)]}"
            )
        if index.size and not 0 <= index.min() <= index.max() < classes:
            raise InvalidArgument(
                f"index_{number} must be from 0 to {classes - 1}, the recogniser's last class, "
                f"found {index.min()} to {index.max()}"
            )
        rows[number] = len(index)
    for _, bucket, row, _ in slots.tolist():
        if not 0 <= row < rows.get(bucket, 0):
            raise InvalidArgument(
                f"expected slots that name a bucket and a row in it, found {[bucket, row]}, "
                f"where the buckets have {list(rows.values())} rows"
            )


def _checked(minimum_score: np.ndarray | None) -> float:
    if minimum_score is None:
        return MINIMUM_SCORE
    values = np.asarray(minimum_score, np.float64).reshape(-1)
    if values.size != 1 or not 0 <= values[0] <= 1:
        raise InvalidArgument(
            f"minimum_score must be one number from 0 to 1, found {values[:4].tolist()}"
        )
    return float(values[0])
