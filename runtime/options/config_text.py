"""A model's config as text, without protobuf."""

from __future__ import annotations

from pathlib import Path

from repository.files.bounded_file import Unreadable, read_bounded

MAXIMUM_BYTES = 16 << 20
"""A config of a thousand tensors and steps has a hundredth of it."""


def config_text(model: Path) -> str:
    """The text of ``config.pbtxt`` in a model's folder; "" if it cannot be read.

    A pipe or a device is not waited for.
    """
    try:
        # Triton takes bytes that are no UTF-8 in comments and between quotes.
        return read_bounded(model / "config.pbtxt", MAXIMUM_BYTES).decode(errors="replace")
    except Unreadable:
        return ""
