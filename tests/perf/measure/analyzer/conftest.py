"""The real perf_analyzer."""

from __future__ import annotations

import pytest

from perf.measure.analyzer import Analyzer, install


@pytest.fixture(scope="session")
def analyzer() -> Analyzer:
    """The perf_analyzer that `python -m perf install` makes, installed if it is not there."""
    return install(lambda line: None)
