"""Tables: nothing is broken inside a word, and every width is kept where it can be."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repository.findings import printable
from repository.table import TIE, Column, Table, columns_of

WIDTHS = (40, 80, 100, 120, 200)

BUILD = Table(
    (
        Column("model"),
        Column("backend"),
        Column("size", right=True),
        Column("parity", right=True),
        Column("metric", folds=True),
        Column(""),
    ),
    (
        ("decode_and_find_speech", "python", "138.6 kB", "", "", "cached"),
        ("detect", "onnxruntime", "9.9 MB", "6.0e-06\nint8", "", "built"),
        (
            "a_pipeline_of_a_long_name_bls",
            "python",
            "900 B",
            "",
            f"character_error_rate 0.01235{TIE}<={TIE}0.02\nword_recall 1{TIE}>={TIE}0.5",
            "cached",
        ),
    ),
)

WORDS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=f"\n{TIE}"), max_size=30
)
CELLS = st.lists(WORDS, max_size=6).map(" ".join)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    count = draw(st.integers(1, 6))
    columns = [Column(draw(WORDS), draw(st.booleans()), draw(st.booleans())) for _ in range(count)]
    rows = draw(st.lists(st.tuples(*[CELLS] * count), max_size=6))
    return Table(columns, rows)


def words(lines: list[str]) -> list[str]:
    return [word for line in lines for word in line.split()]


def test_at_80_columns_a_metric_is_folded_between_its_words() -> None:
    shorter = [
        [cell.replace("a_pipeline_of_a_long_name", "ocr") for cell in row] for row in BUILD.rows
    ]
    lines = Table(BUILD.columns, [row for row in shorter if len(row[0]) < 20]).lines(80)
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["model", "backend", "size", "parity", "metric"]
    assert [line.strip() for line in lines[3:]] == [
        "ocr_bls  python        900 B           character_error_rate  cached",
        "0.01235 <= 0.02",
        "word_recall 1 >= 0.5",
    ]


@pytest.mark.parametrize("width", [120, 200])
def test_where_there_is_room_nothing_is_folded(width: int) -> None:
    lines = BUILD.lines(width)
    assert max(map(len, lines)) <= width
    assert any("character_error_rate 0.01235 <= 0.02" in line for line in lines)
    assert BUILD.lines(120) == BUILD.lines(200)


def test_where_columns_do_not_fit_a_row_stands_alone() -> None:
    lines = BUILD.lines(40)
    assert lines[:4] == [
        "decode_and_find_speech",
        "  backend: python",
        "  size: 138.6 kB",
        "  cached",
    ]
    assert "  parity: 6.0e-06; int8" in lines
    assert max(map(len, lines)) <= 40


def test_in_a_pipe_a_row_is_a_line() -> None:
    lines = BUILD.lines()
    assert len(lines) == 1 + len(BUILD.rows)
    assert "character_error_rate 0.01235 <= 0.02; word_recall 1 >= 0.5" in lines[-1]
    assert len({line.index("python") for line in (lines[1], lines[3])}) == 1


def test_wide_letters_take_two_places() -> None:
    lines = Table((Column("name"), Column("size")), [("漢字", "1"), ("abcd", "2")]).lines(80)
    assert lines == ["name  size", "漢字  1", "abcd  2"]


def test_a_name_cannot_move_the_cursor() -> None:
    assert Table((Column("name"),), [("a\x1b[2Jb",)]).lines(80)[1] == "a\\x1b[2Jb"


@given(tables(), st.sampled_from([None, *WIDTHS]))
def test_no_word_is_broken_at_any_width(table: Table, width: int | None) -> None:
    lines = table.lines(width)
    cells = words([printable(cell) for row in table.rows for cell in row])
    assert not Counter(cells) - Counter(words(lines))
    if width is not None:
        assert [line for line in lines if columns_of(line) > width and len(line.split()) > 1] == []
