"""Readings that exclude each other: which are made, and which are kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.ocr.stages.crop import read
from builders.ocr.stages.page import direction
from builders.ocr.stages.reading import ways


def line(x: float, y: float, degrees: float = 0.0, length: float = 200) -> np.ndarray:
    angle = np.radians(degrees)
    along = np.array((np.cos(angle), np.sin(angle))) * length
    across = np.array((-np.sin(angle), np.cos(angle))) * 20
    corner = np.array((x, y))
    return np.stack((corner, corner + along, corner + along + across, corner + across))


PAGE = np.stack([line(20, 40 * k) for k in range(4)]).astype(np.float32)


def made(
    quads: np.ndarray, doubtful: bool, free: bool = True, columns: Sequence[int] = ()
) -> ways.Readings:
    alone = ways.odd(quads, direction.skew(quads)) & free
    return ways.readings(quads, read, doubtful, alone, np.isin(np.arange(len(quads)), columns))


def test_votes_for_upright_must_be_clear() -> None:
    assert ways.upright(np.array(((0.95, 0.05), (0.8, 0.2), (1.0, 0.0))))
    assert not ways.upright(np.array(((0.95, 0.05), (0.45, 0.55), (0.6, 0.4))))
    assert not ways.upright(np.array(((0.1, 0.9), (0.8, 0.2))))
    assert not ways.upright(np.zeros((0, 2)))


def test_a_page_that_stands_upright_is_read_once() -> None:
    readings = made(PAGE, doubtful=False)
    assert readings.crops.tolist() == [0, 1, 2, 3]
    assert (readings.ways == (-1, -1, 0)).all()
    assert np.array_equal(readings.lines, PAGE)


def test_a_doubtful_page_is_read_both_ways_each_in_its_order() -> None:
    readings = made(PAGE, doubtful=True)
    assert readings.crops.tolist() == [0, 1, 2, 3, 7, 6, 5, 4]
    assert readings.ways[:, 0].tolist() == [0] * 4 + [1] * 4
    assert np.array_equal(readings.lines[4], PAGE[3][[2, 3, 0, 1]])


@pytest.mark.parametrize("degrees", [-90, -45, 30, 90])
def test_a_line_across_the_page_is_read_both_ways(degrees: float) -> None:
    quads = np.concatenate((PAGE, line(400, 90, degrees, 120)[None].astype(np.float32)))
    readings = made(quads, doubtful=False)
    assert sorted(readings.crops.tolist()) == [0, 1, 2, 3, 4, 9]
    pair = readings.ways[np.isin(readings.crops, (4, 9))]
    assert pair.tolist() == [[-1, 4, 0], [-1, 4, 1]]
    assert len(made(quads, doubtful=False, free=False).crops) == 5


def test_columns_are_read_on_their_side_and_sign_by_sign_and_decided_together() -> None:
    upright = np.stack([line(400 - 60 * k, 20, 90, 300) for k in range(3)]).astype(np.float32)
    readings = made(upright, doubtful=False, columns=(0, 1, 2))
    assert readings.crops.tolist() == [0, 6, 1, 7, 2, 8]
    assert readings.ways[:, 1:].tolist() == [[ways.COLUMNS, 0], [ways.COLUMNS, 2]] * 3
    weights = np.array((9, 8, 3, 9, 8, 8), np.float32)
    assert readings.crops[ways.best(readings.ways, weights)].tolist() == [6, 7, 8]
    weights[3] = 2
    assert readings.crops[ways.best(readings.ways, weights)].tolist() == [0, 1, 2]


def test_a_column_beside_lines_is_read_from_both_ends_too() -> None:
    quads = np.concatenate((PAGE, line(400, 160, -90, 150)[None].astype(np.float32)))
    readings = made(quads, doubtful=False, columns=(4,))
    assert sorted(readings.crops.tolist()) == [0, 1, 2, 3, 4, 9, 14]
    column = readings.lines[readings.crops == 14][0]
    assert column[1, 1] > column[0, 1]
    assert len(ways.best(readings.ways, np.ones(7, np.float32))) == 5


def test_the_surer_readings_are_kept() -> None:
    listed = np.array(((-1, -1, 0), (-1, 7, 0), (-1, 7, 1), (0, -1, 0), (1, -1, 0)), np.int32)
    kept = ways.best(listed, np.array((1, 5, 9, 3, 4), np.float32))
    assert kept.tolist() == [0, 2, 4]
    kept = ways.best(listed, np.array((1, 9, 5, 4, 3), np.float32))
    assert kept.tolist() == [0, 1, 3]


@given(st.integers(0, 6), st.integers(0, 3), st.booleans(), st.integers(0, 2**32 - 1))
def test_every_line_is_kept_exactly_once(level: int, odd: int, doubtful: bool, seed: int) -> None:
    quads = [line(20, 40 * k, length=300) for k in range(level)]
    quads += [line(500 + 60 * k, 100, -70, 90) for k in range(odd)]
    readings = made(np.array(quads, np.float32).reshape(-1, 4, 2), doubtful)
    weights = np.random.default_rng(seed).random(len(readings.crops)).astype(np.float32)
    kept = ways.best(readings.ways, weights)
    lines = readings.crops[kept] % max(level + odd, 1)
    assert sorted(lines.tolist()) == list(range(level + odd))
