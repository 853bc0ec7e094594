"""The cells of a page's tables, found from its lines.

Only the lines' boxes and their reading order count: the server reads tables row by row and columns
of text one after the other, so lines that follow each other at one height are cells.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clients.ocr.client import Line
from clients.ocr.placed import continues, level_boxes, rows_of

FAR = 3.0
"""Rows with more paper between them than this, in line heights, are of two tables."""

LEADING = 0.25
"""The widest gap between lines of one cell, in line heights."""

STEP = 1.25
"""Rows of a table are this many times as far apart as the lines of one cell, at least."""

BREAK = 1.4
"""A single line that is so many times as far below as the rows are apart is not in the table."""

_MARKER = re.compile(r"\W{1,2}|\(?(\d{1,3}|[A-Za-z])[.)]")


@dataclass(frozen=True)
class Cell:
    """Where a line stands in a table; all three count from 0.

    Attributes:
        table: which of the page's tables, in reading order.
        row: of the table; a cell of several lines is in one row.
        column: of the table; the first one of a cell that spans several.
        columns: how many it spans, as a head over two of them does.
    """

    table: int
    row: int
    column: int
    columns: int = 1


def cells(lines: Sequence[Line]) -> list[Cell | None]:
    """Each line's cell; None for lines that are in no table.

    A table has at least two rows with at least two cells, and the same gap between its columns in
    all rows. A list whose markers stand apart is not a table.

    Args:
        lines: of a page, in reading order.
    """
    found: list[Cell | None] = [None] * len(lines)
    if not lines:
        return found
    boxes = level_boxes(lines)
    table = 0
    for rows in _tables(rows_of(boxes), boxes):
        columns = _columns(rows, boxes)
        if _is_list(rows, lines, columns) or _in_text(rows, boxes, columns):
            continue
        for number, members in enumerate(_unwrapped(rows, boxes, columns)):
            for line in members:
                first, spanned = _column(boxes[line], columns), _spanned(boxes[line], columns)
                found[line] = Cell(table, number, first, max(spanned, 1))
        table += 1
    return found


def _tables(rows: list[list[int]], boxes: np.ndarray) -> list[list[list[int]]]:
    """Rows that follow each other downwards and have columns in common."""
    tables: list[list[list[int]]] = []
    run: list[list[int]] = []

    def end() -> None:
        continued = _continued(run, boxes, _columns(run, boxes)) if run else []
        while run and len(run[-1]) < 2 and not continued[len(run) - 1]:
            run.pop()
        if sum(len(row) > 1 for row in run) >= 2:
            tables.append(list(run))
        run.clear()

    for row, following in zip(rows, [*rows[1:], []], strict=True):
        if run and (
            not _near(boxes[run[-1]], boxes[row])
            or _apart([*run, row], boxes)
            or not (_fits([*run, row], boxes) or _fits_with([*run, row], following, boxes))
        ):
            end()
        if run or len(row) > 1:
            run.append(row)
    end()
    return tables


def _apart(rows: list[list[int]], boxes: np.ndarray) -> bool:
    """Whether the last row is a single line with a wider gap above it than rows have."""
    steps = np.diff([float(np.median(boxes[row, 1])) for row in rows])
    return len(rows[-1]) == 1 and len(steps) > 1 and bool(steps[-1] > BREAK * steps[:-1].max())


def _in_text(rows: list[list[int]], boxes: np.ndarray, columns: list[tuple[float, float]]) -> bool:
    """Whether two rows of two cells are text: lines continue right above or below."""
    if len(columns) != 2 or sum(len(row) > 1 for row in rows) > 2:
        return False
    first, last = boxes[rows[0][0]], boxes[rows[-1][0]]
    over, under = rows[0][0] - 1, rows[-1][-1] + 1
    return (over >= 0 and continues(boxes[over], first)) or (
        under < len(boxes) and continues(last, boxes[under])
    )


def _near(over: np.ndarray, under: np.ndarray) -> bool:
    """Whether a row is next under another; boxes of a page that leans overlap a little."""
    (top, bottom), (next_top, _) = (np.median(row[:, [1, 3]], axis=0) for row in (over, under))
    height = bottom - top
    return bool(top < next_top <= bottom + FAR * height)


def _fits(rows: list[list[int]], boxes: np.ndarray) -> bool:
    """Whether no row has two cells in one column, apart from a cell that spans several."""
    columns = _columns(rows, boxes)
    for row in rows:
        if len({_column(boxes[line], columns) for line in row}) < len(row):
            return False
    return all(len(row) > 1 or _spanned(boxes[row[0]], columns) == 1 for row in rows)


def _fits_with(rows: list[list[int]], following: list[int], boxes: np.ndarray) -> bool:
    """Whether the next row shows that rows fit: heads alone do not show what they are over."""
    fuller = len(following) > max(map(len, rows))
    near = fuller and _near(boxes[rows[-1]], boxes[following])
    return near and _fits([*rows, following], boxes)


def _columns(rows: list[list[int]], boxes: np.ndarray) -> list[tuple[float, float]]:
    """First and last x of each column: where cells lie over each other, spanning ones left out."""
    others = [np.array(row) for row in rows]

    def spans(line: int, columns: list[tuple[float, float]]) -> bool:
        return _spanned(boxes[line], columns) > 1 or any(
            line not in row and np.count_nonzero(_over(boxes[line], boxes[row])) > 1
            for row in others
        )

    # Rows of many cells show the columns over which cells of the others may reach.
    columns: list[tuple[float, float]] = []
    kept: list[int] = []
    for cells_of in sorted({len(row) for row in rows}, reverse=True):
        own = [line for row in rows if len(row) == cells_of for line in row]
        kept += [line for line in own if not spans(line, columns)]
        columns = _merged(boxes[kept])
    return _under_heads(columns, rows, boxes)


def _merged(boxes: np.ndarray) -> list[tuple[float, float]]:
    """First and last x of each column of cells that lie over each other."""
    columns: list[tuple[float, float]] = []
    for left, right in sorted(zip(boxes[:, 0].tolist(), boxes[:, 2].tolist(), strict=True)):
        if columns and left < columns[-1][1]:
            columns[-1] = columns[-1][0], max(columns[-1][1], right)
        else:
            columns.append((left, right))
    return columns


def _under_heads(
    columns: list[tuple[float, float]], rows: list[list[int]], boxes: np.ndarray
) -> list[tuple[float, float]]:
    """The columns, with a lone head joined to the column beside it: a centred head may stand off.

    Such a head is alone in its column, no row has cells in both, and it is above all of them.
    """
    filled: list[list[int]] = [[] for _ in columns]
    for number, row in enumerate(rows):
        for line in row:
            if _spanned(boxes[line], columns) == 1:
                filled[_column(boxes[line], columns)].append(number)
    joined: list[tuple[tuple[float, float], list[int]]] = []
    for column, own in zip(columns, filled, strict=True):
        if joined and own and _heads(joined[-1][1], own):
            (left, _), before = joined[-1]
            joined[-1] = (left, column[1]), sorted(before + own)
        else:
            joined.append((column, own))
    return [column for column, _ in joined]


def _heads(one: list[int], other: list[int]) -> bool:
    first, second = sorted((one, other))
    return len(first) == 1 and first[0] < second[0]


def _over(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    return np.asarray(np.minimum(box[2], others[:, 2]) > np.maximum(box[0], others[:, 0]))


def _spanned(box: np.ndarray, columns: list[tuple[float, float]]) -> int:
    return sum(bool(min(box[2], right) > max(box[0], left)) for left, right in columns)


def _column(box: np.ndarray, columns: list[tuple[float, float]]) -> int:
    """The first column that a box overlaps, or the nearest one."""
    apart = [max(left - box[2], box[0] - right) for left, right in columns]
    over = [number for number, distance in enumerate(apart) if distance < 0]
    return over[0] if over else int(np.argmin(apart))


def _is_list(
    rows: list[list[int]], lines: Sequence[Line], columns: list[tuple[float, float]]
) -> bool:
    markers = [bool(_MARKER.fullmatch(lines[row[0]].text.strip())) for row in rows if len(row) > 1]
    return len(columns) < 2 or (len(columns) == 2 and all(markers))


def _unwrapped(
    rows: list[list[int]], boxes: np.ndarray, columns: list[tuple[float, float]]
) -> list[list[int]]:
    """The table's rows. A row that continues the cells above it is joined to them."""
    joined: list[list[int]] = []
    for row, goes_on in zip(rows, _continued(rows, boxes, columns), strict=True):
        if goes_on:
            joined[-1] += row
        else:
            joined.append(list(row))
    return joined


def _continued(
    rows: list[list[int]], boxes: np.ndarray, columns: list[tuple[float, float]]
) -> list[bool]:
    """Which rows continue the cells over them.

    Lines of one cell are nearer to each other than rows are. No full row is as near to the one over
    it, and each line that continues a cell has that cell over it.
    """
    most = max(map(len, rows))
    apart = np.diff([float(np.median(boxes[row, 1])) for row in rows])
    heights = np.array([float(np.median(boxes[row, 3] - boxes[row, 1])) for row in rows[:-1]])
    steps = np.sort(apart)
    larger = np.flatnonzero(steps[1:] >= STEP * steps[:-1])
    nearest = float(steps[larger[0] + 1]) if len(larger) else 0.0
    near = (apart < nearest) & (apart <= (1 + LEADING) * heights)
    full = np.array([len(row) == most for row in rows[1:]], bool)
    continued = [False] * len(rows)
    if (near & full).any():
        return continued
    over: set[int] = set()
    for number, row in enumerate(rows):
        own = {_column(boxes[line], columns) for line in row}
        continued[number] = number > 0 and bool(near[number - 1]) and own <= over
        over = over | own if continued[number] else own
    return continued
