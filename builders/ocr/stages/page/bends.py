"""Pages whose lines are bent, as an open book's are, laid flat.

The middle of a piece of text in the detector's map shows roughly where its line runs, and its ink
shows it exactly. All pieces together give the bend of the page: shifts across the lines that make
each piece straight. The flattened page is read like any other, and :class:`Bend` maps what was
found back to the image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from builders.kit.invalid_argument import InvalidArgument

from ..lines import quads as q
from ..lines import warp

NODES = 33
"""Places along each side of a page that have a shift; between them it changes evenly."""

LONG = 8.0
"""A piece this many times as long as high shows whether its line is bent."""

ALONG = 0.9
"""The cosine of an angle between a page and a piece that runs along its lines."""

HOLLOW = 0.8
"""A bent piece fills less than this part of its convex hull."""

MUCH = 0.4
"""A page is bent if so much of its long pieces is, by their lengths. Of 212 kinds of pages the two
whose lines are bent most had 0.78 and 0.92, all others but two broken ones 0.25 and less."""

LEAST_PIECES = 3
"""Fewer long pieces than this do not show what the page does."""

STEP = 4
"""Pixels of a piece's length whose middle is one."""

GROWN = 2.6
"""Where a line's ink is looked for, in heights of its piece: the detector learns shrunken text."""

WINDOW = 64
"""Pixels of a line at the recogniser's height, three letters or so, whose ink is one profile."""

MOST_WINDOWS = 256
"""Of one line; those of a longer one are wider."""

FAR = 12
"""Pixels at that height that a line may be away from where the detector's map shows it."""

LOOKS = 3
"""Of comparing a line's profiles with their mean, each time with what is moved so far."""

STIFF = 1.0
"""What a shift's slope that changes by a pixel from node to node costs, in pixels of one middle."""

ALIKE = 0.3
"""What it costs that the first and the last line are shifted otherwise, in the same."""

BETTER = 0.4
"""Laid flat, lines stray from straight ones by less than this part of what they did."""

FARTHEST = 0.25
"""No line strays farther than by this part of its page's longer side."""

ROUNDS = 8
"""Of finding the place that is shifted to a given one: each is nearer by the shifts' slope."""

EDGE = 33
"""Points along a line's top and bottom that its box holds."""

Places = Callable[[np.ndarray], np.ndarray]
"""Places on a line as it was laid flat, [..., 2] of x and y, to places in the image, FP32."""


