"""How modes and kinds of time look, the same in every figure and table.

Modes have the colours of Okabe and Ito (https://jfly.uni-koeln.de/color/) and a violet, kinds of
time those of Paul Tol's light and muted schemes (https://sronpersonalpages.nl/~pault/), made for
every kind of colour vision. On a dark background they are lighter and as far apart. Markers differ
as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from perf.result import Mode


@dataclass(frozen=True)
class Style:
    """A mode's looks.

    Attributes:
        light: its colour on white.
        dark: its colour on a dark ground.
        marker: matplotlib's letter for its marker.
    """

    light: str
    dark: str
    marker: str


LOOKS: dict[Mode, Style] = {
    "ensemble": Style("#0072b2", "#3d9fdc", "o"),
    "fused": Style("#5b2d9e", "#8a6fe8", "X"),
    "bls": Style("#56b4e9", "#8fd0f5", "s"),
    "chained": Style("#009e73", "#19b98c", "D"),
    "services": Style("#d55e00", "#ee7f2b", "^"),
    "services-kserve": Style("#e69f00", "#f4ba3c", "v"),
    "in-process": Style("#cc79a7", "#dd94bd", "P"),
}

KINDS: dict[str, tuple[str, str]] = {
    "queue": ("#bbcc33", "#bbcc33"),
    "input copy": ("#77aadd", "#77aadd"),
    "compute": ("#332288", "#6a5acd"),
    "output copy": ("#ee8866", "#f0997a"),
    "between the steps": ("#882255", "#b33a6b"),
    "network and client": ("#9a9a9a", "#d8d8d8"),
}
"""What a request's time is made of -> its colour on white and on a dark ground."""

PAPER, INK, MUTED, GRID, FAINT = "#ffffff", "#1b1f24", "#5c6672", "#d5dae1", "#eef1f4"
"""The ground, text and marks, lesser text, lines, and boxes."""

DARK = {PAPER: "#14181d", INK: "#e8eaed", MUTED: "#a3adb8", GRID: "#3a424c", FAINT: "#20262d"}
"""The same in the dark."""


def variables() -> dict[str, tuple[str, str, str]]:
    """Each colour on white -> its CSS variable's name, itself, and the colour on a dark ground."""
    named = {style.light: (f"--{mode}", style.dark) for mode, style in LOOKS.items()}
    named |= {light: (f"--{kind.replace(' ', '-')}", dark) for kind, (light, dark) in KINDS.items()}
    names = {PAPER: "--paper", INK: "--ink", MUTED: "--muted", GRID: "--grid", FAINT: "--faint"}
    named |= {light: (names[light], dark) for light, dark in DARK.items()}
    return {light: (name, light, dark) for light, (name, dark) in named.items()}
