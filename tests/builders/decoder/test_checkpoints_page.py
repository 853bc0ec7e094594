"""The page of checkpoints says what was found when they were last judged."""

from __future__ import annotations

import json

from tests.builders.decoder.checkpoints.page import FORMS, PAGE, RECORD, page, recorded


def test_the_page_says_what_was_found() -> None:
    """``python -m tests.builders.decoder.checkpoints`` writes both."""
    assert PAGE.read_text("utf-8") == page()
    kept = json.loads(RECORD.read_text("utf-8"))["checkpoints"]
    assert kept.keys() == recorded().keys() == FORMS.keys()
    assert all(each.fp32.equal for each in recorded().values())
