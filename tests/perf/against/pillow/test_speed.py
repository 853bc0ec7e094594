"""Slow: how long the eye's preprocessing may take, beside Pillow's own time."""

from __future__ import annotations

import pytest

from perf.against.pillow.speed import measure, table
from perf.measure.timing import ratios
from repository.places import ROOT


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_photo_of_12_megapixels_takes_little_longer_than_pillow_alone() -> None:
    found = measure(ROOT / "model_repository", rounds=10)
    for legs in found.values():
        assert ratios(legs["stages"], legs["Pillow"]).median <= 1.2, table(found)
