"""Tokens joined into words: transformers' own rules, characters of several tokens, punctuation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.whisper.tokenization_whisper import _combine_tokens_into_words

from builders.asr.stages.whisper.whisper_words import CLOSING, OPENING, characters, pieces, words
from tests.builders.asr.whisper.test_features import checkpoint, stage_settings

SETTINGS = stage_settings(checkpoint(80))


class Tokenizer:
    """As much of a tokenizer as transformers' joining asks for: token n is text n."""

    eos_token_id = 10**6

    def __init__(self, texts: list[bytes]) -> None:
        self.texts = texts

    def decode(self, tokens: list[int], decode_with_timestamps: bool) -> str:
        return b"".join(self.texts[token] for token in tokens).decode("utf-8", "replace")


TEXTS = st.lists(
    st.text(st.sampled_from(f"ab   ß字🎈…/&{OPENING}{CLOSING}"), min_size=1, max_size=6), max_size=8
)


@st.composite
def tokens(draw: st.DrawFn) -> list[bytes]:
    """Text cut anywhere, within characters too."""
    whole = "".join(draw(TEXTS)).encode()
    cuts = sorted(draw(st.sets(st.integers(1, max(len(whole) - 1, 1)))))
    ends = [cut for cut in cuts if cut < len(whole)] + [len(whole)]
    return [whole[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True) if a < b]


@given(tokens(), st.sampled_from(["english", "japanese"]))
def test_words_are_those_of_transformers(given: list[bytes], language: str) -> None:
    numbers = list(range(len(given)))
    texts, _, indices = _combine_tokens_into_words(Tokenizer(given), numbers, language)
    found = pieces(given, spaced=language == "english")
    assert [piece.text for piece in found] == texts
    assert [list(range(piece.first, piece.after)) for piece in found] == indices


@given(st.lists(st.binary(min_size=1, max_size=4), max_size=9), st.booleans())
def test_every_token_is_in_one_word_and_the_text_is_that_of_all(
    given: list[bytes], spaced: bool
) -> None:
    whole = b"".join(given).decode("utf-8", "replace")
    for found in (characters(given), pieces(given, spaced)):
        assert "".join(piece.text for piece in found) == whole
        edges = [0, *(piece.after for piece in found)]
        assert [piece.first for piece in found] == edges[:-1] and edges[-1] == len(given)


@pytest.mark.parametrize(
    ("given", "spaced", "expected"),
    [
        ((" He", "llo", ",", " “", "you", "”", "!"), True, [" Hello,", " “you”!"]),
        ((" it", "'s", " half", "-", "past", " $", "5"), True, [" it's", " half", "-past", " $5"]),
        (("今", "日", "。", "は"), False, ["今", "日。", "は"]),
        ((" fünf",), True, [" fünf"]),
    ],
)
def test_punctuation_goes_to_its_word(
    given: tuple[str, ...], spaced: bool, expected: list[str]
) -> None:
    assert [piece.text for piece in pieces([t.encode() for t in given], spaced)] == expected


def test_a_character_of_several_tokens_is_one_word() -> None:
    balloon = "🎈".encode()
    found = characters([b" a", balloon[:1], balloon[1:3], balloon[3:] + b"b", b"\xe4"])
    assert [(p.text, p.first, p.after) for p in found] == [
        (" a", 0, 1),
        ("🎈b", 1, 4),
        ("\ufffd", 4, 5),
    ]


def test_a_word_has_its_tokens_times_and_their_mean_probability_and_stays_in_its_segment() -> None:
    settings = replace(SETTINGS, tokens=[b" re", b"d", b"", b" "])
    stamp, special, beyond = settings.first_time_stamp + 9, 2, 4
    given = np.array([stamp, 0, special, 1, 3, beyond, 0, stamp], np.int32)
    log_probs = np.log([0.1, 0.9, 0.1, 0.4, 0.1, 0.1, 0.7, 0.1])
    ends = np.array([0.0, 1.0, 1.2, 1.5, 1.6, 1.7, 2.5, 2.5])
    times = np.stack([np.pad(ends, (1, 0))[:-1], ends], axis=1)
    first, second = words(given, log_probs, times, (0.4, 2.0), True, settings)
    assert (first.text, first.start, first.end) == ("red", 0.4, 1.5)
    assert first.score == pytest.approx(0.6)
    # A space alone belongs to the word after it.
    assert (second.text, second.start, second.end) == ("re", 1.5, 2.0)
    assert second.score == pytest.approx(0.07**0.5)
    assert words(given[:1], log_probs[:1], times[:1], (0.4, 2.0), True, settings) == []
