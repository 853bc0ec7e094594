"""Tests of values files render by the command itself, whose kustomize takes its variables."""

from __future__ import annotations

import pytest

from tests.kserve.render import SHORT_LIVED


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kustomize lives a tenth of a second, and needs no garbage collector."""
    for name, value in SHORT_LIVED.items():
        monkeypatch.setenv(name, value)
