"""The gate of a build: words read wrongly in speech that no training used, clean and in noise."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from builders.kit.family import Metric
from repository.arrays import Arrays

FOLDER = Path(__file__).parent / "evaluation"
"""Sixty sentences as Ogg Vorbis, each clean and with noise at 10 dB, and ``transcripts.json``."""

TRANSCRIPTS = FOLDER / "transcripts.json"

_PUNCTUATION = re.compile(r"[^\w\s']|_")


def normalised(text: str) -> str:
    """In lower case and without punctuation: models that write both are not charged for it."""
    return " ".join(_PUNCTUATION.sub(" ", text.lower()).split())


def word_error_rate(run: Callable[[Arrays], Arrays], *, kind: str) -> float:
    """Words substituted, left out and put in, over the words spoken.

    Args:
        run: the pipeline: ``audio`` -> ``text``.
        kind: ``clean`` or ``noisy``.
    """
    import jiwer

    utterances = json.loads(TRANSCRIPTS.read_text("utf-8"))["utterances"]
    found = []
    for each in utterances:
        answer = run({"audio": np.frombuffer((FOLDER / each[kind]).read_bytes(), np.uint8)})
        found.append(" ".join(bytes(text).decode("utf-8") for text in answer["text"]))
    spoken = [normalised(each["text"]) for each in utterances]
    return float(jiwer.wer(spoken, [normalised(text) for text in found]))


def metrics(pipeline: str, *, clean: float, noisy: float, prefix: str = "") -> tuple[Metric, ...]:
    """The two gates of a pipeline.

    Args:
        pipeline: its name.
        clean: the highest rate that passes without noise.
        noisy: the same at 10 dB.
        prefix: of the metrics' names.
    """
    return tuple(
        Metric(
            name=f"{prefix}{name}",
            pipeline=pipeline,
            bound=bound,
            better="lower",
            measure=partial(word_error_rate, kind=kind),
            data=(FOLDER,),
        )
        for name, bound, kind in (
            ("word_error_rate", clean, "clean"),
            ("word_error_rate_10_db", noisy, "noisy"),
        )
    )
