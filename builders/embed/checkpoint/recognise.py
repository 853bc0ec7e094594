"""Whether a folder is a sentence-embedding checkpoint at all, by its JSON files alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builders.embed.checkpoint.encoders import KINDS
from builders.embed.checkpoint.read import MODULES
from builders.kit.sources.error import read_settings, told
from builders.kit.sources.files import inside
from repository.files.json_file import read_json


def is_embedder(path: Path) -> bool:
    """Whether a folder has an encoder that is served, and no head but what makes vectors.

    Raises:
        SourceError: a file cannot be read.
    """
    content = _encoder(path)
    return str(content.get("model_type")) in KINDS and (
        (path / MODULES).is_file() or _is_bare(content)
    )


def refusal(path: Path) -> str | None:
    """What is in the way of a folder with an encoder that is served.

    Raises:
        SourceError: a file cannot be read.
    """
    if str(_encoder(path).get("model_type")) not in KINDS:
        return None
    return f"has a head of its own, and no {MODULES} that says how it makes a vector of a text"


def _encoder(path: Path) -> Mapping[str, Any]:
    """The encoder's config.json; empty if there is none."""
    folder = path
    if (path / MODULES).is_file():
        with told():
            listed = read_json(path / MODULES)
        first = listed[0] if isinstance(listed, list) and listed else None
        named = first.get("path") if isinstance(first, dict) else None
        if isinstance(named, str):
            folder = inside(Path(os.path.realpath(path)), named)
    file = folder / "config.json"
    return read_settings(file) if file.is_file() else {}


def _is_bare(content: Mapping[str, Any]) -> bool:
    """Whether the class is the encoder's own, as BertModel, or none is named."""
    classes = content.get("architectures")
    return not classes or (
        isinstance(classes, list) and all(str(each).endswith("Model") for each in classes)
    )
