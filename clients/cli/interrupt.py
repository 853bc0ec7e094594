"""Ctrl-C in a command: one line and exit code 130, at whatever moment it comes.

Python raises KeyboardInterrupt between any two instructions. A library that is being imported may
turn it into another error. In a ``__del__`` or a callback of C, Python prints a traceback and goes
on. So this module decides what is printed and how the command ends.

Only the standard library, and little of it: this is imported before all else.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import time
from types import FrameType
from typing import Any, NoReturn

from repository.cli.streams import open_streams

CODE = 130
"""The exit code of a command that Ctrl-C ended: 128 and the signal's number."""

GRACE = 5.0
"""Seconds after Ctrl-C in which a command puts in order what it has begun."""

_AGAIN = 0.01
"""Seconds after which an interrupt is raised again that was swallowed where it was raised."""


class _Interrupts:
    """What Ctrl-C did so far.

    Args:
        grace: seconds until the process is ended; None never ends it.
    """

    def __init__(self, grace: float | None) -> None:
        self.since: float | None = None
        self.told = False
        self.grace = grace
        self._before = sys.unraisablehook

    def install(self) -> None:
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background job
            return
        signal.signal(signal.SIGALRM, self._on_alarm)
        signal.signal(signal.SIGINT, self._on_interrupt)
        sys.unraisablehook = self._on_unraisable

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.since is None:
            self.since = time.monotonic()
            if self.grace is not None:
                signal.setitimer(signal.ITIMER_REAL, self.grace)
        elif self.grace is not None:
            self.end()
        raise KeyboardInterrupt

    def _on_alarm(self, number: int, frame: FrameType | None) -> None:
        if self.since is None:
            return
        if self.grace is not None:
            left = self.since + self.grace - time.monotonic()
            if left <= 0:
                self.end()
            signal.setitimer(signal.ITIMER_REAL, left)
        raise KeyboardInterrupt

    def _on_unraisable(self, found: Any) -> None:
        """Takes what was raised where nothing can be raised, as in a ``__del__``."""
        if self.since is None:
            self._before(found)
        elif isinstance(found.exc_value, KeyboardInterrupt):
            # Not raised here: it would meet this very function.
            signal.setitimer(signal.ITIMER_REAL, _AGAIN)

    def say(self) -> None:
        """Prints the one line, unless something was said already."""
        if not self.told:
            self.told = True
            with contextlib.suppress(OSError):
                os.write(2, b"Interrupted\n")

    def end(self) -> NoReturn:
        """Ends the process, whatever it is in the middle of."""
        self.say()
        os._exit(CODE)


_current: _Interrupts | None = None


def told() -> None:
    """The command has said by itself that it was interrupted."""
    if _current is not None:
        _current.told = True


def end_after(grace: float | None) -> None:
    """From now on Ctrl-C ends the process after so long; see :func:`run`."""
    if _current is not None:
        _current.grace = grace


def quiet_grpc() -> None:
    """Keeps gRPC from telling of its troubles on standard error, in its own words."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def run(module: str, program: str, *, grace: float | None = GRACE, quiet: bool = True) -> NoReturn:
    """Runs the ``app`` of a module as a command line, to the end of the process.

    Args:
        module: its name; it is imported here, so that Ctrl-C may also come meanwhile.
        program: what the help calls the command.
        grace: seconds from Ctrl-C to the end; None for a command that has servers to stop, and
            takes the time that takes. The command may say otherwise, by :func:`end_after`.
        quiet: gRPC is kept from telling of its troubles, as by :func:`quiet_grpc`.
    """
    global _current
    open_streams()
    if quiet:
        quiet_grpc()
    _current = interrupts = _Interrupts(grace)
    interrupts.install()
    code: Any = 0
    try:
        importlib.import_module(module).app(prog_name=program)
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        if interrupts.since is None:
            raise
        code = CODE
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)
    if interrupts.since is None or code == 0:
        sys.exit(code)
    interrupts.say()
    if interrupts.grace is None:
        sys.exit(CODE)
    # Objects that are half made could print something yet, or wait for a thread.
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(CODE)
