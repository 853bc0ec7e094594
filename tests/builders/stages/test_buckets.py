"""Crops into calls: the partition is one, the best one, and even enough."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.ocr.stages.crop import WIDTHS
from builders.stages import buckets

Widths = st.lists(st.integers(16, 3200), min_size=0, max_size=40)


@given(Widths, st.integers(1, 6))
def test_every_crop_is_in_one_group_of_neighbouring_widths(widths: list[int], count: int) -> None:
    groups = buckets.partition(np.array(widths, np.int64), count, WIDTHS)
    assert len(groups) == count
    assert sorted(itertools.chain(*(group.tolist() for group in groups))) == list(
        range(len(widths))
    )
    ranges = sorted([widths[k] for k in group] for group in groups if len(group))
    for narrower, wider in itertools.pairwise(ranges):
        assert max(narrower) <= min(wider)


def cost(groups: list[list[int]]) -> float:
    """What the partition minimises, written down again."""
    total = sum(-(-w // WIDTHS.grain) * WIDTHS.grain for group in groups for w in group)
    areas = [len(group) * -(-max(group) // WIDTHS.grain) * WIDTHS.grain for group in groups]
    return sum(a + WIDTHS.call + WIDTHS.balance * a * a / total for a in areas)


@settings(max_examples=60)
@given(st.lists(st.integers(16, 900), min_size=1, max_size=8))
def test_no_other_partition_of_the_sorted_widths_costs_less(widths: list[int]) -> None:
    found = buckets.partition(np.array(widths), 3, WIDTHS)
    ordered = sorted(widths)
    least = min(
        cost([ordered[a:b] for a, b in itertools.pairwise((0, *cuts, len(ordered))) if b > a])
        for cuts in itertools.combinations_with_replacement(range(len(ordered) + 1), 2)
    )
    assert np.isclose(cost([[widths[k] for k in group] for group in found if len(group)]), least)


def test_equal_lines_are_spread_over_calls_that_can_run_side_by_side() -> None:
    sizes = [len(group) for group in buckets.partition(np.full(16, 640), 4, WIDTHS)]
    assert max(sizes) <= 8


@given(Widths, st.integers(1, 6))
def test_the_call_with_the_most_padded_width_comes_first(widths: list[int], count: int) -> None:
    groups = buckets.partition(np.array(widths, np.int64), count, WIDTHS)
    sizes = [
        len(group) * buckets.padded_size(np.array(widths)[group], WIDTHS) if len(group) else 0
        for group in groups
    ]
    assert sizes == sorted(sizes, reverse=True)


def test_a_wide_line_does_not_pad_narrow_ones() -> None:
    groups = buckets.partition(np.array([100, 2000, 110, 105]), 4, WIDTHS)
    assert [1] in [group.tolist() for group in groups]


def test_a_bucket_is_as_wide_as_its_widest_crop() -> None:
    assert buckets.padded_size(np.array([33, 160, 17]), WIDTHS) == 160
    assert buckets.padded_size(np.array([161]), WIDTHS) == 176
