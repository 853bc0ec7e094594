"""Where each word is in a recording, as espeak-ng says, for the first stretch of training.

CTC by itself spends most of a small training run on finding where words are. A first stretch of
training that is given the places, frame by frame, shortens this to minutes. After it CTC decides.
"""

from __future__ import annotations

import itertools
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.asr.learning import corpus
from training.asr.sound import augment
from training.asr.sound.speech import Spoken
from training.asr.text import tokenizer
from training.asr.workers import pool

STEP = 0.08
"""Seconds from one output of the model to the next."""

LEAD = 0.35
"""The share of a piece's time that passes before its outputs begin: blanks separate two equal
ones."""

_FAINT = 10 ** (-35 / 20)
"""Of a sentence's loudest 10 ms: what is fainter at a word's end is a pause."""

Span = tuple[float, float]


def spans(script: corpus.Script) -> list[Span]:
    """Each word's first and last second in the recording of a script."""
    made: list[Span] = []
    offset = script.silences[0] / augment.RATE
    for said, silence in zip(script.spoken, script.silences[1:], strict=True):
        rate = said.rate * script.tempo
        made += [(offset + a / rate, offset + b / rate) for a, b in word_samples(said)]
        offset += (augment.length_at(said.sound, rate) + silence) / augment.RATE
    return made


def word_samples(said: Spoken) -> list[tuple[int, int]]:
    """Each word's first sample and the one after its last, to 10 ms.

    Words that espeak-ng runs together share their time.
    """
    window = said.rate // 100
    frames = said.sound[: len(said.sound) // window * window].astype(np.float32)
    loud = np.sqrt(np.mean(frames.reshape(-1, window) ** 2, axis=1))
    loud = loud > _FAINT * loud.max(initial=1e-6)
    known = [(k, at) for k, at in enumerate(said.starts) if at >= 0] or [(0, 0)]
    if known[0][0]:
        known[0] = (0, known[0][1])
    ends = [*((k, at) for k, at in known[1:]), (len(said.starts), len(said.sound))]
    made = []
    for (first, start), (after, stop) in zip(known, ends, strict=True):
        heard = np.flatnonzero(loud[start // window : stop // window])
        stop = start + (int(heard[-1]) + 1) * window if len(heard) else stop
        edges = np.linspace(start, stop, after - first + 1)
        made += [(int(a), int(b)) for a, b in itertools.pairwise(edges)]
    return made


def frame_labels(text: str, placed: list[Span], outputs: int) -> NDArray[np.int64]:
    """The piece at each output of the model, INT64 [outputs]; blank where none is said.

    Args:
        text: words of the vocabulary.
        placed: each word's first and last second.
        outputs: how many the model gives.
    """
    labels = np.full(outputs, len(tokenizer.pieces()), np.int64)
    for word, (start, stop) in zip(text.split(), placed, strict=True):
        encoded = _pieces(word)
        letters = np.cumsum([0, *(length for _, length in encoded)])
        edges = start + (stop - start) * letters / letters[-1]
        for (piece, _), a, b in zip(encoded, edges, edges[1:], strict=False):
            first = np.ceil((a + LEAD * (b - a)) / STEP)
            last = max(first, np.floor(b / STEP))
            labels[int(first) : int(last) + 1] = piece
    return labels


def write(folder: Path, *, seed: int, count: int, workers: int) -> None:
    """``spans-0000.json`` beside every chunk of the first ``count`` items that lacks one."""
    missing = [
        n for n in range(count // corpus.CHUNK) if not (folder / f"spans-{n:04d}.json").is_file()
    ]
    with pool(workers) as shared:
        for _ in shared.map(_write_chunk, [folder] * len(missing), [seed] * len(missing), missing):
            pass


def _write_chunk(folder: Path, seed: int, number: int) -> None:
    made = []
    for index in range(number * corpus.CHUNK, (number + 1) * corpus.CHUNK):
        script = corpus.write_script(seed, index)
        placed = spans(script) if script.spoken else []
        made.append([(round(a, 3), round(b, 3)) for a, b in placed])
    part = folder / f"spans-{number:04d}.json.part"
    part.write_text(json.dumps(made), "utf-8")
    part.replace(part.with_suffix(""))


@cache
def _tokenizer() -> Any:
    return tokenizer.build()


@cache
def _pieces(word: str) -> list[tuple[int, int]]:
    encoded = _tokenizer().encode(word)
    return [
        (number, len(piece.removeprefix("▁")))
        for number, piece in zip(encoded.ids, encoded.tokens, strict=True)
    ]
