"""A request as the tensors of TensorRT-LLM's C++ backend.

Each has a batch axis of size 1 in front. An image stands in the prompt as tokens that there are
not: the first of them has the number of the vocabulary's size, and they count on from there through
all images of a request. Each one's embedding is a row of ``prompt_embedding_table``. Since the same
numbers stand for other images in other requests, ``prompt_table_extra_ids`` tells images apart: the
backend may share the cache of a prompt's beginning between requests where both are equal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from builders.kit.invalid_argument import InvalidArgument

from ..asking.request import Ask

_LARGEST = float(np.finfo(np.float16).max)

WANTED = ("output_ids", "sequence_length")
"""The outputs that are asked for: the tokens of a response, and how many of them count."""


@dataclass(frozen=True)
class Vocabulary:
    """What has to be known of an engine's tokens.

    Attributes:
        size: how many there are.
        eos: those that end a text; one at least.
        pad: fills up a batch.
    """

    size: int
    eos: tuple[int, ...]
    pad: int


def tensors(
    ask: Ask,
    ids: np.ndarray,
    images: Sequence[tuple[int, int]],
    most: int,
    vocabulary: Vocabulary,
    seed: int,
) -> dict[str, np.ndarray]:
    """The inputs.

    Args:
        ask: the request.
        ids: INT64 [tokens], the prompt; where images stand, any.
        images: where each image's rows begin in the prompt, and how many it has.
        most: tokens of the answer.
        vocabulary: the engine's.
        seed: for sampling, if the request has none.

    Raises:
        InvalidArgument: embeddings that FP16 does not hold.
    """
    ends = () if ask.ignore_eos else vocabulary.eos
    chosen = {
        "input_lengths": np.int32(len(ids)),
        "request_output_len": np.int32(most),
        "end_id": np.int32(ends[0] if ends else -1),
        "pad_id": np.int32(vocabulary.pad),
        "beam_width": np.int32(1),
        "streaming": np.bool_(True),
        "exclude_input_in_output": np.bool_(True),
        "frequency_penalty": np.float32(ask.frequency_penalty),
        "presence_penalty": np.float32(ask.presence_penalty),
        **_sampling(ask, seed),
    }
    found = {name: np.array([[value]]) for name, value in chosen.items()}
    tokens = ids.astype(np.int32)
    if ask.image_rows is not None:
        found |= _images(ask.image_rows, images, tokens, vocabulary.size)
    if ends[1:]:
        found["stop_words_list"] = _words(ends[1:])
    return {"input_ids": tokens[None], **found}


def _sampling(ask: Ask, seed: int) -> dict[str, np.generic]:
    if not ask.temperature:
        return {"runtime_top_k": np.int32(1), "temperature": np.float32(1)}
    return {
        "runtime_top_k": np.int32(ask.top_k),
        "runtime_top_p": np.float32(ask.top_p),
        "temperature": np.float32(ask.temperature),
        "seed": np.uint64((seed if ask.seed is None else ask.seed) % (1 << 64)),
    }


def _images(
    rows: np.ndarray, images: Sequence[tuple[int, int]], tokens: np.ndarray, vocabulary: int
) -> dict[str, np.ndarray]:
    """The table of all images; ``tokens`` gets the numbers of its rows."""
    if (largest := float(np.abs(rows).max())) > _LARGEST:
        raise InvalidArgument(
            f"image_embeds: expected numbers up to {_LARGEST:g}, as FP16 holds, found {largest:g}"
        )
    table = rows.astype(np.float16)
    extra = np.zeros(len(tokens), np.uint64)
    begin = 0
    for place, share in images:
        tokens[place : place + share] = vocabulary + begin + np.arange(share, dtype=np.int32)
        extra[place : place + share] = _name(table[begin : begin + share])
        begin += share
    return {
        "prompt_embedding_table": table[None],
        "prompt_vocab_size": np.array([[len(table)]], np.int32),
        "prompt_table_extra_ids": extra[None],
    }


def _name(rows: np.ndarray) -> int:
    """A number for an image, the same for the same embeddings; 0 is for what is no image."""
    digest = hashlib.blake2b(rows.tobytes(), digest_size=8).digest()
    return int.from_bytes(digest, "big") or 1


def _words(tokens: Sequence[int]) -> np.ndarray:
    """Words of one token each: their tokens, and where each word ends."""
    return np.array([[tokens, range(1, len(tokens) + 1)]], np.int32)
