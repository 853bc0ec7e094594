"""Texts to a text model's tokens, as the checkpoint's own tokenizer makes them.

``text`` BYTES [texts], UTF-8 -> ``input_ids`` INT64 [texts, tokens], ``attention_mask`` INT64
[texts, tokens], 1 where a token is of the text and 0 where it only fills a shorter row.

``tokenizer.json`` is what :mod:`builders.stages.tokenizer_file` writes: its padding says which
token fills. A text with more tokens than the model takes is cut, and keeps its special tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from builders.kit.invalid_argument import InvalidArgument

MAXIMUM_BYTES = 1 << 20
"""The most bytes of all texts of a request, unless a parameter says otherwise."""

_SHOWN = 4
"""Texts that a refusal names."""


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage.

    Its parameters are ``maximum_length``, the most tokens of a text; ``padded_length``, what every
    text is filled up to, or 0 for the longest of the request; ``length_step``, of which that one
    is a multiple; ``maximum_texts`` and ``maximum_bytes`` of a request.
    """
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    padding, truncation = tokenizer.padding, tokenizer.truncation
    assert padding is not None and truncation is not None
    filler, side = int(padding["pad_id"]), truncation["direction"]
    # The texts of a request are filled up here, to what the request needs.
    tokenizer.no_padding()
    longest = int(parameters["maximum_length"])
    tokenizer.enable_truncation(longest, direction=side)
    fixed = int(parameters.get("padded_length", "0"))
    step = int(parameters.get("length_step", "1"))
    most_texts = int(parameters["maximum_texts"])
    most_bytes = int(parameters.get("maximum_bytes", MAXIMUM_BYTES))

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        texts = _texts(inputs["text"], most_texts, most_bytes)
        rows = tokenizer.encode_batch_fast(texts)
        ids = [row.ids for row in rows]
        _refuse("has no token that the model knows", [not each for each in ids])
        length = fixed or min(-(-max(map(len, ids)) // step) * step, longest)
        return _filled(ids, length, filler)

    return run


def _filled(ids: Sequence[Sequence[int]], length: int, filler: int) -> dict[str, np.ndarray]:
    input_ids = np.full((len(ids), length), filler, np.int64)
    mask = np.zeros((len(ids), length), np.int64)
    for row, tokens in enumerate(ids):
        input_ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return {"input_ids": input_ids, "attention_mask": mask}


def _texts(given: np.ndarray, most_texts: int, most_bytes: int) -> list[str]:
    """The texts of a request.

    Raises:
        InvalidArgument: none, too many or too large ones, empty ones, or other bytes than UTF-8.
    """
    values = [_bytes(value) for value in np.asarray(given, np.object_).reshape(-1).tolist()]
    if not 1 <= len(values) <= most_texts:
        raise InvalidArgument(
            f"expected from 1 to {most_texts} texts in a request, found {len(values) or 'none'}; "
            "send others in a request of their own"
        )
    if (size := sum(map(len, values))) > most_bytes:
        raise InvalidArgument(
            f"the texts have {size} bytes, more than the {most_bytes} of a request; send them in "
            "parts"
        )
    texts = [_decoded(value) for value in values]
    _refuse("is not UTF-8", [text is None for text in texts])
    found = [text for text in texts if text is not None]
    _refuse("is empty", [not text.strip() for text in found])
    return found


def _refuse(what: str, wrong: Sequence[bool]) -> None:
    """Refuses a request if any of its texts is wrong; the first text is number 1."""
    numbers = [str(number) for number, each in enumerate(wrong, 1) if each]
    if numbers:
        more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
        raise InvalidArgument(
            f"expected words in UTF-8 in every text, found that text number "
            f"{', '.join(numbers[:_SHOWN])}{more} of {len(wrong)} {what}"
        )


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _decoded(value: bytes) -> str | None:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return None
