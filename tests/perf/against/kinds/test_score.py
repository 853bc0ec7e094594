# ruff: noqa: RUF001 (full-width marks)
"""Errors against a truth, in order and whatever the order of words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perf.against.kinds import score


def test_order_and_white_space_cost_nothing_when_free() -> None:
    assert score.free("two words here\nand there", "and  there two words here") == 0
    assert score.in_order("two words here\nand there", "two words\n here and there ") == 0
    assert score.in_order("two words", "words two") > 5


def test_a_space_that_is_lost_or_made_up_costs_one_edit() -> None:
    assert score.free("the stone bridge of old", "the stonebridge of old") == 1
    assert score.free("the department", "the depart ment") == 1
    assert score.free("3 0.95 2.85", "30.95 2.85") == 1


def test_wrong_letters_count_and_so_do_lost_and_made_up_words() -> None:
    assert score.free("a rare heron", "a rate heron") == 1
    assert score.free("a rare heron", "a heron") == 4
    assert score.free("a heron", "a rare heron") == 4
    assert score.free("天气很好", "天气根好") == 1
    assert score.free("好天气", "天气好") == 0


def test_full_width_marks_are_their_plain_forms() -> None:
    assert score.free("（税込）、1,800", "(税込)、1,800") == 0
    assert score.characters(" two  words\n") == 9


@given(st.text("ab天 ", max_size=30), st.text("ab天 ", max_size=30))
def test_free_is_zero_for_the_same_words_and_bounded_by_both_texts(truth: str, read: str) -> None:
    assert score.free(truth, truth) == 0
    shuffled = " ".join(sorted(truth.split()))
    assert score.free(truth, shuffled) == 0
    assert 0 <= score.free(truth, read) <= score.characters(truth) + score.characters(read)
