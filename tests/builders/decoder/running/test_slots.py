from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from builders.decoder.stages.running.slots import Slots, common, gap

few = st.lists(st.integers(-2, 2), max_size=12)


@given(few, few)
def test_common(one: list[int], other: list[int]) -> None:
    expected = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        expected += 1
    assert common(np.array(one, np.int64), np.array(other, np.int64)) == expected


@given(st.sets(st.integers(0, 9), min_size=1))
def test_gap(numbers: set[int]) -> None:
    inside = set(range(min(numbers), max(numbers))) - numbers
    assert gap(sorted(numbers)) == (min(inside) if inside else None)


def _keys(*tokens: int) -> np.ndarray:
    return np.array(tokens, np.int64)


def test_what_is_kept_of_another_is_not_lost_for_a_short_beginning() -> None:
    slots = Slots(2)
    first = slots.take(_keys(1, 2, 3, 4, 5, 6, 7, 8, 9)).slot
    slots.leave(first, _keys(1, 2, 3, 4, 5, 6, 7, 8, 9))
    place = slots.take(_keys(1, 2, 0))
    assert place.copied is first
    assert place.slot is not first
    assert first.keys.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_the_slot_that_was_not_used_longest_is_taken() -> None:
    slots = Slots(3)
    places = [slots.take(_keys(each)) for each in (10, 20, 30)]
    for at in (1, 0, 2):
        slots.leave(places[at].slot, _keys(at * 10 + 10, 0))
    assert slots.take(_keys(5, 5)).slot is places[1].slot
    assert slots.free == 2
