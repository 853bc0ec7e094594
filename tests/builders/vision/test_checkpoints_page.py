"""The page of checkpoints says what was found when they were last judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builders.vision.checkpoint.read import read_eye
from tests.builders.vision.checkpoints.judged import judge
from tests.builders.vision.checkpoints.page import EYES, PAGE, RECORD, page, recorded


def test_the_page_says_what_was_found() -> None:
    """``python -m tests.builders.vision.checkpoints`` writes both."""
    assert PAGE.read_text("utf-8") == page()
    kept = json.loads(RECORD.read_text("utf-8"))["checkpoints"]
    assert kept.keys() == recorded().keys() == EYES.keys()
    assert all(each.equal for each in recorded().values())


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", EYES)
def test_what_is_served_is_what_transformers_says(name: str, tmp_path: Path) -> None:
    checkpoint = EYES[name](tmp_path / "checkpoint")
    outcome = judge(checkpoint, tmp_path / "made")
    assert outcome.equal, outcome
    assert outcome.architecture == read_eye(checkpoint).architecture
    # But for rounding, the page says what is found now.
    noted = recorded()[name]
    exact = ("architecture", "tower", "kind", "equal")
    assert [getattr(outcome, each) for each in exact] == [getattr(noted, each) for each in exact]
    assert list(outcome.counts) == list(noted.counts)
    assert (outcome.embeds is None) is (noted.embeds is None)
