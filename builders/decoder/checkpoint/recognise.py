"""Which decoder of text a folder is, if any, by its config.json alone.

A model that sees is taken by the family ``vision``, whose page leads on to its decoder.
"""

from __future__ import annotations

from pathlib import Path

from builders.decoder.checkpoint.architecture import Architecture
from builders.decoder.checkpoint.language import BY_TYPE
from builders.decoder.checkpoint.read import carried
from builders.decoder.checkpoint.refused import OF_TEXT, REFUSED
from builders.decoder.checkpoint.tokens import settings

_OF_SENTENCES = "modules.json"
"""A decoder that was trained to embed sentences has it; the family ``embed`` is asked for those."""


def is_of(architecture: Architecture, path: Path) -> bool:
    """Whether a folder is of an architecture.

    Raises:
        SourceError: config.json cannot be read.
    """
    if (path / _OF_SENTENCES).is_file():
        return False
    return carried(settings(path, "config.json")) == (None, architecture)


def refusal(path: Path) -> str | None:
    """What is in the way of a decoder of text that is not carried; None if that is not known.

    Raises:
        SourceError: config.json cannot be read.
    """
    kind = str(settings(path, "config.json").get("model_type"))
    if kind in BY_TYPE and not (path / _OF_SENTENCES).is_file():
        return f"has another class than {BY_TYPE[kind].model_class}"
    reason = REFUSED.get(kind)
    return reason if reason in OF_TEXT else None
