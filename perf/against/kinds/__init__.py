"""Page kinds: pages as people bring them, each with the text that is on it.

Drawn by a browser and by groff, then damaged as cameras, scanners and messengers do
(:mod:`perf.against.kinds.make`), and checked in with their truth.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perf.errors import PerfError

PAGES = Path(__file__).parent / "pages"
TRUTH = PAGES / "truth.json"

UNKNOWN_SCRIPTS = ("cyrillic",)
"""Kinds in letters that the recogniser does not have: shown, and left out of sums."""


@dataclass(frozen=True)
class Kind:
    """A page.

    Attributes:
        name: of the kind; one page each.
        path: of the image file.
        typeset: drawn, and not damaged since.
        lines: the truth in reading order, a block of text each.
    """

    name: str
    path: Path
    typeset: bool
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The whole truth, a line break after every block."""
        return "\n".join(self.lines)


def kinds(only: Sequence[str] = ()) -> list[Kind]:
    """The kinds in their order; those named, or all.

    Raises:
        PerfError: a name is not known.
    """
    listed = [
        Kind(each["name"], PAGES / each["file"], each["typeset"], tuple(each["lines"]))
        for each in json.loads(TRUTH.read_text("utf-8"))
    ]
    unknown = set(only) - {kind.name for kind in listed}
    if unknown:
        raise PerfError(
            f"expected names of page kinds, found {', '.join(sorted(unknown))}. Leave those out."
        )
    return [kind for kind in listed if not only or kind.name in only]
