"""A page's lines by their places: levelled, in rows, and which continues under another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clients.ocr.client import Line

SAME_HEIGHT = 0.5
"""Cells of a row share this part of the lower one's height."""

PARAGRAPH = 0.7
"""Lines with more paper between them than this, in line heights, are of two paragraphs."""


def level_boxes(lines: Sequence[Line]) -> np.ndarray:
    """Left, top, right and bottom of each line where the page's lines lie level: [n, 4]."""
    corners = np.array([line.box for line in lines], float).reshape(-1, 4, 2)
    edge = (corners[:, 1] - corners[:, 0] + corners[:, 2] - corners[:, 3]).sum(0)
    angle = float(np.arctan2(edge[1], edge[0]))
    turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    level = corners @ turn
    return np.concatenate((level.min(1), level.max(1)), axis=1)


def rows_of(boxes: np.ndarray) -> list[list[int]]:
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


def continues(above: np.ndarray, box: np.ndarray) -> bool:
    """Whether a line continues the paragraph of the one over it."""
    height = above[3] - above[1]
    paper = box[1] - above[3]
    over = min(above[2], box[2]) > max(above[0], box[0])
    return bool(over and -height < paper <= PARAGRAPH * height)
