"""What a page's lines make up: the cells of its tables, and Markdown.

Everything is told from the lines' boxes and their reading order: the server reads tables row by row
and columns of text one after the other, so lines that follow each other at one height are cells.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clients.ocr import Line

SAME_HEIGHT = 0.5
"""Cells of a row share this part of the lower one's height."""

FAR = 3.0
"""Rows with more paper between them than this, in line heights, are of two tables."""

LEADING = 0.25
"""Lines of one cell have no more paper between them than this, in line heights."""

WRAPPED = 0.75
"""Such a row continues the cells over it if it is nearer than this part of the usual distance."""

HEADING = 1.25
"""A heading's line is this many times as high as the page's usual line."""

LONG, WORD = 4.0, 2.0
"""How many times as long as high lines are that tell the usual height, and headings at least."""

LEVELS = 3
"""Sizes of headings that are told apart; smaller ones are of the last level."""

PARAGRAPH = 0.7
"""Lines with more paper between them than this, in line heights, are of two paragraphs."""

_MARKER = re.compile(r"\W{1,2}|\(?(\d{1,3}|[A-Za-z])[.)]")
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~])")
_LEADING = re.compile(r"^(#{1,6}(?=\s|$)|[-+](?=\s|$)|=+$|-+$)")
_NUMBERED = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")


@dataclass(frozen=True)
class Cell:
    """Where a line stands in a table; all three count from 0.

    Attributes:
        table: which of the page's tables, in reading order.
        row: of the table; a cell of several lines is in one row.
        column: of the table; the first one of a cell that spans several.
    """

    table: int
    row: int
    column: int


def cells(lines: Sequence[Line]) -> list[Cell | None]:
    """Each line's cell; None for lines that are in no table.

    A table has two rows at least with two cells or more, and the same paper between its columns in
    all of its rows. A list whose markers stand apart is none.

    Args:
        lines: of a page, in reading order.
    """
    found: list[Cell | None] = [None] * len(lines)
    if not lines:
        return found
    boxes = _level(lines)
    table = 0
    for rows in _tables(_rows(boxes), boxes):
        columns = _columns(rows, boxes)
        if _is_list(rows, lines, columns):
            continue
        for number, members in enumerate(_unwrapped(rows, boxes, columns)):
            for line in members:
                found[line] = Cell(table, number, _column(boxes[line], columns))
        table += 1
    return found


def markdown(lines: Sequence[Line]) -> str:
    """A page as Markdown, in reading order: headings by the size of type, paragraphs, tables.

    A table's first row is its head. Line breaks of a paragraph are kept, those in a cell become
    ``<br>``. Characters that Markdown takes for its own are escaped.

    Args:
        lines: of a page, in reading order.

    Returns:
        The text, ending in a line break; empty for no lines.
    """
    if not lines:
        return ""
    boxes, places = _level(lines), cells(lines)
    levels = _heading_levels(lines, boxes, places)
    blocks: list[str] = []
    last = -1
    tables: set[int] = set()
    for number, (line, cell) in enumerate(zip(lines, places, strict=True)):
        if cell is not None:
            if cell.table not in tables:
                tables.add(cell.table)
                blocks.append(_table(lines, places, cell.table))
            last = -1
        elif levels[number]:
            blocks.append("#" * levels[number] + " " + _escaped(line.text))
            last = -1
        elif last >= 0 and _goes_on(boxes[last], boxes[number]):
            blocks[-1] += "\n" + _escaped(line.text)
            last = number
        else:
            blocks.append(_escaped(line.text))
            last = number
    return "\n\n".join(blocks) + "\n"


def _level(lines: Sequence[Line]) -> np.ndarray:
    """Left, top, right and bottom of each line where the page's lines lie level: [n, 4]."""
    corners = np.array([line.box for line in lines], float).reshape(-1, 4, 2)
    edge = (corners[:, 1] - corners[:, 0] + corners[:, 2] - corners[:, 3]).sum(0)
    angle = float(np.arctan2(edge[1], edge[0]))
    turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    level = corners @ turn
    return np.concatenate((level.min(1), level.max(1)), axis=1)


def _rows(boxes: np.ndarray) -> list[list[int]]:
    """Lines that follow each other from left to right at one height."""
    rows = [[0]]
    for line in range(1, len(boxes)):
        before, box = boxes[rows[-1][-1]], boxes[line]
        shared = min(before[3], box[3]) - max(before[1], box[1])
        lower = min(before[3] - before[1], box[3] - box[1])
        if shared >= SAME_HEIGHT * lower and (box[0] + box[2]) / 2 > before[2]:
            rows[-1].append(line)
        else:
            rows.append([line])
    return rows


def _tables(rows: list[list[int]], boxes: np.ndarray) -> list[list[list[int]]]:
    """Rows that follow each other downwards and have columns in common."""
    tables: list[list[list[int]]] = []
    run: list[list[int]] = []

    def end() -> None:
        while run and len(run[-1]) < 2:
            run.pop()
        if sum(len(row) > 1 for row in run) >= 2:
            tables.append(list(run))
        run.clear()

    for row in rows:
        if run and not (_near(boxes[run[-1]], boxes[row]) and _fits([*run, row], boxes)):
            end()
        if run or len(row) > 1:
            run.append(row)
    end()
    return tables


