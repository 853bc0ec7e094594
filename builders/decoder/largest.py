"""The largest request that a server is sized for: a prompt that fills a slot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from repository.arrays import Arrays
from repository.config.text import read_config
from repository.layout import VERSION

ANSWER = 8
"""Tokens of the answer: each takes as much as the first."""

PHOTOGRAPH = 8_000_000
"""Bytes of an image file: one of 12 megapixels has about as many."""

WORD = " 0"
"""What the prompt repeats: a token or two in any vocabulary."""


def context_of(model: Path) -> int | None:
    """Tokens of a slot of a built model; None if another server decodes.

    Args:
        model: its folder.
    """
    parameters = read_config(model / "config.pbtxt").parameters
    return int(parameters["context"].string_value) if "context" in parameters else None


def request(model: Path) -> Arrays:
    """A prompt of as many tokens as a slot of a built model takes.

    Args:
        model: its folder, of the local engine.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model / VERSION / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    room = (context_of(model) or 0) - ANSWER
    few = 1
    many = room
    while few < many:
        middle = (few + many + 1) // 2
        if len(tokenizer.encode(WORD * middle).ids) <= room:
            few = middle
        else:
            many = middle - 1
    return {
        "text_input": np.array([(WORD * few).encode()], np.object_),
        "max_tokens": np.array([ANSWER], np.int32),
        "ignore_eos": np.array([True]),
    }


def photograph() -> Arrays:
    """A chat about an image file of :data:`PHOTOGRAPH` bytes, which another server is asked."""
    chat = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}]}]
    return {
        "messages": np.array([json.dumps(chat).encode()], np.object_),
        "image": np.array([bytes(PHOTOGRAPH)], np.object_),
    }


def slot_bytes(model: Path) -> int | None:
    """Bytes of the cache of a slot of a built model; None if another server decodes.

    Args:
        model: its folder.
    """
    if (context := context_of(model)) is None:
        return None
    settings = json.loads((model / VERSION / "decoder.json").read_text("utf-8"))
    numbers = settings["layers"] * 2 * settings["kv_heads"] * settings["head_dim"]
    return int(4 * numbers * context)
