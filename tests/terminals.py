"""What a command writes to a terminal."""

from __future__ import annotations

import contextlib
import os


def written(terminal: int) -> str:
    """All that was written to a terminal, to the end; closes our side of it.

    It comes in parts: what one read gives is what had arrived by then.

    Args:
        terminal: our side, as ``pty.openpty`` gives it. The other has to be closed in this process.
    """
    parts = []
    with contextlib.suppress(OSError):  # the other side is closed
        while part := os.read(terminal, 65_536):
            parts.append(part)
    os.close(terminal)
    return b"".join(parts).decode()
