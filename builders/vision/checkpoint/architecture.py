"""An architecture that is served, and a checkpoint's folder as it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from builders.kit.sources.values import Values
from builders.vision.checkpoint.eye import Eye
from builders.vision.checkpoint.headers import Headers


@dataclass(frozen=True)
class Folder:
    """A checkpoint's folder.

    Attributes:
        path: where it lies.
        config: its config.json.
        headers: its tensors.
    """

    path: Path
    config: Values
    headers: Headers

    def part(self, name: str) -> Values:
        """An object in config.json, as ``vision_config``; empty if it is left out."""
        found = self.config.content.get(name)
        if found is not None and not isinstance(found, dict):
            self.config.refuse(name, "an object")
        content = found if isinstance(found, dict) else {}
        return Values(f"config.json, {name}", content, self.config.wrong)

    def note(self, expected: Mapping[str, tuple[int, ...]]) -> None:
        """Note each of the eye's tensors that is missing or has another shape.

        Args:
            expected: how a tensor's name ends -> its shape, by config.json.
        """
        self.config.wrong.extend(self.headers.wrong(expected))


@dataclass(frozen=True)
class Architecture:
    """A class of transformers that is served.

    Attributes:
        name: as people call it.
        model_type: in config.json.
        model_class: the class.
        read: reads a folder of it. What is wrong goes into ``folder.config.wrong``, all of it; the
            result counts only if that stays empty.
    """

    name: str
    model_type: str
    model_class: str
    read: Callable[[Folder], Eye]

    def __str__(self) -> str:
        return f"{self.name} ({self.model_class})"
