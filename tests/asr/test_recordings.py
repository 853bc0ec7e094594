"""Recordings as people make them: none loses a word by its file, rate, channels or level alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.asr.degrade import CONVERSIONS, LOSSES
from training.asr.publish.recordings import errors, measured, reader

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

CARD = Path(__file__).parents[2] / "builders/asr/demo/parakeet/training.json"


@pytest.fixture(scope="module")
def wrong(asr_repository: Path) -> dict[str, int]:
    """The words read wrongly in each kind of recording."""
    return {name: count for name, count, _ in measured(reader(asr_repository))}


def test_no_conversion_alone_costs_a_word(wrong: dict[str, int]) -> None:
    cost = {name: wrong[name] - wrong["as it is"] for name in CONVERSIONS}
    print(cost)
    assert {name: words for name, words in cost.items() if words > 0} == {}


def test_the_model_card_has_what_each_kind_costs(wrong: dict[str, int]) -> None:
    """Another processor rounds otherwise, which may turn a word or two."""
    told = json.loads(CARD.read_text("utf-8"))["recordings"]
    assert list(told) == ["as it is", *CONVERSIONS, *LOSSES]
    for name, found in wrong.items():
        assert abs(told[name]["wrong"] - found) <= 2, name


def test_errors_count_words() -> None:
    wrong, words = errors(lambda audio: "", lambda sound: b"")
    assert wrong == words > 400
