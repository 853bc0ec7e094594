"""Drawings: panels that become inline SVG, one by one, and PNG, side by side."""

from __future__ import annotations

import io
import logging
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perf.errors import PerfError
from perf.judge.words import clean
from perf.report.palette import GRID, INK, MUTED, variables
from repository.pip_commands import install_command

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 5.4
"""Of every panel, in inches; 518 CSS pixels, legible on a narrow screen without zooming."""

DPI = 160
"""Of the PNGs."""


@dataclass(frozen=True)
class Panel:
    """One set of axes.

    Attributes:
        title: above it.
        height: in inches, margins included.
        draw: draws into axes that have the house's looks already.
        left: the margin for labels, in inches; likewise the others.
    """

    title: str
    height: float
    draw: Callable[[Axes], None]
    left: float = 1.25
    right: float = 0.25
    top: float = 0.42
    bottom: float = 0.5


@dataclass(frozen=True)
class Drawing:
    """Panels that belong together.

    Attributes:
        name: of the PNG, without its suffix.
        title: of the whole.
        caption: how to read it, in a sentence or two.
        absent: what to say if there is nothing to draw.
        panels: empty if there is nothing.
    """

    name: str
    title: str
    caption: str
    absent: str
    panels: tuple[Panel, ...]


def require() -> None:
    """Makes sure of matplotlib.

    Raises:
        PerfError: it is not installed; says which extra has it.
    """
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise PerfError(
            f"The report's figures need matplotlib, which cannot be imported ({error}). It is in "
            f"this project's extra 'figures': {install_command('figures')}"
        ) from None


def svgs(drawing: Drawing) -> list[str]:
    """Each panel as an ``<svg>`` element whose colours are the page's CSS variables."""
    return [_svg(panel, f"{drawing.name}-{n}") for n, panel in enumerate(drawing.panels)]


def _svg(panel: Panel, name: str) -> str:
    with looks():
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        alone(panel).savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    colours = {light: f"var({variable})" for variable, light, _ in variables().values()}
    text = re.sub(r"#[0-9a-f]{6}\b", lambda found: colours.get(found[0], found[0]), text)
    label = clean(panel.title).replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def png(drawing: Drawing) -> bytes:
    """All panels on one white picture, with title and caption."""
    columns = _columns(drawing.panels)
    width = WIDTH * max(1, len(columns))
    caption = drawing.caption if columns else drawing.absent
    lines = textwrap.wrap(clean(caption), int(width * 16))
    head, foot = 0.5, 0.3 + 0.16 * len(lines)
    height = head + foot + max((_height(column) for column in columns), default=0.0)
    with looks():
        figure = _blank(width, height)
        figure.set_facecolor("white")
        margin = 0.15 / width
        figure.text(margin, 1 - 0.3 / height, drawing.title, fontsize=13, fontweight="bold")
        figure.text(margin, 0.12 / height, "\n".join(lines), fontsize=8, color=MUTED, va="bottom")
        for n, column in enumerate(columns):
            top = height - head
            for panel in column:
                _place(figure, panel, n * WIDTH, top)
                top -= panel.height
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def _columns(panels: Sequence[Panel]) -> list[Sequence[Panel]]:
    """In two columns of about one height, in order; the page's style sheet does the same."""
    if len(panels) < 2:
        return [panels] if panels else []
    cuts = range(1, len(panels))
    cut = min(cuts, key=lambda n: max(_height(panels[:n]), _height(panels[n:])))
    return [panels[:cut], panels[cut:]]


def _height(panels: Sequence[Panel]) -> float:
    return sum(panel.height for panel in panels)


def alone(panel: Panel) -> Figure:
    """A figure of one panel; to be called within :func:`looks`."""
    figure = _blank(WIDTH, panel.height)
    _place(figure, panel, 0, panel.height)
    return figure


def _blank(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def _place(figure: Figure, panel: Panel, left: float, top: float) -> None:
    """Draws a panel whose upper left corner is there, in inches from the picture's lower left."""
    width, height = figure.get_size_inches()
    bottom = top - panel.height
    axes = figure.add_axes(
        (
            (left + panel.left) / width,
            (bottom + panel.bottom) / height,
            (WIDTH - panel.left - panel.right) / width,
            (panel.height - panel.top - panel.bottom) / height,
        )
    )
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    figure.text(
        (left + 0.15) / width, (top - 0.22) / height, panel.title, fontsize=9.5, fontweight="bold"
    )
    panel.draw(axes)


@contextmanager
def looks() -> Iterator[None]:
    """matplotlib's settings for the house, without its warnings of letters that DejaVu lacks."""
    import matplotlib

    quiet = logging.getLogger("matplotlib.font_manager")
    settings: dict[Any, object] = {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
        "font.size": 8.5,
        "text.color": INK,
        "text.parse_math": False,
        "axes.edgecolor": GRID,
        "axes.labelcolor": MUTED,
        "axes.facecolor": "none",
        "axes.formatter.use_mathtext": False,
        "axes.unicode_minus": False,
        "grid.color": GRID,
        "grid.linewidth": 0.7,
        "xtick.color": GRID,
        "xtick.labelcolor": MUTED,
        "ytick.color": GRID,
        "ytick.labelcolor": INK,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "lines.linewidth": 1.6,
        "svg.fonttype": "none",
        "svg.hashsalt": "perf",
    }
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        with matplotlib.rc_context(settings), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            yield
    finally:
        quiet.setLevel(level)
