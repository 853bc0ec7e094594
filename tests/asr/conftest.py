"""Fixtures of the speech recognition tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.inprocess import InProcess


@pytest.fixture(scope="session")
def pipeline(asr_repository: Path) -> InProcess:
    """The built models in this process."""
    return InProcess(asr_repository)
