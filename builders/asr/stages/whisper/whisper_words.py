"""Words with times out of a segment's tokens.

The method is OpenAI's (whisper/tokenizer.py, timing.py), as transformers applies it
(tokenization_whisper.py, ``_combine_tokens_into_words``): a word begins with the token that begins
with a space, and punctuation goes to the word that it stands at. Where a language has no spaces,
every token that ends a character ends a word.
"""

from __future__ import annotations

import codecs
import string
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .whisper_tokens import Settings

UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Codes of languages that are written without spaces between words, as transformers has them."""

OPENING = "\"'“¡¿([{-"
"""Marks that belong to the word after them if a space stands before them."""

CLOSING = "\"'.。,，!！?？:：”)]}、"  # noqa: RUF001 - marks of East Asian scripts are meant
"""Marks that belong to the word before them if no space stands between."""


@dataclass(frozen=True)
class Word:
    """A word that was said.

    Attributes:
        text: without spaces around it.
        start: in seconds of the recording.
        end: likewise.
        score: the mean probability of its tokens, the geometric one.
    """

    text: str
    start: float
    end: float
    score: float


@dataclass(frozen=True)
class Piece:
    """Tokens in a row, with the text that they spell.

    Attributes:
        text: its spaces included.
        first: the number of its first token.
        after: the number of the token after its last.
    """

    text: str
    first: int
    after: int

    def __add__(self, other: Piece) -> Piece:
        return Piece(self.text + other.text, self.first, other.after)


def words(
    tokens: np.ndarray,
    log_probs: np.ndarray,
    times: np.ndarray,
    within: tuple[float, float],
    spaced: bool,
    settings: Settings,
) -> list[Word]:
    """The words of a segment.

    Args:
        tokens: INT32 [tokens], any time stamps among them.
        log_probs: FP32 [tokens].
        times: FP64 [tokens, 2], each one's start and end in seconds of the recording.
        within: the segment's start and end: a word that the alignment puts beyond is moved there.
        spaced: whether spaces part the words.
        settings: of the checkpoint.
    """
    # A special token and a time stamp have no bytes, those beyond the list have no entry.
    spelt = [b"".join(settings.tokens[token : token + 1]) for token in tokens.tolist()]
    said = [at for at, text in enumerate(spelt) if text]
    found = []
    for piece in pieces([spelt[at] for at in said], spaced):
        text, own = piece.text.strip(), said[piece.first : piece.after]
        if text:
            start, end = np.clip([times[own[0], 0], times[own[-1], 1]], *within)
            score = np.exp(np.mean(log_probs[own]))
            found.append(Word(text, float(start), float(end), float(score)))
    return found


def pieces(tokens: Sequence[bytes], spaced: bool) -> list[Piece]:
    """Tokens joined into words; their texts together are the tokens' text.

    Args:
        tokens: each one's bytes, none of them empty.
        spaced: whether spaces part the words.
    """
    found = characters(tokens)
    return _punctuated(_parted(found) if spaced else found)


def characters(tokens: Sequence[bytes]) -> list[Piece]:
    """Tokens joined where a character of UTF-8 begins in one and ends in another.

    What is no UTF-8 becomes U+FFFD, as in the text of all tokens at once.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    found = []
    text, first = "", 0
    for after, token in enumerate(tokens, 1):
        text += decoder.decode(token, final=after == len(tokens))
        begun, _ = decoder.getstate()
        if not begun:
            found.append(Piece(text, first, after))
            text, first = "", after
    return found


def _parted(found: Sequence[Piece]) -> list[Piece]:
    """Pieces joined up to the next space or mark of punctuation."""
    joined: list[Piece] = []
    for piece in found:
        alone = piece.text.strip() in string.punctuation
        if joined and not alone and not piece.text.startswith(" "):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def _punctuated(found: Sequence[Piece]) -> list[Piece]:
    """Opening marks joined to the word after them, then closing ones to the word before."""
    backwards: list[Piece] = []
    for piece in reversed(found):
        if backwards and piece.text.startswith(" ") and piece.text.strip() in OPENING:
            backwards[-1] = piece + backwards[-1]
        else:
            backwards.append(piece)
    joined: list[Piece] = []
    for piece in reversed(backwards):
        if joined and piece.text in CLOSING and not joined[-1].text.endswith(" "):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined
