"""The chat template of a checkpoint, wherever its files have it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builders.kit.sources.error import SourceError, read_settings, told
from repository.files.bounded_file import read_bounded

FILE = "chat_template.jinja"

LARGEST = 1 << 20
"""Bytes; the longest have a twentieth of that."""

_OF_PROCESSORS = "chat_template.json"
"""Where older processors have it."""


def read_template(path: Path, tokenizer: Mapping[str, Any]) -> str | None:
    """The template of a checkpoint; None if it has none.

    Args:
        path: its folder.
        tokenizer: its tokenizer_config.json.

    Raises:
        SourceError: it is too long, or is not a text.
    """
    file = path / FILE
    if file.is_file():
        try:
            with told():
                return read_bounded(file, LARGEST).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise SourceError(
                f"{file}: expected a text in UTF-8, found other bytes. Save it as UTF-8."
            ) from None
    found = None
    if (path / _OF_PROCESSORS).is_file():
        found = read_settings(path / _OF_PROCESSORS).get("chat_template")
    if found is None:
        found = tokenizer.get("chat_template")
    if isinstance(found, list):  # several, by name
        named = {each.get("name"): each.get("template") for each in found if isinstance(each, dict)}
        found = named.get("default")
    if found is None:
        return None
    if not isinstance(found, str) or len(found.encode()) > LARGEST:
        raise SourceError(
            f"{path}: expected a chat template as a text of at most {LARGEST:,} bytes, found "
            f"another value. Save the template as {FILE}."
        )
    return found
