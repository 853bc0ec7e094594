"""Sentences and pieces: what the demo recogniser claims to know, it was taught."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.asr.text import grammar, tokenizer, words

SEEDS = st.integers(0, 2**32 - 1)
SPLITS = st.sampled_from(["training", "evaluation"])
PIECES = tokenizer.build()


def sentences(count: int, split: str = "training") -> list[str]:
    rng = np.random.default_rng(7)
    return [grammar.sentence(rng, split) for _ in range(count)]


@pytest.fixture(scope="module")
def many() -> list[str]:
    return sentences(5000)


def test_the_vocabulary_holds_what_is_claimed_and_each_word_once() -> None:
    assert len(set(words.VOCABULARY)) == len(words.VOCABULARY)
    assert len(set(words.COMMANDS)) >= 200
    assert set("abcdefghijklmnopqrstuvwxyz") <= set(words.VOCABULARY)
    assert len(words.DIGITS) == 10
    assert len(words.MONTHS) == 12
    assert len(words.WEEKDAYS) == 7


def test_every_number_and_every_day_of_a_month_is_made_of_its_words() -> None:
    said = {word for value in range(2000) for word in grammar.cardinal(value).split()}
    said |= {word for day in range(1, 32) for word in grammar.ordinal(day).split()}
    assert said <= set(words.VOCABULARY)
    assert len({grammar.cardinal(value) for value in range(2000)}) == 2000
    assert len({grammar.ordinal(day) for day in range(1, 32)}) == 31


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "zero"),
        (19, "nineteen"),
        (42, "forty two"),
        (110, "one hundred and ten"),
        (2008, "two thousand and eight"),
        (45_300, "forty five thousand three hundred"),
        (1_000_001, "one million and one"),
        (999_999_999, "nine hundred and ninety nine million nine hundred and ninety nine thousand "
         "nine hundred and ninety nine"),
    ],
)  # fmt: skip
def test_numbers_are_read_as_english_reads_them(value: int, said: str) -> None:
    assert grammar.cardinal(value) == said


@pytest.mark.parametrize("value", [-1, 10**9])
def test_a_number_that_is_too_large_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match=str(value)):
        grammar.cardinal(value)


def test_a_few_thousand_sentences_say_every_word_of_the_vocabulary(many: list[str]) -> None:
    assert {word for each in many for word in each.split()} == set(words.VOCABULARY)


def test_training_and_evaluation_share_no_sentence(many: list[str]) -> None:
    assert not set(many) & set(sentences(100, "evaluation"))


def test_words_follow_each_other_in_any_order(many: list[str]) -> None:
    pairs = {pair for each in many for pair in zip(each.split(), each.split()[1:])}  # noqa: B905
    assert len({first for first, _ in pairs}) == len(words.VOCABULARY)
    assert len(pairs) > 10_000


@settings(max_examples=100, deadline=None)
@given(SEEDS, SPLITS)
def test_every_sentence_comes_back_from_its_pieces(seed: int, split: str) -> None:
    sentence = grammar.sentence(np.random.default_rng(seed), split)
    encoded = PIECES.encode(sentence)
    assert PIECES.decode(encoded.ids) == sentence
    assert tokenizer.UNKNOWN not in encoded.tokens


@given(st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1), min_size=1).map(" ".join))
def test_any_words_of_letters_come_back_from_their_pieces(text: str) -> None:
    assert PIECES.decode(PIECES.encode(text).ids) == text


def test_a_word_is_one_piece_or_a_word_and_its_endings() -> None:
    for word in words.VOCABULARY:
        first, *rest = PIECES.encode(word).tokens
        assert first.removeprefix("▁") in words.VOCABULARY
        assert set(rest) <= set(tokenizer.ENDINGS)


def test_the_same_seed_gives_the_same_sentences() -> None:
    assert sentences(50) == sentences(50)
