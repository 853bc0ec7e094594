"""Boxes of probability maps, and the corner that they start at."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.ocr.stages.lines import quads
from builders.ocr.stages.page import direction


def rectangle(x: float, y: float, width: float, height: float, degrees: float = 0) -> np.ndarray:
    """Corners clockwise from where the text of this rectangle starts."""
    u = np.array((np.cos(np.radians(degrees)), np.sin(np.radians(degrees)))) * width / 2
    v = np.array((-u[1], u[0])) * height / width
    return (np.array((x, y)) + np.stack((-u - v, u - v, u + v, -u + v))).astype(np.float32)


def probability(*drawn: np.ndarray, size: int = 400, level: float = 0.9) -> np.ndarray:
    image = np.zeros((size, size), np.float32)
    for corners in drawn:
        cv2.fillPoly(image, [np.rint(corners).astype(np.int32)], (level,))
    return image


@pytest.mark.parametrize("degrees", [0, 4, -30, 90])
def test_a_piece_of_text_is_found_where_it_is(degrees: float) -> None:
    drawn = rectangle(200, 190, 150, 12, degrees)
    found = quads.find(probability(drawn))
    assert found.quads.shape == (1, 4, 2) and found.scores[0] > 0.7
    assert np.abs(found.quads[0].mean(0) - drawn.mean(0)).max() < 2
    width, height = (
        float(v[0]) for v in quads.sizes(direction.orient(found.quads, np.radians(degrees)))
    )
    assert width == pytest.approx(150, abs=4) and height == pytest.approx(12, abs=4)


def test_specks_and_faint_pieces_are_none() -> None:
    assert len(quads.find(np.zeros((64, 64), np.float32)).quads) == 0
    assert len(quads.find(probability(rectangle(50, 50, 2, 1))).quads) == 0
    outline = np.zeros((400, 400), np.float32)
    cv2.polylines(outline, [rectangle(200, 200, 150, 60).astype(np.int32)], True, (0.9,), 2)
    assert all(quads.find(outline).scores >= quads.WEAK_THRESHOLD)
    assert len(quads.find(outline).quads) <= 1


def test_growing_is_what_offsetting_the_polygon_gives() -> None:
    pyclipper = pytest.importorskip("pyclipper")
    for drawn in (rectangle(200, 200, 180, 14, 7), rectangle(100, 90, 30, 30, 40)):
        area, length = cv2.contourArea(drawn), cv2.arcLength(drawn, True)
        offset = pyclipper.PyclipperOffset()
        scale = 1000
        offset.AddPath(
            (drawn * scale).astype(np.int64).tolist(),
            pyclipper.JT_ROUND,
            pyclipper.ET_CLOSEDPOLYGON,
        )
        grown = np.array(offset.Execute(area * quads.UNCLIP_RATIO / length * scale)[0]) / scale
        expected = cv2.minAreaRect(grown.astype(np.float32))
        found = cv2.minAreaRect(quads.grow(drawn[None])[0])
        assert sorted(found[1]) == pytest.approx(sorted(expected[1]), abs=0.3)
        assert found[0] == pytest.approx(expected[0], abs=0.1)


@given(
    st.floats(-180, 180),
    st.integers(0, 3),
    st.booleans(),
    st.floats(20, 300),
    st.floats(5, 15),
)
def test_corners_start_where_reading_does(
    degrees: float, rolled: int, mirrored: bool, width: float, height: float
) -> None:
    true = rectangle(0, 0, width, height, degrees)
    given_corners = np.roll(true[::-1] if mirrored else true, rolled, 0)[None]
    along = np.array((np.cos(np.radians(degrees)), np.sin(np.radians(degrees))))
    ordered = quads.start_along(quads.clockwise(given_corners), along)
    assert np.allclose(ordered[0], true, atol=1e-3)


@settings(deadline=None)
@given(st.floats(-44, 44), st.sampled_from([0, 90]), st.randoms(use_true_random=False))
def test_the_axis_is_that_of_the_long_boxes(skew: float, base: float, random: object) -> None:
    boxes = [rectangle(300, 50 + 30 * k, 400 - 10 * k, 16, base + skew) for k in range(8)]
    boxes += [rectangle(500, 40 * k, 14, 16, 45) for k in range(6)]
    boxes.append(rectangle(700, 300, 300, 16, base + skew + 90))
    random.shuffle(boxes)  # type: ignore[attr-defined]
    angle = np.degrees(direction.axis(quads.clockwise(np.stack(boxes))))
    # Beyond 45 degrees a page counts as lying on its other side.
    assert (angle - (base + skew) + 90) % 180 - 90 == pytest.approx(0, abs=0.5)
    assert -45.5 <= angle <= 135.5


def test_pages_without_long_boxes_are_upright() -> None:
    assert direction.axis(np.zeros((0, 4, 2), np.float32)) == 0
    assert direction.axis(rectangle(50, 50, 20, 18, 30)[None]) == 0
    assert direction.skew(np.zeros((0, 4, 2), np.float32)) == 0


def test_turned_text_on_an_upright_page_is_read_upwards() -> None:
    across, up = rectangle(200, 50, 300, 20), rectangle(20, 200, 200, 18, 90)
    oriented = direction.orient(np.stack((across, up)), 0.0)
    edges = oriented[:, 1] - oriented[:, 0]
    assert np.allclose(edges[0], (300, 0), atol=1e-3) and np.allclose(
        edges[1], (0, -200), atol=1e-3
    )


@given(st.floats(-170, 170))
def test_the_skew_of_oriented_boxes_is_their_angle(degrees: float) -> None:
    boxes = np.stack([rectangle(0, 30 * k, 300, 20, degrees + (k - 2) * 0.2) for k in range(5)])
    found = np.degrees(direction.skew(boxes))
    assert (found - degrees + 180) % 360 - 180 == pytest.approx(0, abs=0.5)


def test_short_pieces_take_the_pages_angle_and_long_ones_keep_theirs() -> None:
    short, long = rectangle(100, 100, 60, 10, 3), rectangle(300, 200, 500, 10, 1)
    fitted = quads.refit(np.stack((short, long)), [short, long], 0.0)
    assert fitted[0, 0, 1] == pytest.approx(fitted[0, 1, 1])
    assert np.array_equal(fitted[1], long)
    assert fitted[0].min(0) == pytest.approx(short.min(0)) and fitted[0].max(0) == pytest.approx(
        short.max(0)
    )


def test_a_piece_that_is_much_thicker_along_the_pages_lines_keeps_its_angle() -> None:
    # On a photo in perspective lines lie at angles of their own: 300 x 10 at 3 degrees is 26 high.
    own, nearly = rectangle(200, 100, 300, 10, 3), rectangle(200, 200, 100, 10, 2)
    fitted = quads.refit(np.stack((own, nearly)), [own, nearly], 0.0)
    assert np.array_equal(fitted[0], own)
    assert fitted[1, 0, 1] == pytest.approx(fitted[1, 1, 1])
