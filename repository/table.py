"""Tables for a terminal, and for a pipe: no word and no number is ever broken.

In a terminal a table takes the width that there is: columns of text are folded between words, and
where even that is too wide, each row becomes a few lines of its own. In a pipe a row is a line.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from repository.findings import printable

TIE = "\N{NO-BREAK SPACE}"
"""In a cell: a space at which no line ends, as between a number and its unit."""

_GAP = 2
"""Spaces between columns."""

_FOLDED = 16
"""A column that is folded keeps at least so many letters in a line, or its rows stand alone."""


@dataclass(frozen=True)
class Column:
    """How the cells of a column are shown.

    Attributes:
        heading: stands above them; empty for none.
        right: they end at the column's right edge, as numbers do.
        folds: they are text, which may be folded between words.
    """

    heading: str
    right: bool = False
    folds: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells.

    Attributes:
        columns: from left to right; the first names the row.
        rows: as many cells each as there are columns. A line break parts what a cell lists, and
            a :data:`TIE` is a space that stays within its line.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]

    def lines(self, width: int | None = None) -> list[str]:
        """The table, line by line.

        Args:
            width: of the terminal, in letters; None for a pipe, in which a row is a line, however
                long.
        """
        headings = [each.heading for each in self.columns]
        listed = [headings] if any(headings) else []
        cells = [[_parts(cell) for cell in row] for row in (*listed, *self.rows)]
        if width is None:
            cells = [[[_listed(parts)] for parts in row] for row in cells]
        widths = self._widths(cells, width)
        if widths is None:
            assert width is not None, "a pipe is as wide as it takes"
            return [line for row in cells[len(listed) :] for line in self._alone(row, width)]
        return [line for row in cells for line in self._row(row, widths)]

    def _widths(self, cells: Sequence[Sequence[list[str]]], width: int | None) -> list[int] | None:
        """The columns' widths; None if the table does not fit."""
        found = [_longest(row[at] for row in cells) for at in range(len(self.columns))]
        if width is None:
            return found
        least = [
            min(whole, max(_FOLDED, _longest(_words(row[at]) for row in cells)))
            if column.folds
            else whole
            for at, (column, whole) in enumerate(zip(self.columns, found, strict=True))
        ]
        too_many = sum(found) + _GAP * (len(found) - 1) - width
        while too_many > 0:
            foldable = [at for at, each in enumerate(found) if each > least[at]]
            if not foldable:
                return None
            found[max(foldable, key=found.__getitem__)] -= 1
            too_many -= 1
        # Folded, a column may need less than it was left.
        return [
            _longest(_folded(row[at], width) for row in cells) for at, width in enumerate(found)
        ]

    def _row(self, row: Sequence[list[str]], widths: Sequence[int]) -> Iterator[str]:
        folded = [_folded(parts, width) for parts, width in zip(row, widths, strict=True)]
        for number in range(max(map(len, folded))):
            shown = (
                _aligned(lines[number] if number < len(lines) else "", width, column.right)
                for lines, width, column in zip(folded, widths, self.columns, strict=True)
            )
            yield (" " * _GAP).join(shown).replace(TIE, " ").rstrip()

    def _alone(self, row: Sequence[list[str]], width: int) -> Iterator[str]:
        """A row as lines of its own: its name, and each cell behind its heading."""
        name, *others = row
        yield from (line.replace(TIE, " ") for line in _fold(_listed(name), width))
        for column, parts in zip(self.columns[1:], others, strict=True):
            if said := _listed(parts):
                named = f"{printable(column.heading)}: {said}" if column.heading else said
                lines = _fold(named, width - 2)
                yield from (f"  {line}".replace(TIE, " ") for line in lines)


def _parts(cell: str) -> list[str]:
    parts = [TIE.join(map(printable, each.split(TIE))).strip(" ") for each in cell.split("\n")]
    return [each for each in parts if each] or [""]


def _listed(parts: Sequence[str]) -> str:
    return "; ".join(parts)


def _words(parts: Sequence[str]) -> list[str]:
    return [word for part in parts for word in part.split(" ")]


def _longest(cells: Iterator[list[str]]) -> int:
    return max((columns_of(each) for parts in cells for each in parts), default=0)


def _folded(parts: Sequence[str], width: int) -> list[str]:
    return [line for part in parts for line in _fold(part, width)]


def _fold(text: str, width: int) -> list[str]:
    """A text in lines; a word that is wider than a line stands in one of its own."""
    lines = [""]
    for word in filter(None, text.split(" ")):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and columns_of(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _aligned(text: str, width: int, right: bool) -> str:
    space = " " * (width - columns_of(text))
    return f"{space}{text}" if right else f"{text}{space}"


def columns_of(text: str) -> int:
    """How many places of a terminal a text takes: a Chinese letter takes two, an accent none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 1 + (unicodedata.east_asian_width(each) in "WF")
        for each in text
    )
