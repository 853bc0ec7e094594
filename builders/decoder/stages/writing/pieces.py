"""Tokens to text, one by one.

The pieces of an answer together are what the tokenizer makes of all its tokens at once, without the
special ones. A character goes out when it is whole. Bytes that are not UTF-8 become U+FFFD, as they
do in the tokenizer. The time grows with the number of tokens, whatever they are.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Protocol

from tokenizers import Tokenizer

_BYTE = re.compile(r"<0x[0-9A-Fa-f]{2}>")
"""A token that stands for a byte."""

_REPLACED = "\N{REPLACEMENT CHARACTER}"

_PATIENCE = 4
"""Tokens after which U+FFFD is what it seems: no character has more bytes."""

TextOf = Callable[[int], "str | None"]
"""A token as its tokenizer has it; ``None`` if it is special or unknown, and has no text."""


class Pieces(Protocol):
    """The text of one answer."""

    def take(self, token: int) -> str:
        """What a further token adds; "" while a character is not whole."""

    def end(self) -> str:
        """What is left after the last token."""


class Writer:
    """Writes answers, several at once if need be.

    Args:
        tokenizer: the model's.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        kinds = set(_kinds(json.loads(tokenizer.to_str())["decoder"]))
        added = tokenizer.get_added_tokens_decoder()
        special = {number for number, each in added.items() if each.special}

        def text_of(token: int) -> str | None:
            return None if token in special else tokenizer.id_to_token(token)

        self._begin: Callable[[], Pieces]
        if kinds == {"ByteLevel"}:
            bytes_of = lru_cache(maxsize=None)(lambda token: _bytes(text_of(token) or ""))
            self._begin = lambda: _Bytes(bytes_of)
        else:
            self._begin = lambda: _Windows(tokenizer, text_of, kinds)

    def begin(self) -> Pieces:
        """The pieces of a new answer."""
        return self._begin()


class _Bytes:
    """For a tokenizer of bytes: each token stands for some."""

    def __init__(self, bytes_of: Callable[[int], bytes]) -> None:
        self._bytes_of = bytes_of
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def take(self, token: int) -> str:
        return self._decoder.decode(self._bytes_of(token))

    def end(self) -> str:
        return self._decoder.decode(b"", final=True)


class _Windows:
    """For any other tokenizer: each token is decoded behind the one before it.

    Tokens that stand for bytes wait for the next one that does not. The tokenizer makes characters
    of bytes that follow each other only if all of them together are UTF-8.
    """

    def __init__(self, tokenizer: Tokenizer, text_of: TextOf, kinds: set[str]) -> None:
        self._tokenizer = tokenizer
        self._text_of = text_of
        self._of_bytes = "ByteFallback" in kinds
        self._patience = _PATIENCE if "ByteLevel" in kinds else 0
        self._gone: list[int] = []
        self._waiting: list[int] = []

    def take(self, token: int) -> str:
        text = self._text_of(token)
        if text is None:
            return ""
        self._waiting.append(token)
        if self._of_bytes and _BYTE.fullmatch(text):
            return ""
        return self._settled(self._patience)

    def end(self) -> str:
        return self._settled(0)

    def _settled(self, patience: int) -> str:
        before = self._text(self._gone)
        text = self._text(self._gone + self._waiting)
        if text.endswith(_REPLACED) and len(self._waiting) < patience:
            return ""
        self._gone, self._waiting = self._waiting[-1:], []
        return text[len(before) :]

    def _text(self, tokens: list[int]) -> str:
        return self._tokenizer.decode(tokens, skip_special_tokens=True)


def _kinds(decoder: dict[str, Any] | None) -> Iterator[str]:
    if decoder is None:
        return
    if decoder["type"] == "Sequence":
        for each in decoder["decoders"]:
            yield from _kinds(each)
    else:
        yield decoder["type"]


def _alphabet() -> dict[str, int]:
    """Character -> byte, as tokenizers of bytes write them: a byte that prints is itself, and the
    others are the characters from 256 on."""
    shown = {*range(33, 127), *range(161, 173), *range(174, 256)}
    hidden = (byte for byte in range(256) if byte not in shown)
    others = {chr(256 + number): byte for number, byte in enumerate(hidden)}
    return {**{chr(byte): byte for byte in shown}, **others}


_BYTES = _alphabet()


def _bytes(token: str) -> bytes:
    try:
        return bytes(_BYTES[each] for each in token)
    except KeyError:
        return token.encode()
