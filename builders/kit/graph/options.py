"""What a stage's parameters may be: a graph declares it, and a profile is held to it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

BACKEND = ("EXECUTION_ENV_PATH", "FORCE_CPU_ONLY_INPUT_TENSORS")
"""Parameters that Triton's Python backend reads of any model."""

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?")


@dataclass(frozen=True)
class Whole:
    """A whole number of a range, both ends in it."""

    least: int
    most: int

    @property
    def words(self) -> str:
        """What is expected."""
        if self.least == self.most:
            return f"{self.least}, which the graph is made for"
        return f"a whole number from {self.least:,} to {self.most:,}"

    def takes(self, text: str) -> bool:
        """Whether a parameter may be this."""
        return bool(_WHOLE.fullmatch(text)) and self.least <= int(text) <= self.most


@dataclass(frozen=True)
class Number:
    """A number of a range, both ends in it."""

    least: float
    most: float

    @property
    def words(self) -> str:
        """What is expected."""
        return f"a number from {self.least:,g} to {self.most:,g}"

    def takes(self, text: str) -> bool:
        """Whether a parameter may be this."""
        if not _NUMBER.fullmatch(text):
            return False
        return math.isfinite(float(text)) and self.least <= float(text) <= self.most


@dataclass(frozen=True)
class Text:
    """Any text of so many characters."""

    most: int = 1_000

    @property
    def words(self) -> str:
        """What is expected."""
        return f"a text of at most {self.most:,} characters"

    def takes(self, text: str) -> bool:
        """Whether a parameter may be this."""
        return len(text) <= self.most


Option = Whole | Number | Text
