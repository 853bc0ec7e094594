"""Greedy CTC decoding, and the spaces that it puts back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.ocr.stages.reading import ctc

CHARACTERS = ["", *"abcdef0123.,mw漢字", " "]
SPACE = len(CHARACTERS) - 1


def decode(index: list[int], probability: list[float] | None = None) -> tuple[str, list[float]]:
    steps = np.array(index, np.int32)
    sure = np.array(probability or [1.0] * len(index), np.float32)
    text, sure = ctc.decode(steps, sure, np.zeros(len(index), np.float32), CHARACTERS)
    return text, sure.tolist()


@pytest.mark.parametrize(
    ("index", "text"),
    [
        ([], ""),
        ([0, 0, 0], ""),
        ([1, 1, 1], "a"),
        ([1, 0, 1], "aa"),
        ([0, 1, 2, 2, 0, 0, 2], "abb"),
        ([1, SPACE, 2], "a b"),
    ],
)
def test_repeats_and_blanks_go(index: list[int], text: str) -> None:
    assert decode(index)[0] == text


def test_each_character_is_as_sure_as_the_step_that_gave_it() -> None:
    text, sure = decode([0, 1, 1, 0, 2], [0.1, 0.8, 0.2, 0.1, 0.6])
    assert text == "ab" and sure == pytest.approx([0.8, 0.6])
    assert decode([0, 0]) == ("", [])


def spelled(*gaps: int, text: str = "abcdefabcdef") -> list[int]:
    """The steps of a text whose characters are so far apart."""
    index = [CHARACTERS.index(text[0])]
    for gap, character in zip(gaps, text[1:], strict=False):
        index += [ctc.BLANK] * (gap - 1) + [CHARACTERS.index(character)]
    return index


@pytest.mark.parametrize(
    ("gaps", "text", "unread"),
    [
        ((2,) * 8, "abcdefabcdef", 0),
        # What a letter that is taken for nothing leaves, and two of them.
        ((2, 2, 4, 2, 2, 2, 2, 2), "abcdefabcdef", 1),
        ((2, 2, 6, 2, 2, 2, 4, 2), "abcdefabcdef", 3),
        # Half a letter is none, and wide letters take more room.
        ((2, 2, 3, 2, 2, 3, 2, 2), "abcdefabcdef", 0),
        ((2, 2, 4, 3, 2, 3, 3, 2), "abmmacawabcd", 0),
        # Marks, signs and spaces stand where they like, and so do few letters.
        ((2, 2, 5, 5, 2, 2, 2, 2), "abc.abcdefab", 0),
        ((2, 2, 5, 5, 2, 2, 2, 2), "abc abcdefab", 0),
        ((2, 9, 2, 9, 2, 9), "漢字漢字漢字漢", 0),
        ((2, 8, 2), "abcd", 0),
        # Spaces on end had words between them.
        ((8, 6), "  .", 3),
        ((2, 2), "a  ", 1),
    ],
)
def test_characters_that_seem_to_be_there_count_as_not_sure_at_all(
    gaps: tuple[int, ...], text: str, unread: int
) -> None:
    read, sure = decode(spelled(*gaps, text=text))
    assert read == text[: len(gaps) + 1]
    assert sure == [1.0] * len(read) + [0.0] * unread


def test_a_space_that_is_put_back_fills_its_gap() -> None:
    index = np.array(spelled(2, 2, 5, 2, 2, 2, 2), np.int32)
    space = np.where(np.arange(len(index)) == 6, 0.3, 0).astype(np.float32)
    text, sure = ctc.decode(index, np.ones(len(index), np.float32), space, CHARACTERS)
    assert text == "abc defab" and sure.tolist() == [1.0] * 8


def test_the_score_is_the_mean_held_to_the_least_sure_character() -> None:
    def score(*sure: float) -> float:
        return ctc.score(np.array(sure, np.float32))

    assert score() == 0 and score(1, 1) == 1
    assert score(0.2, 0.4) == pytest.approx(0.3)
    assert score(0.8, 0.8) == pytest.approx(0.5 + 0.3 * (1 - ctc.DOUBTED * 0.04))
    assert 0.8 < score(*[1.0] * 99, 0) < 0.9 < score(*[1.0] * 99, 0.5) < 0.97
    assert score(1, 0, 0) == pytest.approx(1 / 3)


@given(st.lists(st.floats(0, 1, width=32), min_size=1), st.data())
def test_scores_are_probabilities_and_no_surer_character_lowers_them(
    sure: list[float], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(sure) - 1))
    surer = [*sure]
    surer[place] = data.draw(st.floats(sure[place], 1, width=32))
    one, other = (ctc.score(np.array(each, np.float32)) for each in (sure, surer))
    assert 0 <= one <= 1 and one <= other + 1e-6
    assert (one >= ctc.MIDDLE) == (np.mean(np.array(sure, np.float32)) >= ctc.MIDDLE)


@given(st.lists(st.integers(0, SPACE), max_size=20))
def test_it_agrees_with_the_definition(index: list[int]) -> None:
    expected = "".join(CHARACTERS[k] for k, _ in itertools.groupby(index) if k != ctc.BLANK)
    assert decode(index)[0] == expected


@given(st.text(alphabet="abcdef0123., ", max_size=30), st.data())
def test_every_way_to_spell_a_text_decodes_to_it(text: str, data: st.DataObject) -> None:
    index: list[int] = []
    for character in text:
        number = CHARACTERS.index(character)
        if index and index[-1] == number:
            index.append(ctc.BLANK)
        index += [number] * data.draw(st.integers(1, 2))
        index += [ctc.BLANK] * data.draw(st.integers(0, 1))
    assert decode(index)[0] == text


def between(left: str, right: str, apart: int, doubt: float) -> str:
    """What two characters become, with a doubt about a space halfway between them."""
    index = np.zeros(apart + 1, np.int32)
    index[0], index[-1] = CHARACTERS.index(left), CHARACTERS.index(right)
    space = np.zeros(apart + 1, np.float32)
    space[apart // 2] = doubt
    return ctc.decode(index, np.ones(apart + 1, np.float32), space, CHARACTERS)[0]


@pytest.mark.parametrize(
    ("left", "right", "apart", "doubt", "text"),
    [
        ("a", "b", 4, 0.2, "a b"),
        ("a", "b", 4, 0.05, "ab"),
        ("a", "b", 3, 0.45, "ab"),
        (".", "c", 3, 0.2, ". c"),
        ("1", "2", 3, 0.2, "1 2"),
        ("1", "2", 3, 0.05, "12"),
        (" ", "a", 6, 0.45, " a"),
        ("a", " ", 6, 0.45, "a "),
    ],
)
def test_a_swallowed_space_comes_back(
    left: str, right: str, apart: int, doubt: float, text: str
) -> None:
    assert between(left, right, apart, doubt) == text


def test_a_doubt_on_a_characters_own_step_is_none() -> None:
    index, sure = np.array([1, 2], np.int32), np.ones(2, np.float32)
    assert ctc.decode(index, sure, np.full(2, 0.49, np.float32), CHARACTERS)[0] == "ab"


def set_apart(text: str, pitch: int, word: int) -> str:
    """A line whose letters are ``pitch`` steps apart; words, where "|" stands, ``word`` steps."""
    steps, place, listed = {}, 0, text.split("|")
    for number, part in enumerate(listed):
        for character in part:
            if character == " ":
                steps[place - pitch // 2] = character
            else:
                steps[place] = character
                place += pitch
        place += word - pitch if number < len(listed) - 1 else 0
    index = np.zeros(place + 1, np.int32)
    for step, character in steps.items():
        index[step] = CHARACTERS.index(character)
    doubt = np.full(len(index), 0.2, np.float32)
    return ctc.decode(index, np.ones(len(index), np.float32), doubt, CHARACTERS)[0]


def test_letters_that_are_set_apart_are_words() -> None:
    assert set_apart("abcdef|fedcba", 6, 11) == "abcdef fedcba"
    assert set_apart("ab cd ef|fe dc ba", 6, 11) == "abcdef fedcba"
    assert set_apart("a b c d e f", 6, 6) == "a b c d e f"
    assert set_apart("1 2 3 0 1 2", 12, 12) == "1 2 3 0 1 2"
    assert set_apart("abcd", 6, 6) == "a b c d"
