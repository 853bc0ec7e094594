"""The page set itself: complete, reproducible, drawn only with glyphs that its fonts have."""

from __future__ import annotations

import numpy as np
import pytest
from fontTools.ttLib import TTFont

from perf.against.pages.conditions import CONDITIONS, EVALUATION_SEED, HELD_OUT_SEED, page_set
from perf.against.pages.drawn import CJK, SERIF, Page, font
from perf.against.pages.words import SENTENCES, WORDS

REQUIRED = {
    "fonts",
    "sizes",
    "noise",
    "jpeg",
    "low contrast",
    "dense small",
    "digits",
    "scripts",
    "two columns",
    "turned up to 5",
    "turned 90",
    "turned 180",
    "turned 270",
}


@pytest.fixture(scope="module")
def evaluation() -> tuple[Page, ...]:
    return tuple(page_set(EVALUATION_SEED))


def test_every_condition_has_pages_with_text(evaluation: tuple[Page, ...]) -> None:
    assert {page.condition for page in evaluation} >= REQUIRED
    assert len({page.name for page in evaluation}) == len(evaluation)
    assert all(page.lines and all(line.strip() for line in page.lines) for page in evaluation)


def test_the_same_seed_draws_the_same_pages() -> None:
    draws = CONDITIONS["noise"][0], CONDITIONS["turned up to 5"][0]
    for draw in draws:
        first, second = (draw(np.random.default_rng(3)) for _ in range(2))
        assert first[1] == second[1]
        assert np.array_equal(np.asarray(first[0]), np.asarray(second[0]))


@pytest.mark.thorough
def test_the_held_out_set_has_other_texts(evaluation: tuple[Page, ...]) -> None:
    held_out = page_set(HELD_OUT_SEED)
    assert [page.name for page in evaluation] == [page.name for page in held_out]
    assert all(a.lines != b.lines for a, b in zip(evaluation, held_out, strict=True))


def test_every_language_is_drawn_with_glyphs_that_its_font_has() -> None:
    for name, texts in ((SERIF, WORDS), (CJK, SENTENCES)):
        glyphs = TTFont(font(name, 20).path).getBestCmap()
        missing = {c for text in texts.values() for c in text if ord(c) not in glyphs}
        assert not missing
