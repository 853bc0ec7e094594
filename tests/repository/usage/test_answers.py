"""An answer is held to the known one: texts exactly, numbers within a tolerance."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repository.arrays import Array
from repository.usage import Numbers, Texts
from repository.usage.answers import difference


def floats(*values: float) -> Array:
    return np.array(values, np.float32)


def texts(*values: bytes) -> Array:
    return np.array(values, np.object_)


@pytest.mark.parametrize(
    ("known", "found"),
    [
        (Texts(["a", "ä"]), texts(b"a", "ä".encode())),
        (Texts([]), texts()),
        (Numbers([1, 2]), floats(1, 2)),
        (Numbers([1, 2], absolute=0.1), floats(1.05, 1.95)),
        (Numbers([100, -100], relative=0.01), floats(100.5, -99.5)),
        (Numbers([1, 2]), floats(1, 2)[np.newaxis]),
        (Numbers([[1, 2]]), np.array([[1, 2]], np.int64)),
        (Numbers(["nan", "inf"]), floats(math.nan, math.inf)),
        (Numbers(lambda: floats(0.1)), floats(0.1)),
        (Numbers([True]), np.array([True])),
    ],
)
def test_equal_answers_have_no_difference(known: Texts | Numbers, found: Array) -> None:
    assert difference({"y": known}, {"y": found, "other": floats(9)}) is None


@pytest.mark.parametrize(
    ("known", "found", "told"),
    [
        (Texts(["a", "b"]), texts(b"a", b"c"), "y[1], expected 'b', found 'c'"),
        (Texts(["a"]), texts(), "y[0], expected 'a', found nothing"),
        (Texts(["a"]), texts(b"a", b"b"), "y, expected 1 elements, found 2"),
        (Texts(["a"]), texts(b"\xff"), "y[0], expected 'a', found '\ufffd'"),
        (Numbers([1, 2]), floats(1, 3), "y[1], expected 2, found 3"),
        (
            Numbers([1, 2, 3], absolute=0.5),
            floats(2, 2, 4),
            "y[0], expected 1 within 0.5, found 2; 2 of 3 values differ",
        ),
        (Numbers([1, 2]), floats(1, math.nan), "y[1], expected 2, found nan"),
        (Numbers(["inf"], absolute=9), floats(1), "y[0], expected inf within 9, found 1"),
        (Numbers([1, 2]), floats(1), "y, expected the shape [2], found [1]"),
        (Numbers([1]), texts(b"1"), "y, expected numbers, found texts"),
        (Numbers([[1, 2], [3]]), floats(1), "y cannot be compared, as what it should be is unfit"),
        (Numbers([[5]]), np.array([[4]], np.int32), "y[0][0], expected 5, found 4"),
    ],
)
def test_the_first_difference_is_told_with_its_place(
    known: Texts | Numbers, found: Array, told: str
) -> None:
    assert (difference({"y": known}, {"y": found}) or "").startswith(told)


def test_an_output_that_is_missing_is_told() -> None:
    told = difference({"y": Numbers([1])}, {"z": floats(1)})
    assert told == "y, expected such an output, found z"


def test_a_file_has_a_text_in_each_line(tmp_path: Path) -> None:
    (tmp_path / "known.txt").write_text("one\ntwo\n")
    known = {"y": Texts(tmp_path / "known.txt")}
    assert difference(known, {"y": texts(b"one", b"two")}) is None
    assert difference(known, {"y": texts(b"one two")}) == "y[0], expected 'one', found 'one two'"


def test_what_is_known_wrongly_is_told_and_not_raised(tmp_path: Path) -> None:
    def broken() -> Array:
        raise RuntimeError("no weights")

    for each, reason in (
        (Texts(tmp_path / "none.txt"), "No such file"),
        (Numbers(broken), "RuntimeError: no weights"),
        (Numbers(tmp_path / "none.npy"), "No such file"),
    ):
        told = difference({"y": each}, {"y": floats(1)}) or ""
        assert "cannot be compared" in told and reason in told


@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=9),
    st.floats(0, 10),
    st.integers(0, 8),
)
def test_what_differs_by_more_than_the_tolerance_is_found(
    values: list[float], tolerance: float, at: int
) -> None:
    expected = np.array(values, np.float64)
    found = expected.copy()
    found[at % len(values)] += 2 * tolerance + 1
    known = {"y": Numbers(lambda: expected, absolute=tolerance)}
    assert difference(known, {"y": expected}) is None
    assert difference(known, {"y": found}) is not None
