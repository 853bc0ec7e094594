"""Line ends, corrected by the ink on the page.

The detector makes two mistakes. In long lines of small type, mostly beside large type, it misses
the middle and leaves the ends as separate boxes. Now and then a box begins inside its neighbour
across a gutter. The ink along a box's axis shows both. A line goes on as long as its ink does, with
no gap wider than between words and no rule across it. Two boxes of one line part in the widest gap
between them.
"""

from __future__ import annotations

import itertools
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


OVER = 0.2
"""Rules are looked for this far over and under a box, in its heights: letters end before."""

WALL = 0.95
"""The part of that height which a rule, or the edge of a ground, crosses at least."""

EDGE = 12
"""Grey levels by which the pixels on both sides of an edge differ: a hair line's."""


DOTTED = 0.4
"""Where the usual column of a line has edges in more of its rows than this, the ground is dotted,
as printers draw greys, and nothing is a wall: 0.41 to 1 there, 0.36 at most on 106 page kinds."""

SOFT = 2
"""Columns beside a wall whose ink may be the soft edge of the rule."""

LEVELS = 8
"""Grey levels that count as one when the paper's level is looked for."""


@dataclass(frozen=True)
class _Ink:
    """How much ink each column along a box's axis has, the box's left edge at ``start``.

    ``walls`` are the columns of a rule that crosses the line, or where two cells' grounds meet.
    """

    columns: np.ndarray
    walls: np.ndarray
    start: int
    stop: int

    @property
    def _rooms(self) -> np.ndarray:
        """A number for each column: the same between two walls, another one on each wall."""
        return np.cumsum(np.diff(self.walls, prepend=False))

    def rooms(self) -> list[tuple[int, int]]:
        """Where walls cross the box: its parts that have ink beside them, by first and end."""
        if not self.walls[self.start : self.stop].any():
            return []
        numbers = self._rooms[self.start : self.stop]
        cuts = np.flatnonzero(np.diff(numbers)) + 1
        parts = []
        for first, end in itertools.pairwise((0, *cuts.tolist(), len(numbers))):
            part = slice(self.start + first, self.start + end)
            own = self.columns[part].copy()
            if first:
                own[:SOFT] = 0
            if end < len(numbers):
                own[-SOFT:] = 0
            if not self.walls[part.start] and own.any():
                parts.append((first, end))
        return parts

    def free(self, column: int, way: int) -> int:
        """How many columns there are beside one before the next wall or the page's edge."""
        beside = self.walls[column + 1 :] if way > 0 else self.walls[:column][::-1]
        return int(beside.argmax()) if beside.any() else len(beside)

    def runs_on(self, gap: int) -> tuple[int, int]:
        """First and last column of the ink that hangs together with the box's."""
        inked = np.flatnonzero(self.columns)
        inside = (inked >= self.start) & (inked < self.stop)
        if not inside.any():
            return self.start, self.stop
        breaks = (np.diff(inked) > gap) | (np.diff(self._rooms[inked]) > 0)
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
    grey = cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)
    cells, weak, seen = _between_rules(grey, quads.astype(np.float32), weak)
    quads = _parted(grey, cells)
    lengths = np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1)
    gone = np.zeros(len(quads), bool)
    for index in np.lexsort((-lengths, weak)):
        if gone[index]:
            continue
        quad = _refitted(grey, quads[index]) if weak[index] else quads[index]
        same = np.array_equal(quad, cells[index])
        longer = _prolonged(quad, (same and seen[index]) or _whole(grey, quad))
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


def _between_rules(
    grey: np.ndarray, quads: np.ndarray, weak: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[_Ink | None]]:
    """Boxes cut at the rules that cross them, so that each has the text of one cell.

    Returns:
        The boxes, which of them are weak, and the ink of those that were looked at and not cut.
    """
    parts, kinds, seen = [], [], []
    for quad, thin in zip(quads, weak, strict=True):
        _, along, _, length, _ = _frame(quad)
        ink = None if thin else _whole(grey, quad)
        rooms = ink.rooms() if ink else []
        for first, end in rooms or [(0, round(length))]:
            part = quad.copy()
            part[[0, 3]] += along * first
            part[[1, 2]] += along * min(0.0, end - length)
            parts.append(part)
            kinds.append(thin)
            seen.append(None if rooms else ink)
    return np.stack(parts), np.array(kinds), seen


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
    _, _, across, _, height = _frame(quad)
    over = max(2, round(OVER * height))
    beyond = across * over
    seen = _strip(grey, quad + np.stack((-beyond, -beyond, beyond, beyond)), before, after)
    strip = np.asarray(cv2.blur(seen, (3, 3)))[over : len(seen) - over]
    stop = strip.shape[1] - after
    own = strip[:, before:stop]
    if not own.size:
        return None
    paper = _paper(own)
    core = round(len(strip) * (0.5 - CORE))
    ink = cv2.absdiff(strip[core : len(strip) - core], float(paper))
    top, bottom = _between_level_rules(seen[:, before:stop], paper)
    walls = _walls(seen[top:bottom])
    # The columns of a dark rule, and those beside it, do not show how strong the letters are.
    ruled = _widened(walls | _filled(seen[top:bottom], paper))
    letters = ~ruled[before:stop]
    strongest = np.sort(ink[:, before:stop].max(0)[letters])
    if not len(strongest):
        return None
    strength = float(strongest[round(0.8 * (len(strongest) - 1))])
    if strength < PAPER_CONTRAST:
        return None
    return _Ink(_above(ink, strength / 2), walls, before, stop)


