"""Values of a checkpoint's JSON files; what is wrong is collected, and told at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.kit.sources.error import SourceError
from repository.findings import shortened

LIMIT = 2**31
"""Larger numbers are refused, whatever they mean."""


@dataclass(frozen=True)
class Values:
    """A JSON object.

    Attributes:
        file: its file's name.
        content: what it holds. A null counts as left out, as transformers has it.
        wrong: gets a few words for each value that cannot be served.
    """

    file: str
    content: Mapping[str, Any]
    wrong: list[str]

    def refuse(self, name: str, expected: str) -> None:
        """Note that a value is another than what is expected."""
        value = self.content.get(name)
        found = "none" if value is None else shortened(json.dumps(value), 60)
        self.wrong.append(f"{self.file}, {name}: {found} (expected {expected})")

    def whole(
        self, name: str, default: int | None = None, least: int = 0, most: int = LIMIT
    ) -> int:
        """A whole number in a range; where it is another, ``least``, and that is noted.

        Args:
            name: its key.
            default: what it is where it is left out; None: it must not be.
            least: the lowest.
            most: the highest.
        """
        value = self.content.get(name)
        if value is None and default is not None:
            return default
        if type(value) is int and least <= value <= most:
            return value
        bound = "on" if most == LIMIT else f"to {most}"
        self.refuse(name, f"a whole number from {least} {bound}")
        return least

    def number(self, name: str, default: float) -> float:
        """A finite number from 0 on; where it is another, the default, and that is noted."""
        value = self.content.get(name)
        if value is None:
            return default
        if type(value) in (int, float) and 0 <= value < LIMIT:
            return float(value)
        self.refuse(name, "a number from 0 on")
        return default

    def wholes(self, name: str) -> list[int]:
        """A list of whole numbers, empty if it is left out; another value is noted."""
        value = self.content.get(name)
        if value is None:
            return []
        if isinstance(value, list) and all(type(each) is int for each in value):
            return value
        self.refuse(name, "a list of whole numbers")
        return []

    def only(self, carried: Mapping[str, Sequence[Any]]) -> None:
        """Note each value that is not served; a value that is left out always is."""
        for name, values in carried.items():
            value = self.content.get(name)
            if value is not None and not any(_same(value, each) for each in values):
                known = " or ".join(json.dumps(each) for each in values)
                self.refuse(name, known or "none")


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def refuse_all(checkpoint: Path, expected: str, wrong: Sequence[str]) -> None:
    """Refuse a checkpoint for all that is wrong with it, in one sentence.

    Raises:
        SourceError: anything is.
    """
    if wrong:
        found = "; ".join(dict.fromkeys(wrong))
        raise SourceError(
            f"{checkpoint}: expected {expected}, found {found}. Correct its files, or take those "
            "of the model that it was trained from."
        )