def _near(over: np.ndarray, under: np.ndarray) -> bool:
    """Whether a row is next under another; boxes of a page that leans overlap a little."""
    (top, bottom), (next_top, _) = (np.median(row[:, [1, 3]], axis=0) for row in (over, under))
    height = bottom - top
    return bool(top < next_top <= bottom + FAR * height)


def _fits(rows: list[list[int]], boxes: np.ndarray) -> bool:
    """Whether the cells of no row fall into one column, but for one that spans several."""
    columns = _columns(rows, boxes)
    for row in rows:
        if len({_column(boxes[line], columns) for line in row}) < len(row):
            return False
    return all(len(row) > 1 or _spanned(boxes[row[0]], columns) == 1 for row in rows)


def _columns(rows: list[list[int]], boxes: np.ndarray) -> list[tuple[float, float]]:
    """First and last x of each column: where cells lie over each other, spanning ones left out."""
    members = [line for row in rows for line in row]
    others = [np.array(row) for row in rows]

    def spans(line: int) -> bool:
        return any(
            line not in row and np.count_nonzero(_over(boxes[line], boxes[row])) > 1
            for row in others
        )

    kept = sorted((boxes[line, 0], boxes[line, 2]) for line in members if not spans(line))
    columns: list[tuple[float, float]] = []
    for left, right in kept:
        if columns and left < columns[-1][1]:
            columns[-1] = columns[-1][0], max(columns[-1][1], right)
        else:
            columns.append((left, right))
    return _under_heads(columns, rows, boxes)


def _under_heads(
    columns: list[tuple[float, float]], rows: list[list[int]], boxes: np.ndarray
) -> list[tuple[float, float]]:
    """The columns, those of one head joined to the cells beside it: a centred head may stand off.

    A head is alone in its column, no row has it and the other, and it is over all of them.
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
    return sum(min(box[2], right) > max(box[0], left) for left, right in columns)


def _column(box: np.ndarray, columns: list[tuple[float, float]]) -> int:
    """The first column that a box lies over, or else the nearest."""
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
    """The table's rows: those of text that continue the cells over them are joined to them."""
    tops = np.array([float(np.median(boxes[row, 1])) for row in rows])
    heights = np.array([float(np.median(boxes[row, 3] - boxes[row, 1])) for row in rows])
    apart = np.diff(tops)
    tight = apart <= (1 + LEADING) * heights[:-1]
    usual = float(np.median(apart[~tight])) if not tight.all() else 0.0
    joined = [list(rows[0])]
    for distance, near, row in zip(apart, tight, rows[1:], strict=True):
        if near and len(row) < len(columns) and distance < WRAPPED * usual:
            joined[-1] += row
        else:
            joined.append(list(row))
    return joined


def _heading_levels(
    lines: Sequence[Line], boxes: np.ndarray, places: Sequence[Cell | None]
) -> list[int]:
    """1 to :data:`LEVELS` for headings, 0 for others; sizes within a tenth are one."""
    widths, heights = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    free = np.array([cell is None for cell in places])
    # Boxes of a few letters are higher than their type is large.
    long = free & (widths >= LONG * heights)
    counted = long if long.any() else np.ones(len(lines), bool)
    usual = _median(
        heights[counted], [len(lines[k].text) for k in np.flatnonzero(counted).tolist()]
    )
    large = free & (heights >= HEADING * usual) & (widths >= WORD * heights)
    steps: list[float] = []
    for height in sorted(heights[large].tolist(), reverse=True):
        if not steps or height < 0.9 * steps[-1]:
            steps.append(height)
    return [
        min(sum(height < 0.9 * step for step in steps) + 1, LEVELS) if heading else 0
        for height, heading in zip(heights.tolist(), large, strict=True)
    ]


def _median(values: np.ndarray, weights: Sequence[int]) -> float:
    order = np.argsort(values)
    total = np.cumsum(np.array(weights)[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def _goes_on(above: np.ndarray, box: np.ndarray) -> bool:
    """Whether a line continues the paragraph of the one over it."""
    height = above[3] - above[1]
    paper = box[1] - above[3]
    over = min(above[2], box[2]) > max(above[0], box[0])
    return bool(over and -height < paper <= PARAGRAPH * height)


def _table(lines: Sequence[Line], places: Sequence[Cell | None], table: int) -> str:
    inside = [
        (cell, line.text)
        for cell, line in zip(places, lines, strict=True)
        if cell is not None and cell.table == table
    ]
    rows = 1 + max(cell.row for cell, _ in inside)
    columns = 1 + max(cell.column for cell, _ in inside)
    texts = [[""] * columns for _ in range(rows)]
    for cell, text in inside:
        held = texts[cell.row][cell.column]
        texts[cell.row][cell.column] = f"{held}<br>{_escaped(text)}" if held else _escaped(text)
    drawn = ["| " + " | ".join(row) + " |" for row in texts]
    return "\n".join([drawn[0], "|" + " --- |" * columns, *drawn[1:]])


def _escaped(text: str) -> str:
    text = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    return _NUMBERED.sub(r"\1\\\2", _LEADING.sub(r"\\\1", text))
