"""Line ends, corrected by the ink on the page.

The detector fades in the middle of long small lines, mostly beside large type, and leaves their
ends as separate boxes; now and then it begins a box inside its neighbour across a gutter. The ink
along a box's own axis tells both: a line runs on as long as its ink does, with no gap wider than
between words, and two boxes of one line part in the widest gap between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

GAP = 0.55
"""The widest gap in a line, in box heights: a wide word space; gutters are wider."""

LEAST = 0.22
"""A line is not prolonged by less ink than this, in box heights: a digit has more, a rule less."""

CORE = 0.3
"""The part of a box's height, from its middle up and down, where its ink is looked for."""

PAPER_CONTRAST = 12.0
"""Ink that differs from the paper by fewer grey levels says nothing."""

SAME_LINE = 0.35
"""Boxes whose middles are apart by less than this, in box heights across, share a line."""

HIGHER = 1.5
"""A box of the same line is at most this many times as high."""

LOWER = 0.25
"""A box of the same line is at least this part as high; the detector's remnants are thin."""

MARGIN = 0.15
"""Paper over and under a line whose height is taken from its ink, in heights of the ink."""


@dataclass(frozen=True)
class _Ink:
    """How much ink each column along a box's axis has, the box's left edge at ``start``."""

    columns: np.ndarray
    start: int
    stop: int

    def runs_on(self, gap: int) -> tuple[int, int]:
        """First and last column of the ink that hangs together with the box's."""
        inked = np.flatnonzero(self.columns)
        inside = (inked >= self.start) & (inked < self.stop)
        if not inside.any():
            return self.start, self.stop
        breaks = np.diff(inked) > gap
        group = np.concatenate(([0], np.cumsum(breaks)))
        members = inked[inside]
        first = inked[group == group[inside][0]][0]
        last = inked[group == group[inside][-1]][-1]
        return min(first, members[0]), max(last, members[-1])


def mend(page: np.ndarray, quads: np.ndarray, weak: np.ndarray) -> np.ndarray:
    """Parts boxes that overlap, prolongs lines that the detector lost, and joins their boxes.

    Args:
        page: UINT8 [h, w, 3].
        quads: [n, 4, 2], oriented along their text.
        weak: BOOL [n], boxes that the detector is not sure of: only those whose line runs on are
            kept.

    Returns:
        At most as many quads.
    """
    if not len(quads):
        return quads
    grey = cv2.blur(cv2.cvtColor(page, cv2.COLOR_RGB2GRAY), (3, 3))
    quads = _parted(grey, quads.astype(np.float32))
    lengths = np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1)
    gone = np.zeros(len(quads), bool)
    for index in np.lexsort((-lengths, weak)):
        if gone[index]:
            continue
        quad = _refitted(grey, quads[index]) if weak[index] else quads[index]
        longer = _prolonged(grey, quad)
        if longer is None:
            gone[index] = weak[index]
            continue
        quads[index] = longer
        covered = _on_line(longer, quads) & ~gone
        covered[index] = False
        for other in np.flatnonzero(covered):
            quads[index] = _joined(quads[index], quads[other])
        gone |= covered
    return quads[~gone]


