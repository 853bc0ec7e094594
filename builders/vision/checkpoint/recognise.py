"""Which architecture a folder is of, if any, by its config.json alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builders.kit.sources.error import read_settings
from builders.vision.checkpoint.architecture import Architecture
from builders.vision.checkpoint.caption import ALONE
from builders.vision.checkpoint.read import NOT_CARRIED, SERVED, served


def is_of(architecture: Architecture, path: Path) -> bool:
    """Whether a folder is of an architecture.

    Raises:
        SourceError: config.json cannot be read.
    """
    return served(_config(path)) is architecture


def refusal(path: Path) -> str | None:
    """What is in the way of a folder that is of none that is served; None if that is not known.

    Raises:
        SourceError: config.json cannot be read.
    """
    kind = _config(path).get("model_type")
    if kind in ALONE:
        return "is a text tower: a profile names it as families.vision.text, beside the eye"
    classes = [each.model_class for each in SERVED if each.model_type == kind]
    if classes:
        return f"has another class than {' or '.join(classes)}"
    return NOT_CARRIED.get(str(kind))


def _config(path: Path) -> Mapping[str, Any]:
    file = path / "config.json"
    return read_settings(file) if file.is_file() else {}
