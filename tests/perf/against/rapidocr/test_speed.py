"""The bounds on the OCR pipeline's speed: ratios, both sides in one run on this machine."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from perf.against.rapidocr.speed import measure, page, table
from runtime.machine.environment import ServerEnvironment

ROOT = Path(__file__).parents[4]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_ensemble_is_faster_than_rapidocr_scales_and_costs_little(
    server_environment: ServerEnvironment,
) -> None:
    result = measure(ROOT / "model_repository", rounds=15, requests=24)
    shown = table(result)
    assert result.errors == 0, shown
    assert result.ratio("ensemble", "rapidocr").median <= 0.60, shown
    assert result.scaling >= 1.2, shown
    assert result.overhead <= 0.08, shown


@pytest.mark.slow
def test_a_build_with_nothing_to_do_takes_a_second_and_a_half_at_most() -> None:
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run(["make", "build-repo"], cwd=ROOT, check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) <= 1.5, seconds


def test_the_page_is_the_same_everywhere() -> None:
    assert page() == page()
    assert page().startswith(b"\x89PNG")