def _frame(quad: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
    """A quad's corner 0, unit vectors along and across, length and height."""
    along, across = quad[1] - quad[0], quad[3] - quad[0]
    length, height = float(np.linalg.norm(along)), float(np.linalg.norm(across))
    return quad[0], along / max(length, 1e-3), across / max(height, 1e-3), length, height


def _strip(grey: np.ndarray, quad: np.ndarray, before: int, after: int) -> np.ndarray:
    """A line, prolonged at its ends, laid flat: UINT8 [rows, before + length + after]."""
    origin, along, across, length, height = _frame(quad)
    rows = max(5, round(height))
    corner = origin - along * before
    columns = before + round(length) + after
    ends = np.stack((corner, corner + along * columns, corner + across * rows)).astype(np.float32)
    flat = np.array(((0, 0), (columns, 0), (0, rows)), np.float32)
    matrix = cv2.getAffineTransform(ends, flat)
    strip = cv2.warpAffine(
        grey, matrix, (columns, rows), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(strip)


def _reach(quad: np.ndarray, shape: tuple[int, ...]) -> tuple[int, int]:
    """How far a line could run back and on before it leaves the page, in pixels."""
    _, along, _, length, _ = _frame(quad)
    middle = (quad[0] + quad[3]) / 2
    limits = np.array((shape[1] - 1, shape[0] - 1), np.float32)
    reach = []
    for point, way in ((middle, -along), (middle + along * length, along)):
        room = np.where(way > 1e-6, limits - point, np.where(way < -1e-6, -point, np.inf))
        steps = room / np.where(np.abs(way) > 1e-6, np.abs(way) * np.sign(way), 1.0)
        reach.append(int(max(0.0, float(steps.min()))))
    return reach[0], reach[1]


def _ink(grey: np.ndarray, quad: np.ndarray, before: int, after: int) -> _Ink | None:
    strip = _strip(grey, quad, before, after).astype(np.int16)
    stop = strip.shape[1] - after
    own = strip[:, before:stop]
    if not own.size:
        return None
    # A box's upper and lower edges lie on paper; in its middle there may be more ink than paper.
    paper = int(np.median(own[[0, -1]]))
    core = round(len(strip) * (0.5 - CORE))
    ink = np.abs(strip[core : len(strip) - core] - paper)
    strength = float(np.quantile(ink[:, before:stop].max(0), 0.8))
    if strength < PAPER_CONTRAST:
        return None
    return _Ink((ink > strength / 2).sum(0), before, stop)


def _refitted(grey: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """The quad at the height of its ink: what is left of a line is often thinner than it."""
    _, _, across, _, height = _frame(quad)
    tall = quad + np.stack((-across, -across, across, across)) * height
    strip = _strip(grey, tall, 0, 0).astype(np.int16)
    ink = np.abs(strip - int(np.median(strip)))
    strength = float(np.quantile(ink.max(0), 0.8))
    if strength < PAPER_CONTRAST:
        return quad
    rows = np.asarray((ink > strength / 2).any(1))
    middle = len(rows) // 2
    above, below = np.flatnonzero(~rows[:middle]), np.flatnonzero(~rows[middle:])
    if not rows[middle] or not len(above) or not len(below):
        return quad
    top, bottom = above[-1] + 1, middle + below[0]
    margin = MARGIN * (bottom - top)
    shift = across * np.array(((top - margin,), (bottom + margin,)))
    return np.asarray(tall[[0, 1, 1, 0]] + shift[[0, 0, 1, 1]], np.float32)


def _prolonged(grey: np.ndarray, quad: np.ndarray) -> np.ndarray | None:
    """The quad, grown along the line's ink; None if it need not be."""
    _, along, _, length, height = _frame(quad)
    if length < height:
        return None
    before, after = _reach(quad, grey.shape)
    ink = _ink(grey, quad, before, after)
    if ink is None:
        return None
    first, last = ink.runs_on(max(2, round(GAP * height)))
    margin = height / 4
    usual = ink.columns[ink.start : ink.stop]
    grown = quad.copy()
    for corners, way, extra, columns in (
        ((0, 3), -along, ink.start - first, ink.columns[first : ink.start]),
        ((1, 2), along, last - ink.stop + 1, ink.columns[ink.stop : last + 1]),
    ):
        if np.count_nonzero(columns) >= LEAST * height and _alike(usual, columns):
            grown[list(corners)] += way * (extra + margin)
    return None if np.array_equal(grown, quad) else grown


def _alike(usual: np.ndarray, columns: np.ndarray) -> bool:
    """Whether columns have ink like a line's: a rule has little and even ink, a picture much."""
    amount = usual.mean() / 2 <= columns.mean() <= usual.mean() * 2
    return bool(amount and columns.std() >= usual.std() / 2)


def _on_line(quad: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which quads have their middle in a line and are about as high."""
    origin, along, across, length, height = _frame(quad)
    middles = others.mean(1) - origin
    heights = np.linalg.norm(others[:, 3] - others[:, 0], axis=1)
    on_axis = np.abs(middles @ across - height / 2) < SAME_LINE * height
    between = (middles @ along > 0) & (middles @ along < length)
    similar = (heights < HIGHER * height) & (heights > LOWER * height)
    return np.asarray(on_axis & between & similar)


def _joined(quad: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A quad, long enough to cover another of its line."""
    origin, along, _, length, _ = _frame(quad)
    places = (other - origin) @ along
    joined = quad.copy()
    joined[[0, 3]] += along * min(0.0, float(places.min()))
    joined[[1, 2]] += along * max(0.0, float(places.max()) - length)
    return joined


def _parted(grey: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Overlapping neighbours of one line, cut where the gap between them is."""
    quads = quads.copy()
    lefts, rights = quads[:, [0, 3]].mean(1), quads[:, [1, 2]].mean(1)
    for index, quad in enumerate(quads):
        origin, along, across, length, height = _frame(quad)
        heights = np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1)
        starts, stops = (lefts - origin) @ along, (rights - origin) @ along
        level = np.abs((lefts - origin) @ across - height / 2) < SAME_LINE * height
        similar = (heights < HIGHER * height) & (heights * HIGHER > height)
        overlap = level & similar & (starts > 0) & (starts < length) & (stops > length)
        overlap[index] = False
        for other in np.flatnonzero(overlap):
            cut = _gap_between(grey, quad, float(starts[other]))
            if cut is not None:
                quads[index][[1, 2]] += along * (cut - length)
                quads[other][[0, 3]] += along * (cut - starts[other])
    return quads


def _gap_between(grey: np.ndarray, quad: np.ndarray, start: float) -> float | None:
    """The middle of the widest gap at a quad's end, from before ``start`` to beyond the quad."""
    height = float(np.linalg.norm(quad[3] - quad[0]))
    beyond = min(round(2 * height), _reach(quad, grey.shape)[1])
    ink = _ink(grey, quad, 0, beyond)
    if ink is None:
        return None
    low = max(0, round(start - height))
    inked = np.flatnonzero(ink.columns[low:]) + low
    if not len(inked):
        return None
    # The neighbour's own ink may begin farther on than was looked.
    gaps = np.diff(inked, append=len(ink.columns))
    widest = int(gaps.argmax())
    return float(inked[widest] + gaps[widest] / 2)
