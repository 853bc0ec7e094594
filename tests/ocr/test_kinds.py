"""Pages that were read worse than they can be: each is here for the reason that its name gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from perf.against.kinds import kinds, score

Read = Callable[..., dict[str, Any]]


def errors(read: Read, name: str) -> tuple[int, int]:
    """Wrong characters of a kind, whatever the order of words, and how many it has."""
    (kind,) = kinds([name])
    text = "\n".join(line.decode() for line in read(kind.path.read_bytes())["text"])
    return score.free(kind.text, text), score.characters(kind.text)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["px8", "turned180_blur", "oblique20", "vertical_japanese"])
def test_what_is_read_says_which_end_is_up_where_the_classifier_cannot(
    read: Read, name: str
) -> None:
    wrong, characters = errors(read, name)
    assert wrong <= 0.25 * characters


@pytest.mark.parametrize("name", ["rotated_words", "vertical_side", "chart"])
def test_words_are_read_along_their_own_direction(read: Read, name: str) -> None:
    wrong, characters = errors(read, name)
    assert wrong <= 0.01 * characters


def test_letters_that_are_set_apart_are_words(read: Read) -> None:
    assert errors(read, "letterspaced")[0] == 0


@pytest.mark.parametrize("name", ["vertical_japanese", "vertical_chinese"])
def test_columns_of_signs_keep_their_marks(read: Read, name: str) -> None:
    wrong, characters = errors(read, name)
    assert wrong <= 0.05 * characters


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["squeeze_x", "narrow", "half", "blur1", "curved6"])
def test_crops_are_as_wide_as_their_characters_need(read: Read, name: str) -> None:
    wrong, characters = errors(read, name)
    assert wrong <= 0.01 * characters
