"""Every form of decoder that is served gives transformers' own numbers and texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders.decoder.checkpoints.forms import SEEING, TEXTS
from tests.builders.decoder.checkpoints.judged import judge


@pytest.mark.sampled(1)
@pytest.mark.parametrize("name", TEXTS)
def test_a_decoder_of_text_is_transformers_own(name: str, tmp_path: Path) -> None:
    outcome = judge(TEXTS[name](tmp_path / "checkpoint"), tmp_path / "made")
    assert outcome.equal, outcome


@pytest.mark.thorough
@pytest.mark.parametrize("name", SEEING)
def test_the_language_model_of_one_that_sees_is_transformers_own(name: str, tmp_path: Path) -> None:
    outcome = judge(SEEING[name](tmp_path / "checkpoint"), tmp_path / "made")
    assert outcome.equal, outcome
