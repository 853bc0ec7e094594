"""The bench over page kinds: its sums, its table, and what it holds the pipeline to."""

from __future__ import annotations

from pathlib import Path

import pytest

from perf.against.kinds import kinds
from perf.against.rapidocr.kinds import Outcome, Side, all_kinds, measure, table, total
from perf.against.rapidocr.readers import pipeline, rapid

ROOT = Path(__file__).parents[4]

FEW = (
    *("px10", "serif", "table_zebra", "newspaper2", "code_dark", "japanese", "french"),
    *("jpeg10", "photo_mild", "turned90", "turned180", "curved14", "curved25_wave"),
)
"""Kinds that are read without a mistake: what the default suite holds the pipeline to."""


def outcome(name: str, ours: int, theirs: int, typeset: bool = True) -> Outcome:
    return Outcome(name, typeset, 200, Side(ours, ours + 1, 0.2), Side(theirs, theirs, 0.5))


def test_sums_leave_out_scripts_that_the_recogniser_does_not_have() -> None:
    sums = total([outcome("a", 1, 4), outcome("b", 3, 1), outcome("cyrillic", 90, 10)])
    assert sums.free == pytest.approx(0.8) and sums.in_order == pytest.approx(6 / 5)
    assert sums.time == pytest.approx(0.4) and sums.all_time == pytest.approx(0.4)
    assert sums.worse == ("b",)


def test_half_a_point_worse_is_allowed() -> None:
    assert total([outcome("a", 2, 1)]).worse == ()
    assert total([outcome("a", 3, 1)]).worse == ("a",)


def test_the_table_names_what_is_worse_the_worst_first() -> None:
    outcomes = [outcome("good", 0, 9), outcome("bad", 9, 0, typeset=False), outcome("worst", 20, 0)]
    rows = table(outcomes).splitlines()
    assert rows[2].startswith("| typeset (2) | 2.22 | 2.44 | 0.40 | 0.40 | 1 |")
    assert rows[3].startswith("| damaged (1) | 9.00 |")
    assert rows[4].startswith("| all (3) | 3.22 |")
    assert rows[-2:] == [
        "| worst | 10.0 | 0.0 | 10.5 | 0.0 | 0.40 |",
        "| bad | 4.5 | 0.0 | 5.0 | 0.0 | 0.40 |",
    ]
    assert "worse by more" not in table(outcomes[:1])
    assert [row.split(" | ")[0] for row in all_kinds(outcomes).splitlines()[2:]] == [
        "| good",
        "| bad",
        "| worst",
    ]


@pytest.mark.thorough
def test_reads_some_kinds_as_well_as_it_should() -> None:
    read = pipeline(ROOT / "model_repository")
    outcomes = measure(kinds(FEW), read, lambda image: (), 1)
    wrong = {each.name: each.ours.free for each in outcomes}
    # Half a point, with the room of a character for floating-point sums that fall otherwise.
    assert sum(wrong.values()) <= 0.005 * sum(each.characters for each in outcomes), wrong
    assert all(each.ours.free <= 1 + 0.01 * each.characters for each in outcomes), wrong


NOT_REACHED = {
    "greek": "the recogniser knows few of its letters, and guesses at the others: over 40 pages of "
    "other faces and sizes 34.0 % were wrong, and 34.7 % of RapidOCR's; on this one by chance more",
    "japanese_jpeg": "one sign of a hundred: small type at JPEG quality 20, of which crops of 18 "
    "other sizes, margins and filters lose none to two",
}
"""Kinds on which ours may be worse than RapidOCR, and why."""


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_is_worse_than_rapidocr_on_no_other_kind_and_better_and_faster_over_all() -> None:
    outcomes = measure(kinds(), pipeline(ROOT / "model_repository"), rapid(), 3)
    shown = table(outcomes)
    everything, typeset = total(outcomes), total([each for each in outcomes if each.typeset])
    assert set(everything.worse) <= set(NOT_REACHED), shown
    assert everything.free <= 0.7, shown
    assert typeset.time <= 0.40, shown
    assert everything.time <= 0.60, shown
