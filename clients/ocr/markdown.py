"""A page's lines as Markdown: headings, paragraphs and tables."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from clients.ocr.client import Line
from clients.ocr.placed import continues, level_boxes, rows_of
from clients.ocr.tables import Cell, cells

HEADING = 1.25
"""A heading's line is this many times as high as the page's usual line."""

LONG, WORD = 4.0, 2.0
"""How many times as long as high lines are that tell the usual height, and headings at least."""

LEVELS = 3
"""How many levels of headings there are; smaller headings get the last one."""

BLANK = 8.0
"""The widest white space within a line, in line heights."""

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~])")
_LEADING = re.compile(r"^(#{1,6}(?=\s|$)|[-+](?=\s|$)|=+$|-+$)")
_NUMBERED = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")


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
    boxes, places = level_boxes(lines), cells(lines)
    levels = _heading_levels(lines, boxes, places)
    beside = {line for row in rows_of(boxes) for line in row[1:]}
    blocks: list[str] = []
    # The first box of the line above, under which text may continue.
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
        elif last >= 0 and number in beside and _close(boxes[number - 1], boxes[number]):
            blocks[-1] += " " + _escaped(line.text)
        elif last >= 0 and continues(boxes[last], boxes[number]):
            blocks[-1] += "\n" + _escaped(line.text)
            last = number
        else:
            blocks.append(_escaped(line.text))
            last = number
    return "\n\n".join(blocks) + "\n"


def _heading_levels(
    lines: Sequence[Line], boxes: np.ndarray, places: Sequence[Cell | None]
) -> list[int]:
    """1 to :data:`LEVELS` for headings, 0 for others; sizes within a tenth are one."""
    widths, heights = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    free = np.array([cell is None for cell in places])
    # Boxes of a few letters are higher than their type is large.
    long = widths >= LONG * heights
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


def _close(left: np.ndarray, box: np.ndarray) -> bool:
    """Whether the next box at this height continues the line, as a comment does behind code."""
    return bool(box[0] - left[2] <= BLANK * (left[3] - left[1]))


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
