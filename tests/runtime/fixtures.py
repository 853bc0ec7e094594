"""The types of the fixtures that several modules of these tests take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from runtime.server.control import Control


class PythonModel(Protocol):
    """Writes a model that returns its input."""

    def __call__(
        self, repository: Path, name: str, *, work: str = ..., count: int = 1, rest: str = ""
    ) -> None: ...


class Ensemble(Protocol):
    """Writes a chain of models as an ensemble."""

    def __call__(self, repository: Path, name: str, models: Sequence[str]) -> None: ...


class Infer(Protocol):
    """One inference over HTTP."""

    def __call__(self, control: Control, model: str, values: Sequence[float]) -> list[float]: ...


class WaitUntil(Protocol):
    """Waits for a condition and gives the seconds that it took."""

    def __call__(self, condition: Callable[[], bool], seconds: float = 60.0) -> float: ...
