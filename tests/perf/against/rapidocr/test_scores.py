"""The score of a line: what the page kinds hold it to."""

from __future__ import annotations

from pathlib import Path

import pytest

from perf.against.pages.drawn import SANS
from perf.against.rapidocr.readers import scoring_pipeline
from perf.against.rapidocr.scores import (
    BANDS,
    CERTAIN,
    EVEN,
    ODD,
    Scored,
    in_band,
    is_right,
    known,
    scored,
    share_right,
    table,
    unknown,
)

ROOT = Path(__file__).parents[4]

CLEAN = ("card", "code_dark", "japanese", "label", "polish", "table_zebra")


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("and the  bridge", True),
        ("to room D150-", True),
        ("42, and", True),
        ("天気がよ", True),
        ("and the brid", False),
        ("andthe bridge", False),
        ("the bridge.", False),
        ("bridge and", False),
    ],
)
def test_a_line_is_right_where_the_page_has_it_whole(line: str, right: bool) -> None:
    assert is_right("He went to room D150-42, and\nthe bridge\n天気がよい", line) == right


def test_the_table_counts_lines_by_band() -> None:
    lines = [Scored("a", "x", value, value > 0.9) for value in (1.0, 0.95, 0.94, 0.85, 0.3)]
    assert [len(in_band(lines, low)) for low in BANDS] == [2, 1, 1, 0, 1]
    assert share_right(in_band(lines, 0.95)) == 1 and share_right(lines) == 0.6
    assert table({"some": lines, "none": []}).splitlines() == [
        "| scores | some | none |",
        "|---|---|---|",
        "| 0.95 to 1.00 | 2, 100.0 % right | none |",
        "| 0.90 to 0.95 | 1, 100.0 % right | none |",
        "| 0.80 to 0.90 | 1, 0.0 % right | none |",
        "| 0.50 to 0.80 | none | none |",
        "| 0.00 to 0.50 | 1, 0.0 % right | none |",
    ]


@pytest.mark.thorough
def test_clean_lines_are_certain_and_those_in_unknown_scripts_are_not() -> None:
    read = scoring_pipeline(ROOT / "model_repository")
    lines = scored(known(CLEAN), read)
    certain = in_band(lines, CERTAIN)
    assert len(certain) >= 0.8 * len(lines), lines
    assert share_right(certain) >= 0.95, certain
    strange = scored(unknown([(SANS, 18)]), read)
    assert len(strange) >= 10
    assert [line for line in in_band(strange, CERTAIN) if not line.right] == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_of_lines_that_are_scored_as_certain_nineteen_in_twenty_are_right() -> None:
    read = scoring_pipeline(ROOT / "model_repository")
    even, odd = (scored(known((), part), read) for part in (EVEN, ODD))
    strange = scored(unknown(), read)
    shown = table({"even": even, "odd": odd, "unknown": strange})
    for lines in (even, odd):
        assert share_right(in_band(lines, CERTAIN)) >= 0.95, shown
        assert len(in_band(lines, CERTAIN)) >= 0.8 * len(lines), shown
    # Where letters that are left out leave no gap, the recogniser is as sure as of right ones.
    assert len(in_band(strange, CERTAIN)) <= 0.03 * len(strange), shown
