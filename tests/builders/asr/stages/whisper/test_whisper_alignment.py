"""The alignment against plain implementations of its parts, and against transformers'."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from transformers import WhisperForConditionalGeneration
from transformers.generation.utils import GenerateEncoderDecoderOutput

from builders.asr.stages.whisper.whisper_alignment import (
    align,
    evidence,
    median_filtered,
    token_ends,
)

SHAPES = array_shapes(min_dims=2, max_dims=2, max_side=9)
# Whole numbers, so that sums are exact however they are put together, and many are equal.
COSTS = arrays(np.float64, SHAPES, elements=st.integers(-3, 3).map(float))
ODD = st.sampled_from([1, 3, 5, 7, 9])


def textbook(costs: np.ndarray) -> tuple[list[list[int]], float]:
    """First and last column of each row, and what the path costs, cell by cell."""
    rows, columns = costs.shape
    total = {(-1, -1): 0.0}
    steps = {}
    for row in range(rows):
        for column in range(columns):
            # In the order of preference among equals: beside, across, above.
            before = [(row, column - 1), (row - 1, column - 1), (row - 1, column)]
            step = min(before, key=lambda cell: total.get(cell, math.inf))
            total[row, column] = total[step] + costs[row, column]
            steps[row, column] = step
    cell, spans = (rows - 1, columns - 1), [[columns, -1] for _ in range(rows)]
    while cell != (-1, -1):
        row, column = cell
        spans[row] = [min(spans[row][0], column), max(spans[row][1], column)]
        cell = steps[cell]
    return spans, total[rows - 1, columns - 1]


@given(COSTS)
def test_the_path_is_that_of_the_textbook(costs: np.ndarray) -> None:
    found = align(costs)
    spans, cheapest = textbook(costs)
    assert found.tolist() == spans
    assert sum(costs[row, a : b + 1].sum() for row, (a, b) in enumerate(found)) == cheapest


@given(arrays(np.float64, SHAPES, elements=st.floats(-1e3, 1e3)))
def test_a_path_goes_from_corner_to_corner_and_never_back(costs: np.ndarray) -> None:
    first, last = align(costs).T
    assert first[0] == 0 and last[-1] == costs.shape[1] - 1
    assert (first <= last).all()
    assert np.isin(first[1:] - last[:-1], (0, 1)).all()


def test_rows_that_each_cost_least_somewhere_are_found_there() -> None:
    costs = np.ones((4, 40))
    spans = [[0, 8], [9, 9], [10, 30], [31, 39]]
    for row, (first, last) in enumerate(spans):
        costs[row, first : last + 1] = 0
    assert align(costs).tolist() == spans


@given(
    arrays(np.float32, array_shapes(max_dims=3, max_side=12), elements=st.floats(-9, 9, width=32)),
    ODD,
)
def test_the_median_filter_is_a_median_of_reflected_neighbours(
    values: np.ndarray, width: int
) -> None:
    found = median_filtered(values, width)
    half = width // 2
    if values.shape[-1] <= half:
        assert found is values
        return
    padded = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(half, half)], mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=-1)
    assert np.array_equal(found, np.median(windows, axis=-1))


def theirs(attention: np.ndarray, positions: int, width: int) -> np.ndarray:
    """transformers' ``_extract_token_timestamps``, in positions; the end's row does not exist."""
    tokens, heads, _ = attention.shape
    whole = torch.from_numpy(attention).permute(1, 0, 2)[None]
    first = torch.zeros(1, heads, 1, attention.shape[2])
    tensors: dict[str, Any] = {
        "sequences": torch.zeros(1, tokens + 2),
        "cross_attentions": [(torch.cat([first, whole], 2),)],
    }
    outputs = GenerateEncoderDecoderOutput(**tensors)
    model: Any = SimpleNamespace(
        config=SimpleNamespace(decoder_layers=1, median_filter_width=width)
    )
    times = WhisperForConditionalGeneration._extract_token_timestamps(
        model,
        outputs,
        [(0, head) for head in range(heads)],
        num_frames=torch.tensor([2 * positions]),
        num_input_ids=1,
    )
    return np.asarray(np.rint(times[0, 1:-1].numpy() / 0.02), np.int64)


@pytest.mark.parametrize(
    ("tokens", "heads", "positions", "width"),
    [(2, 1, 5, 7), (9, 3, 40, 7), (30, 6, 250, 5), (60, 8, 600, 7), (12, 2, 3, 7)],
)
def test_tokens_end_where_transformers_says(
    tokens: int, heads: int, positions: int, width: int
) -> None:
    for seed in range(3):
        rng = np.random.default_rng([seed, tokens])
        places = np.sort(rng.uniform(0, positions, tokens))[:, None, None]
        away = np.abs(np.arange(positions + 20) - places) / rng.uniform(2, 9, (tokens, heads, 1))
        scores = rng.normal(0, 1, away.shape) - away
        attention = (np.exp(scores) / np.exp(scores).sum(2, keepdims=True)).astype(np.float32)
        found = token_ends(attention, positions, width)
        assert found.tolist() == theirs(attention, positions, width).tolist()


def test_weights_whose_squares_are_nothing_in_single_precision_count_all_the_same() -> None:
    attention = np.random.default_rng(0).uniform(0, 1, (5, 2, 30)).astype(np.float32)
    np.testing.assert_allclose(evidence(attention * 1e-30, 7), evidence(attention, 7), atol=1e-4)


def test_the_last_token_of_a_text_that_was_cut_off_ends_with_the_one_before() -> None:
    attention = np.zeros((4, 1, 30), np.float32)
    for row, place in enumerate((5, 12, 25)):
        attention[row, 0, place - 3 : place + 4] = 1 / 7
    found = token_ends(attention, 30, 7)
    assert found[-1] == found[-2] > found[1] > found[0] == 0
    assert token_ends(attention[3:], 30, 7).tolist() == [0]
    assert token_ends(attention[:1], 30, 7).tolist() == [0]
    assert token_ends(attention[:0], 30, 7).tolist() == []


def test_positions_where_all_tokens_are_alike_say_nothing() -> None:
    attention = np.full((3, 2, 10), 0.1, np.float32)
    assert not evidence(attention, 7).any()
    assert token_ends(attention, 1, 7).tolist() == [0, 0, 0]
