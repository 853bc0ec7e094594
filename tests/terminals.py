"""What a command writes to a terminal, and what somebody types there."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from typing import Self


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


class Terminal:
    """A command in a terminal of its own, at which a test types.

    Args:
        command: is started in it, with its input, its output and its errors there.
    """

    def __init__(self, *command: str, **variables: str) -> None:
        self._ours, theirs = pty.openpty()
        # As wide as any line: what is read back is not folded.
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 1000, 0, 0))
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "dumb", **variables},
            start_new_session=True,
            preexec_fn=_become_terminal,
        )
        os.close(theirs)
        self._seen = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def types(self, text: str) -> None:
        """Types a text; ``\\x03`` is Ctrl-C, and ``\\x04`` Ctrl-D."""
        os.write(self._ours, text.encode())

    def shows(self, text: str, seconds: float = 60.0) -> str:
        """Waits until a text is shown; what was shown since the last one, and up to its end.

        Raises:
            AssertionError: it was not, in so many seconds.
        """
        deadline = time.monotonic() + seconds
        while text not in self._seen:
            left = deadline - time.monotonic()
            ready = select.select([self._ours], [], [], max(left, 0))[0]
            assert ready, f"expected {text!r}, found {self._seen!r}"
            self._seen += self._read() or _END
            assert not self._seen.endswith(_END) or text in self._seen, self._seen
        before, _, self._seen = self._seen.partition(text)
        return before + text

    def types_until(self, text: str, shown: str) -> str:
        """Types a text again and again, until another is shown; as :meth:`shows`.

        A Ctrl-C that comes just before a read is noticed with the next one, and one that is noticed
        late forgets the line that was typed after it.
        """
        for _ in range(60):
            self.types(text)
            with contextlib.suppress(AssertionError):
                return self.shows(shown, 1)
        return self.shows(shown, 0)

    def ends(self, seconds: float = 60.0) -> tuple[int, str]:
        """Waits for the command's end: its exit code, and what was shown since the last text."""
        while part := self._read():
            self._seen += part
        return self.process.wait(seconds), self._seen

    def _read(self) -> str:
        """What has come since, at least one character; nothing once the other side is closed."""
        with contextlib.suppress(OSError):  # the other side is closed
            while part := os.read(self._ours, 65_536):
                if text := self._decoder.decode(part):  # a read may end inside a character
                    return text
        return self._decoder.decode(b"", final=True)


_END = "(the end)"


def _become_terminal() -> None:
    """Makes the terminal the one from which Ctrl-C comes, in a child that is being started."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
