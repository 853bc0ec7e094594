"""A Whisper checkpoint's tokens and settings, as the export wrote them for the stage."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Settings:
    """What the stage needs to know.

    Attributes:
        tokens: each token's bytes; empty for a special token or a time stamp.
        first_time_stamp: the token of 0.00 s.
        frames: of a window.
        hop: samples from frame to frame.
        frame: samples of a frame.
        languages: codes by number; none of an English-only checkpoint.
        names: name -> code of a language.
        language: the number of the default one; -1 means to detect it.
        tasks: by number.
        task: the number of the default one.
        alignment_heads: how many there are; without any there are no times of words.
        median_filter_width: positions over which attention is smoothed.
        filters: FP32 [bins, mels].
    """

    tokens: list[bytes]
    first_time_stamp: int
    frames: int
    hop: int
    frame: int
    languages: list[str]
    names: dict[str, str]
    language: int
    tasks: list[str]
    task: int
    alignment_heads: int
    median_filter_width: int
    filters: np.ndarray


def read(path: Path) -> Settings:
    """The settings in the file."""
    content = json.loads(path.read_text("utf-8"))
    filters = np.zeros((content["frame"] // 2 + 1, content["mels"]), np.float32)
    for row, column, weight in content["filters"]:
        filters[row, column] = weight
    return Settings(
        tokens=[token.encode("latin-1") for token in content["tokens"]],
        first_time_stamp=content["first_time_stamp"],
        frames=content["frames"],
        hop=content["hop"],
        frame=content["frame"],
        languages=content["languages"],
        names=content["names"],
        language=content["language"],
        tasks=content["tasks"],
        task=content["task"],
        alignment_heads=content["alignment_heads"],
        median_filter_width=content["median_filter_width"],
        filters=filters,
    )


def text(tokens: np.ndarray, settings: Settings) -> str:
    """The text of tokens; bytes that are no UTF-8 become U+FFFD, as tokenizers' decoder has it."""
    known = len(settings.tokens)
    joined = b"".join(settings.tokens[token] for token in tokens.tolist() if token < known)
    return joined.decode("utf-8", "replace")
