"""Every form of decoder that is served gives transformers' own numbers and texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders.decoder.options import Weights
from tests.builders.decoder.checkpoints.forms import SEEING, TEXTS
from tests.builders.decoder.checkpoints.judged import built_once, judge

FEWER_BITS: tuple[Weights, ...] = ("int8", "int4")


@pytest.mark.sampled(1)
@pytest.mark.parametrize("name", TEXTS)
def test_a_decoder_of_text_is_transformers_own(name: str, tmp_path: Path) -> None:
    checkpoint = TEXTS[name](tmp_path / "checkpoint")
    with built_once():
        outcome = judge(checkpoint, tmp_path / "made")
        assert outcome.equal, outcome
        for weights in FEWER_BITS if name != "gpt-oss" else ():
            # Its tokens may be others than those of transformers with all bits.
            outcome = judge(checkpoint, tmp_path / weights, weights)
            assert outcome.logits < 0.1, weights


@pytest.mark.thorough
@pytest.mark.parametrize("name", SEEING)
def test_the_language_model_of_one_that_sees_is_transformers_own(name: str, tmp_path: Path) -> None:
    outcome = judge(SEEING[name](tmp_path / "checkpoint"), tmp_path / "made")
    assert outcome.equal, outcome