def _above(levels: np.ndarray, least: float) -> np.ndarray:
    """How many pixels of each column are above a level: INT32 [columns]."""
    ones = cv2.threshold(levels, least, 1, cv2.THRESH_BINARY)[1]
    return np.asarray(cv2.reduce(ones, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)).reshape(-1)


def _paper(own: np.ndarray) -> int:
    """The grey level that most of a box has: ink and blurred edges are of many levels."""
    own = own[:, :: max(1, own.shape[1] // 64)]
    counts = np.bincount(own.ravel() // LEVELS, minlength=256 // LEVELS)
    first = int((counts[:-1] + counts[1:]).argmax()) * LEVELS
    return round(float(own[(own >= first) & (own < first + 2 * LEVELS)].mean()))


def _between_level_rules(seen: np.ndarray, paper: int) -> tuple[int, int]:
    """First row and end of a box's rows between a table's rules, which run along its edges."""
    inked = _above(cv2.absdiff(seen, float(paper)).T, PAPER_CONTRAST)
    rules = 2 * inked > seen.shape[1]
    outer = round(len(seen) * (0.5 - CORE))
    above, below = np.flatnonzero(rules[:outer]), np.flatnonzero(rules[len(seen) - outer :])
    top = int(above[-1]) + 1 if len(above) else 0
    return top, len(seen) - outer + int(below[0]) if len(below) else len(seen)


def _walls(strip: np.ndarray) -> np.ndarray:
    """Which columns of a strip are at an edge that crosses it, up to :data:`WALL`: BOOL [columns].

    Whatever the ground: along a rule, or where two grounds meet, grey levels rise, or fall, in the
    same column of every row.
    """
    walls = np.zeros(strip.shape[1], bool)
    if strip.shape[1] < 3:
        return walls
    left, right = strip[:, :-2], strip[:, 2:]
    rises, falls = (_above(cv2.subtract(*pair), EDGE) for pair in ((right, left), (left, right)))
    edges = np.maximum(rises, falls)
    if np.median(edges) <= DOTTED * len(strip):
        walls[1:-1] = edges >= WALL * len(strip)
    return walls


def _widened(columns: np.ndarray) -> np.ndarray:
    """The same columns, and one beside each: BOOL [columns]."""
    wider = columns.copy()
    wider[1:] |= columns[:-1]
    wider[:-1] |= columns[1:]
    return wider


def _filled(strip: np.ndarray, paper: int) -> np.ndarray:
    """Which columns of a strip have no paper, up to :data:`WALL`, as in a rule: BOOL [columns]."""
    inked = _above(cv2.absdiff(strip, float(paper)), PAPER_CONTRAST)
    return np.asarray(inked >= WALL * len(strip))


def _whole(grey: np.ndarray, quad: np.ndarray) -> _Ink | None:
    """The ink along a box's line, from one edge of the page to the other."""
    return _ink(grey, quad, *_reach(quad, grey.shape))


def _refitted(grey: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """The quad at the height of its ink: what is left of a line is often thinner than it."""
    _, _, across, _, height = _frame(quad)
    tall = quad + np.stack((-across, -across, across, across)) * height
    strip = np.asarray(cv2.blur(_strip(grey, tall, 0, 0), (3, 3))).astype(np.int16)
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


def _prolonged(quad: np.ndarray, ink: _Ink | None) -> np.ndarray | None:
    """The quad, grown along its line's ink; None if it need not be."""
    _, along, _, length, height = _frame(quad)
    if length < height or ink is None:
        return None
    first, last = ink.runs_on(max(2, round(GAP * height)))
    margin = height / 4
    usual = ink.columns[ink.start : ink.stop]
    grown = quad.copy()
    for corners, way, extra, columns, free in (
        ((0, 3), -along, ink.start - first, ink.columns[first : ink.start], ink.free(first, -1)),
        ((1, 2), along, last - ink.stop + 1, ink.columns[ink.stop : last + 1], ink.free(last, 1)),
    ):
        if np.count_nonzero(columns) >= LEAST * height and _alike(usual, columns):
            grown[list(corners)] += way * (extra + min(margin, free))
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
    # The neighbour's ink may begin beyond what was looked at.
    gaps = np.diff(inked, append=len(ink.columns))
    widest = int(gaps.argmax())
    return float(inked[widest] + gaps[widest] / 2)
