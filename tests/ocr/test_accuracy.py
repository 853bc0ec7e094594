"""Character errors over whole pages, reading order included, against RapidOCR's own pipeline.

Both read the same pages with the same weights. RapidOCR runs as its package configures it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

Read = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """How many characters of a page each pipeline has wrong."""

    name: str
    condition: str
    characters: int
    ours: int
    theirs: int

    def __str__(self) -> str:
        ours, theirs = self.ours / self.characters, self.theirs / self.characters
        return f"{self.name:24} {self.characters:5} characters  {ours:7.2%}  RapidOCR {theirs:7.2%}"


def edits(expected: str, read: str) -> int:
    """Character edits, every run of white space counting as one space."""
    return Levenshtein.distance(*(re.sub(r"\s+", " ", text).strip() for text in (expected, read)))


def compared(pages: Iterable[Any], read: Read) -> list[Outcome]:
    from rapidocr import RapidOCR

    rapid = RapidOCR(params={"Global.log_level": "error"})
    outcomes = []
    for page in pages:
        ours = "\n".join(text.decode() for text in read(page.png())["text"])
        blue_first = np.ascontiguousarray(np.asarray(page.image)[:, :, ::-1])
        theirs = "\n".join(rapid(blue_first).txts or ())
        expected = re.sub(r"\s+", " ", page.text).strip()
        outcomes.append(
            Outcome(
                page.name,
                page.condition,
                len(expected),
                edits(expected, ours),
                edits(expected, theirs),
            )
        )
    return outcomes


def check(outcomes: list[Outcome]) -> None:
    table = "\n".join(map(str, outcomes))
    print(table)
    ours, theirs = (sum(getattr(o, side) for o in outcomes) for side in ("ours", "theirs"))
    assert 2 * ours <= theirs, f"more than half of RapidOCR's errors, {ours} of {theirs}:\n{table}"
    worse = [o.name for o in outcomes if o.ours - o.theirs > 0.01 * o.characters]
    assert not worse, f"worse than RapidOCR by more than a point on {worse}:\n{table}"
    hard = [o for o in outcomes if o.theirs >= 0.02 * o.characters]
    assert 3 * len(hard) >= len(outcomes), f"RapidOCR errs on {len(hard)} pages only:\n{table}"


@pytest.mark.timeout(1200)
def test_errs_at_most_half_as_much_as_rapidocr_and_nowhere_more(
    pages: ModuleType, read: Read
) -> None:
    outcomes = compared(pages.page_set(pages.EVALUATION_SEED), read)
    check(outcomes)
    # Beside the bounds that were asked for: what this pipeline reached, with room for a machine
    # whose floating-point sums fall differently.
    characters = sum(outcome.characters for outcome in outcomes)
    assert sum(outcome.ours for outcome in outcomes) <= 0.005 * characters


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_so_it_does_on_pages_that_nobody_tuned_it_on(pages: ModuleType, read: Read) -> None:
    check(compared(pages.page_set(pages.HELD_OUT_SEED), read))
