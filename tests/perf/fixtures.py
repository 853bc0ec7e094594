"""The types of the fixtures that several modules of these tests take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from perf.result import Result

Make = Callable[..., Result]
"""``tests.perf.made_up.result_of``."""


class WriteModel(Protocol):
    """Writes a Python model."""

    def __call__(
        self, repository: Path, name: str, *, work: str = "pass", initialize: str = "pass"
    ) -> None: ...


class WritePair(Protocol):
    """Writes an ensemble of a model before another."""

    def __call__(self, repository: Path, name: str, first: str, second: str) -> None: ...
