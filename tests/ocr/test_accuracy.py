"""Character errors over whole pages, reading order included, against RapidOCR's own pipeline.

Both read the same pages with the same weights. RapidOCR runs as its package configures it, but on
one thread: the other core reads with ours meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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


def compared(pages: Sequence[Any], read: Read) -> list[Outcome]:
    from rapidocr import RapidOCR

    one_thread = {"EngineConfig.onnxruntime.intra_op_num_threads": 1}
    rapid = RapidOCR(params={"Global.log_level": "error", **one_thread})

    def ours(page: Any) -> str:
        return "\n".join(text.decode() for text in read(page.png())["text"])

    def theirs(page: Any) -> str:
        blue_first = np.ascontiguousarray(np.asarray(page.image)[:, :, ::-1])
        return "\n".join(rapid(blue_first).txts or ())

    with ThreadPoolExecutor() as pool:
        their_texts = pool.submit(lambda: [theirs(page) for page in pages])
        our_texts = [ours(page) for page in pages]
    return [
        Outcome(
            page.name,
            page.condition,
            len(re.sub(r"\s+", " ", page.text).strip()),
            edits(page.text, our_text),
            edits(page.text, their_text),
        )
        for page, our_text, their_text in zip(pages, our_texts, their_texts.result(), strict=True)
    ]


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