@dataclass(frozen=True)
class Bend:
    """Where each place of a page that was laid flat is on the page.

    Attributes:
        shifts: FP32 [33, 33, 2], what is added to x and y at even places from a page's one edge to
            the other, in parts of its longer side.
        size: the page's height and width, in pixels, at any zoom.
    """

    shifts: np.ndarray
    size: tuple[int, int]

    def places(self, points: np.ndarray) -> np.ndarray:
        """Places on the page, of those on the flat one: FP32 [..., 2] of x and y, in pixels."""
        ends = np.maximum(np.array(self.size[::-1]) - 1, 1)
        at = np.clip(points / ends, 0.0, 1.0) * (NODES - 1)
        first = np.minimum(at.astype(np.int64), NODES - 2)
        column, row = first[..., 0], first[..., 1]
        right, down = np.split(at - first, 2, -1)
        upper = self.shifts[row, column] * (1 - right) + self.shifts[row, column + 1] * right
        lower = (
            self.shifts[row + 1, column] * (1 - right) + self.shifts[row + 1, column + 1] * right
        )
        shift = (upper * (1 - down) + lower * down) * max(self.size)
        return np.asarray(points + shift, np.float32)

    def flattened(self, points: np.ndarray) -> np.ndarray:
        """Places on the flat page, of those on the page: FP64 [..., 2] of x and y, in pixels."""
        flat = points
        for _ in range(ROUNDS):
            flat = points - (self.places(flat) - flat)
        return np.asarray(flat, np.float64)

    def flat(self, page: np.ndarray) -> np.ndarray:
        """A page of this size, or a map of it, laid flat: of the same shape and dtype."""
        down, right = (
            _shares(np.arange(side), np.linspace(0, side - 1, NODES)) for side in self.size
        )
        across, along = (
            (down @ self.shifts[..., axis] @ right.T * max(self.size)).astype(np.float32)
            for axis in (0, 1)
        )
        across += np.arange(self.size[1], dtype=np.float32)
        along += np.arange(self.size[0], dtype=np.float32)[:, None]
        return np.asarray(
            cv2.remap(page, across, along, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        )


def find(
    found: q.Found, probability: np.ndarray, page: np.ndarray, angle: float, size: tuple[int, int]
) -> Bend | None:
    """What bends a page's lines; None for a page whose lines are straight.

    Args:
        found: the pieces of the map.
        probability: FP32 [h, w].
        page: UINT8 [h, w, 3].
        angle: of the page's lines, in radians.
        size: the page's height and width, which may be less than the map's.
    """
    along = np.array((np.cos(angle), np.sin(angle)))
    contours = [
        contour
        for contour, quad in zip(found.contours, found.quads, strict=True)
        if _runs_along(quad, along)
    ]
    if len(contours) < LEAST_PIECES or not _hollow(contours):
        return None
    frame = np.stack((along, (-along[1], along[0])))
    pieces = [_middles(contour, probability) @ frame.T for contour in contours]
    # The map shows little of a slight bend; whether there is one, the ink says.
    about = _fitted(pieces, frame, size, np.inf)
    if about is None:
        return None
    lines = warp.Pyramid(cv2.cvtColor(page, cv2.COLOR_RGB2GRAY), about.places)
    traced = []
    for contour, piece in zip(contours, pieces, strict=True):
        length = max(float(np.ptp(piece[:, 0])), 1.0)
        height = GROWN * max(cv2.contourArea(contour) / length, 1.0)
        flat = about.flattened(piece @ frame) @ frame.T
        own = _traced(lines, flat, height, frame)
        traced.append(about.places(own).astype(np.float64) @ frame.T)
    return _fitted(traced, frame, size, BETTER)


def _runs_along(quad: np.ndarray, along: np.ndarray) -> bool:
    """Whether a piece is long, and runs along the page's lines."""
    edges = quad[1:3] - quad[0:2]
    lengths = np.linalg.norm(edges, axis=1)
    longer = int(lengths.argmax())
    long = lengths[longer] >= LONG * lengths[1 - longer]
    return bool(long and abs(edges[longer] @ along) >= ALONG * lengths[longer])


def _hollow(contours: Sequence[np.ndarray]) -> bool:
    """Whether pieces lie on one side, as in bent lines."""
    hollow = total = 0.0
    for contour in contours:
        length = max(cv2.minAreaRect(contour)[1])
        total += length
        if cv2.contourArea(contour) < HOLLOW * cv2.contourArea(cv2.convexHull(contour)):
            hollow += length
    return hollow > MUCH * total


def _middles(contour: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """A piece's middle along its longer side, FP64 [m, 2] of x and y, in pixels."""
    left, top, width, height = cv2.boundingRect(contour)
    inside = np.zeros((height, width), np.uint8)
    cv2.drawContours(inside, [contour], -1, 1, -1, offset=(-left, -top))
    weights = inside * probability[top : top + height, left : left + width]
    wide = width >= height
    if not wide:
        weights = weights.T
    count = weights.shape[1] // STEP
    parts = weights[:, : count * STEP].reshape(len(weights), count, STEP).sum(2)
    sums = np.maximum(parts.sum(0), 1e-6)
    middle = np.arange(len(weights)) @ parts / sums
    at = (np.arange(count) + 0.5) * STEP - 0.5
    points = np.stack((at, middle) if wide else (middle, at), 1) + np.array((left, top))
    return np.asarray(points, np.float64)


def _traced(lines: warp.Pyramid, piece: np.ndarray, height: float, frame: np.ndarray) -> np.ndarray:
    """Where a line's ink is along it, FP64 [m, 2] of x and y on a page that is about flat.

    Its profiles across, window by window, are laid one over the other.

    Args:
        lines: of the page's greys.
        piece: its middles, FP64 [m, 2], along the page's lines and across them.
        height: that has its ink, in pixels of the page.
        frame: the page's directions along and across, FP64 [2, 2].
    """
    (left, _), (right, _) = piece.min(0), piece.max(0)
    top, scale = piece[:, 1].mean() - height / 2, warp.HEIGHT / height
    count = min(max(1, round((right - left) * scale / WINDOW)), MOST_WINDOWS)
    corners = ((left, top), (right, top), (right, top + height), (left, top + height))
    crop = lines.crop((np.array(corners) @ frame).astype(np.float32), count * WINDOW)
    ink = cv2.blur(cv2.absdiff(crop, float(np.median(crop))), (1, 3)).astype(np.float64)
    profiles = ink.reshape(warp.HEIGHT, count, WINDOW).sum(2).T
    profiles /= np.maximum(np.linalg.norm(profiles, axis=1, keepdims=True), 1e-6)
    padded = np.pad(profiles, ((0, 0), (FAR, FAR)))
    moved = np.stack([padded[:, k : k + warp.HEIGHT] for k in range(2 * FAR + 1)], 1)
    shift = np.full(count, FAR)
    for _ in range(LOOKS):
        shift = (moved @ moved[np.arange(count), shift].mean(0)).argmax(1)
    at = left + (np.arange(count) + 0.5) * (right - left) / count
    middles = np.stack((at, top + height / 2 + (shift - FAR) / scale), 1)
    return np.asarray(middles @ frame)


def _shares(values: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """How much each node counts at each value, FP64 [values, nodes]; beyond the ends, the last."""
    at = np.interp(values, nodes, np.arange(len(nodes)))
    return np.asarray(np.maximum(0.0, 1 - np.abs(at[:, None] - np.arange(len(nodes)))))


def _fitted(
    pieces: Sequence[np.ndarray], frame: np.ndarray, size: tuple[int, int], better: float
) -> Bend | None:
    """The bend that makes pieces straight, by least squares; None if they are hardly straighter.

    Args:
        pieces: each one's middles, FP64 [m, 2], along the page's lines and across them.
        frame: the page's directions along and across, FP64 [2, 2].
        size: the page's height and width.
        better: how much straighter they must be: :data:`BETTER`.
    """
    u, v = np.concatenate(pieces).T
    columns = np.linspace(u.min(), u.max(), NODES)
    rows = np.array((v.min(), v.max() + 1.0))

    def shares(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """How much each node of the first line, then of the last, counts: FP64 [m, 66]."""
        by_row, by_column = _shares(v, rows), _shares(u, columns)
        return np.asarray((by_row[:, :, None] * by_column[:, None, :]).reshape(len(u), -1))

    # A piece shows the direction of its line but not its place, so its mean is dropped.
    known, wanted = (
        np.concatenate([each - each.mean(0) for each in parts])
        for parts in ([shares(*each.T) for each in pieces], [each[:, 1] for each in pieces])
    )
    one, apart = np.eye(NODES), np.array(((ALIKE, -ALIKE),))
    # The middle column stays, so that no line leaves the page.
    stays = np.kron(np.eye(2), one[NODES // 2])
    costs = np.concatenate(
        (np.kron(np.eye(2), STIFF * np.diff(one, 2, axis=0)), np.kron(apart, one))
    )
    squares = known.T @ known + costs.T @ costs + stays.T @ stays * len(known)
    squares += 1e-6 * np.eye(len(squares))
    shifts = np.linalg.solve(squares, known.T @ wanted)
    straight = [
        each[:, 1] - np.polynomial.Polynomial.fit(each[:, 0], each[:, 1], 1)(each[:, 0])
        for each in pieces
    ]
    left = float(np.square(wanted - known @ shifts).mean())
    if left > better**2 * float(np.square(np.concatenate(straight)).mean()):
        return None
    x, y = np.meshgrid(*(np.linspace(0, side - 1, NODES) for side in size[::-1]))
    flat = np.stack((x.ravel(), y.ravel()), 1) @ frame.T
    shifted = np.zeros(len(flat))
    for _ in range(ROUNDS):
        shifted = shares(flat[:, 0], flat[:, 1] + shifted) @ shifts
    shifts = (shifted[:, None] * frame[1] / max(size)).reshape(NODES, NODES, 2)
    if np.abs(shifts).max() > FARTHEST:
        return None
    return Bend(shifts.astype(np.float32), size)


def placing(pages: Sequence[Sequence[int]], shifts: np.ndarray) -> Places | None:
    """Where lines of an image's pages are, as they were laid flat; None if no page is bent.

    Args:
        pages: the number, top, height and width of each.
        shifts: FP32 [p, 33, 33, 2], or [0, 33, 33, 2] where no page is bent.

    Raises:
        InvalidArgument: there are not as many shifts as pages, or a line would leave its page.
    """
    if not len(shifts):
        return None
    bends = [
        Bend(own, (height, width))
        for own, (_, _, height, width) in zip(shifts, pages, strict=False)
    ]
    large = [max(bend.size) for bend in bends if bend.shifts.any()]
    near = bool((np.abs(shifts) <= FARTHEST).all())
    if len(shifts) != len(pages) or not near or max(large, default=0) > warp.LARGEST_SOURCE:
        raise InvalidArgument(
            f"expected bends of all pages or of none, from {-FARTHEST} to {FARTHEST}, of pages of "
            f"at most {warp.LARGEST_SOURCE} pixels, as locate gives them, found {len(shifts)} for "
            f"{len(pages)} pages, the largest one that is bent of {max(large, default=0)} pixels"
        )
    tops = np.array([top for _, top, _, _ in pages])

    def places(points: np.ndarray) -> np.ndarray:
        page = int(owners(tops, points.reshape(1, -1, 2))[0])
        if not bends[page].shifts.any():
            return np.asarray(points, np.float32)
        corner = np.array((0, tops[page]))
        return np.asarray(bends[page].places(points - corner) + corner, np.float32)

    return places


def owners(tops: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """The page that each line's middle is on, INT64 [n].

    Args:
        tops: of the pages, one below the other.
        lines: [n, points, 2].
    """
    return np.asarray(np.searchsorted(tops, lines.mean(1)[:, 1], "right").clip(1) - 1)


def boxes(quads: np.ndarray, places: Places) -> np.ndarray:
    """Rectangles that hold bent lines, of their quads as they were laid flat: FP32 [n, 4, 2]."""
    held = np.zeros_like(quads)
    part = np.linspace(0, 1, EDGE, dtype=np.float32)[:, None]
    for index, quad in enumerate(quads):
        top = quad[0] + (quad[1] - quad[0]) * part
        bottom = quad[3] + (quad[2] - quad[3]) * part
        top, bottom = places(np.stack((top, bottom)))
        along = top[-1] + bottom[-1] - top[0] - bottom[0]
        along /= max(float(np.linalg.norm(along)), 1e-3)
        frame = np.stack((along, (-along[1], along[0])))
        ends = np.concatenate((top, bottom)) @ frame.T
        (left, upper), (right, lower) = ends.min(0), ends.max(0)
        corners = np.array(((left, upper), (right, upper), (right, lower), (left, lower)))
        held[index] = corners @ frame
    return held
