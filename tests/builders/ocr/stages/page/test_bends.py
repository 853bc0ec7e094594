"""Pages with bent lines are laid flat, straight ones are left as they are."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.ocr.stages.lines import quads as q
from builders.ocr.stages.lines import warp
from builders.ocr.stages.page import bends, direction

HEIGHT, WIDTH, THICK = 400, 900, 10


def wave(amplitude: float, waves: float, x: np.ndarray) -> np.ndarray:
    return np.asarray(amplitude * np.sin(2 * np.pi * waves * x / WIDTH))


def sheet(
    amplitude: float, waves: float, quarters: int = 0
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """A page of dashed lines on a wave, the detector's map of it, and each line's places."""
    page = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    probability = np.zeros((HEIGHT, WIDTH), np.float32)
    lines = []
    x = np.arange(40, WIDTH - 40)
    for top in range(60, HEIGHT - 60, 40):
        y = top + wave(amplitude, waves, x)
        lines.append(np.stack((x, y), 1))
        points = np.rint(lines[-1]).astype(np.int32)
        cv2.polylines(probability, [points], False, (0.9,), THICK)
        for letter in range(0, len(x) - 12, 14):
            cv2.polylines(page, [points[letter : letter + 8]], False, (0, 0, 0), THICK)
    for _ in range(quarters):
        page, probability = np.rot90(page).copy(), np.rot90(probability).copy()
        width = page.shape[0]
        lines = [np.stack((each[:, 1], width - 1 - each[:, 0]), 1) for each in lines]
    return page, probability, lines


def strays(line: np.ndarray, across: int) -> float:
    """How far places are from a straight line, root mean square."""
    x, y = line[:, 1 - across], line[:, across]
    return float(np.std(y - np.polynomial.Polynomial.fit(x, y, 1)(x)))


def found(page: np.ndarray, probability: np.ndarray) -> bends.Bend | None:
    pieces = q.find(probability)
    size = (page.shape[0], page.shape[1])
    return bends.find(pieces, probability, page, direction.axis(pieces.quads), size)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("quarters", [0, 1, 2])
@pytest.mark.parametrize(("amplitude", "waves"), [(14, 0.5), (30, 0.5), (12, 1.5), (20, 1.0)])
def test_bent_lines_are_straight_on_the_flat_page(
    amplitude: float, waves: float, quarters: int
) -> None:
    page, probability, lines = sheet(amplitude, waves, quarters)
    bend = found(page, probability)
    assert bend is not None
    across = 1 - quarters % 2
    for line in lines:
        flat = bend.flattened(line)
        assert strays(flat, across) < 0.1 * strays(line, across)
        assert np.abs(bend.places(flat) - line).max() < 0.2
        # The middle column stays where it was.
        middle = len(line) // 2
        assert np.abs(flat[middle] - line[middle]).max() < 1
    again = q.find(bend.flat(probability))
    assert len(again.quads) == len(lines)
    assert (
        max(min(rectangle[1]) for rectangle in map(cv2.minAreaRect, again.contours)) < 1.5 * THICK
    )
    assert bend.flat(page).shape == page.shape and bend.flat(page).dtype == np.uint8


@pytest.mark.parametrize(("amplitude", "shown"), [(12, 8), (16, 11)])
def test_lines_are_straight_that_the_map_shows_less_bent_than_they_are(
    amplitude: float, shown: float
) -> None:
    page, _, lines = sheet(amplitude, 1.5)
    bend = found(page, sheet(shown, 1.5)[1])
    assert bend is not None
    for line in lines:
        assert strays(bend.flattened(line), 1) < 0.15 * strays(line, 1)


@pytest.mark.parametrize("slope", [0.0, 0.1, -0.3])
def test_straight_lines_stay(slope: float) -> None:
    page, probability, _ = sheet(0, 1)
    turn = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), np.degrees(np.arctan(slope)), 0.8)
    turned = (cv2.warpAffine(each, turn, (WIDTH, HEIGHT)) for each in (page, probability))
    assert found(*turned) is None


def test_lines_that_bend_each_in_its_own_way_stay() -> None:
    page = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    probability = np.zeros((HEIGHT, WIDTH), np.float32)
    x = np.arange(40, WIDTH - 40)
    for number, top in enumerate(range(60, HEIGHT - 60, 60)):
        points = np.stack((x, top + (-1) ** number * wave(12, 1.5, x)), 1)
        cv2.polylines(probability, [np.rint(points).astype(np.int32)], False, (0.9,), THICK)
    assert found(page, probability) is None


def test_nothing_is_made_of_an_empty_map_or_of_two_lines() -> None:
    page, probability, _ = sheet(14, 0.5)
    assert found(page, np.zeros_like(probability)) is None
    probability[120:] = 0
    assert found(page, probability) is None


def test_a_smaller_page_in_a_padded_map_is_laid_flat_alone() -> None:
    page, probability, _ = sheet(14, 0.5)
    pieces = q.find(np.pad(probability, ((0, 24), (0, 8))))
    padded = cv2.copyMakeBorder(page, 0, 24, 0, 8, cv2.BORDER_REPLICATE)
    bend = bends.find(pieces, np.pad(probability, ((0, 24), (0, 8))), padded, 0.0, (HEIGHT, WIDTH))
    assert bend is not None and bend.flat(padded).shape == page.shape


SHIFTS = np.zeros((bends.NODES, bends.NODES, 2), np.float32)
SHIFTS[..., 1] = 0.02 * np.sin(np.linspace(0, np.pi, bends.NODES))


def test_a_crop_follows_its_line() -> None:
    bend = bends.Bend(SHIFTS, (HEIGHT, WIDTH))
    page = np.full((HEIGHT, WIDTH), 255, np.uint8)
    line = np.stack((np.arange(WIDTH), np.full(WIDTH, 200.0)), 1)
    cv2.polylines(page, [np.rint(bend.places(line)).astype(np.int32)], False, (0,), 3)
    quad = np.array(((50, 176), (850, 176), (850, 224), (50, 224)), np.float32)
    bent, straight = (warp.Pyramid(page, places).crop(quad, 800) for places in (bend.places, None))
    assert (bent[23:26] < 160).all() and (bent[:18] == 255).all() and (bent[31:] == 255).all()
    assert (straight[31:] < 160).any()
    large = np.kron(page, np.ones((4, 4), np.uint8))
    wide = bends.Bend(SHIFTS, large.shape)
    assert (
        np.abs(warp.Pyramid(large, wide.places).crop(4 * quad, 800).astype(int) - bent).mean() < 8
    )


def test_a_box_holds_its_line() -> None:
    bend = bends.Bend(SHIFTS, (HEIGHT, WIDTH))
    quad = np.array(((50, 180), (850, 180), (850, 220), (50, 220)), np.float32)
    (box,) = bends.boxes(quad[None], bend.places)
    edges = [np.linspace(a, b, 50) for a, b in itertools.pairwise((*quad, quad[0]))]
    for point in bend.places(np.concatenate(edges)):
        assert cv2.pointPolygonTest(box, point.tolist(), True) > -0.5
    assert np.allclose(box[0], (50, 180 + 0.02 * WIDTH * np.sin(np.pi * 50 / WIDTH)), atol=2)
    flat = bends.Bend(np.zeros_like(SHIFTS), (HEIGHT, WIDTH))
    assert np.allclose(bends.boxes(quad[None], flat.places), quad, atol=1e-3)


def test_each_line_follows_its_own_page() -> None:
    pages = ((1, 0, HEIGHT, WIDTH), (2, HEIGHT, HEIGHT, WIDTH))
    places = bends.placing(pages, np.stack((np.zeros_like(SHIFTS), SHIFTS)))
    assert places is not None
    line = np.stack((np.linspace(0, WIDTH - 1, 9), np.full(9, 100.0)), 1)
    assert np.array_equal(places(line), line.astype(np.float32))
    below = line + np.array((0, HEIGHT))
    own = bends.Bend(SHIFTS, (HEIGHT, WIDTH)).places(line)
    assert (
        np.allclose(places(below), own + np.array((0, HEIGHT))) and np.ptp(places(below)[:, 1]) > 10
    )
    assert bends.placing(pages, np.zeros((0, bends.NODES, bends.NODES, 2), np.float32)) is None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(20, 300), st.integers(20, 300))
def test_flat_places_and_places_on_the_page_belong_together(
    seed: int, height: int, width: int
) -> None:
    rng, most = np.random.default_rng(seed), 0.02 * min(height, width) / max(height, width)
    shifts = cv2.resize(rng.uniform(-most, most, (4, 4, 2)).astype(np.float32), (33, 33))
    bend = bends.Bend(shifts, (height, width))
    points = rng.uniform(0, (width, height), (20, 2))
    assert np.abs(bend.places(bend.flattened(points)) - points).max() < 0.01
    gradient = np.tile(np.arange(width, dtype=np.float32), (height, 1))
    x = bend.places(np.stack(np.meshgrid(np.arange(width), np.arange(height)), 2))[..., 0]
    assert np.abs(bend.flat(gradient) - x.clip(0, width - 1)).max() < 0.1
