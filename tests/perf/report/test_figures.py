"""Drawings: no label over another or beyond the edge; colours for every kind of vision."""

import itertools
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox, BboxBase

from perf.judge.modes import MODES
from perf.report.canvas import Drawing, Panel, alone, looks
from perf.report.figures.latency import latency, variants
from perf.report.figures.profile import profile, start
from perf.report.figures.throughput import throughput
from perf.report.figures.time import time
from perf.report.palette import KINDS, LOOKS, variables
from perf.result import Mode, Result
from tests.perf.fixtures import Make

DEUTERANOPIA = np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]])
PROTANOPIA = np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]])
"""G. M. Machado et al., A Physiologically-based Model for Simulation of Color Vision Deficiency,
2009; severity 1, on linear light."""


def boxes(panel: Panel) -> tuple[list[tuple[Text, Bbox]], BboxBase]:
    """Each visible text and where it lies, in pixels, and the picture's own box."""
    with looks():
        figure = alone(panel)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        renderer = canvas.get_renderer()
        found = [each for each in figure.findobj(Text) if isinstance(each, Text)]
        texts = [each for each in found if each.get_text() and each.get_visible()]
        return [(each, each.get_window_extent(renderer)) for each in texts], figure.bbox


@pytest.mark.sampled(3)
@pytest.mark.parametrize("make_drawing", [latency, variants, time, throughput, profile, start])
def test_texts_neither_overlap_nor_leave_the_picture(
    whole: Result, make_drawing: Callable[[Result], Drawing]
) -> None:
    panels = make_drawing(whole).panels
    assert panels
    for panel in panels:
        found, picture = boxes(panel)
        assert len(found) > 5
        for text, box in found:
            inside = box.x0 >= 0 and box.x1 <= picture.x1 and box.y0 >= 0 and box.y1 <= picture.y1
            assert inside, (panel.title, text.get_text())
        if make_drawing is throughput:
            # Numbers at points may touch where lines do.
            found = [each for each in found if not isinstance(each[0], Annotation)]
        for (one, a), (other, b) in itertools.combinations(found, 2):
            apart = a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1
            assert apart, (panel.title, one.get_text(), other.get_text())


def test_a_far_p99_does_not_crush_the_bars(make: Make) -> None:
    result = make({"ensemble": 60, "services": 80}, sweep=(1,), extras=False, rounds=2)
    legs = [
        leg.model_copy(
            update={
                "rounds": tuple(
                    each.model_copy(update={"latencies_ms": (*each.latencies_ms, 9e4, 9e4)})
                    for each in leg.rounds
                )
            }
        )
        for leg in result.legs
    ]
    drawing = latency(result.model_copy(update={"legs": tuple(legs)}))
    with looks():
        axes = alone(drawing.panels[0]).axes[0]
    assert axes.get_xlim()[1] < 400
    assert [each for each in axes.texts if each.get_text() == "▸"]


def test_a_line_breaks_where_a_leg_has_no_figure(make: Make) -> None:
    broken = {("services", 2, "loader"): {"failure": "The gateway ended."}}
    drawing = throughput(
        make({"ensemble": 60, "services": 80}, changes=broken, extras=False, loaders=("loader",))
    )
    with looks():
        axes = alone(drawing.panels[0]).axes[0]
    drawn = [(line.get_color(), np.asarray(line.get_ydata(), np.float64)) for line in axes.lines]
    lines = {colour: points for colour, points in drawn if points.size}
    assert np.isnan(lines[LOOKS["services"].light]).tolist() == [False, True, False]
    assert not np.isnan(lines[LOOKS["ensemble"].light]).any()


def test_every_mode_and_kind_has_colours_of_its_own() -> None:
    assert set(MODES) == set(LOOKS) == set(get_args(Mode))
    assert len(variables()) == len(LOOKS) + len(KINDS) + 5
    assert len({style.marker for style in LOOKS.values()}) == len(LOOKS)


@pytest.mark.parametrize("vision", [np.eye(3), DEUTERANOPIA, PROTANOPIA])
@pytest.mark.parametrize(
    "colours",
    [
        [style.light for style in LOOKS.values()],
        [style.dark for style in LOOKS.values()],
        [light for light, _ in KINDS.values()],
        [dark for _, dark in KINDS.values()],
    ],
)
def test_colours_stay_apart_for_every_kind_of_vision(
    colours: list[str], vision: np.ndarray
) -> None:
    """In CIE Lab a distance of about 2 is just noticeable."""
    points = [lab(each, vision) for each in colours]
    nearest = min(np.linalg.norm(a - b) for a, b in itertools.combinations(points, 2))
    assert nearest > 10


def lab(colour: str, vision: np.ndarray) -> np.ndarray:
    srgb = np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(vision @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(xyz @ seen / np.array([0.9505, 1, 1.089]))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])
