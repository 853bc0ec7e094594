"""Waiting for what is to come, for a minute if need be, and never for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tritonclient.utils import InferenceServerException

from clients.connection.errors import RequestError
from runtime.server.server import LocalServer

Answer = TypeVar("Answer")

SECONDS = 60.0
"""What takes longer than this on a busy machine does not come."""


def until(condition: Callable[[], object], seconds: float = SECONDS) -> None:
    """Waits for a condition.

    Raises:
        AssertionError: it did not come true in so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def once_there_is_room(ask: Callable[[], Answer], seconds: float = SECONDS) -> Answer:
    """What a server answers after a crowd of requests, asked again while it is overloaded.

    A request that was refused may leave calls of its own in the queues of other models, so that
    they can be full for a moment after the last answer.

    Args:
        ask: sends the request.
        seconds: how long the server may stay overloaded.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except (InferenceServerException, RequestError) as refusal:
            code = refusal.code if isinstance(refusal, RequestError) else str(refusal.status())
            if not code.endswith("UNAVAILABLE") or time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def answers(server: LocalServer, seconds: float = SECONDS) -> bool:
    """Whether a server lives and answers; a busy machine may let it be silent for a while."""
    deadline = time.monotonic() + seconds
    while server.is_running() and time.monotonic() < deadline:
        # From a signal to its end a server still answers, or hangs.
        is_dying = any(line.startswith("Signal (") for line in server.log_lines)
        if not is_dying and server.control.is_live():
            return True
        time.sleep(0.05)
    return False
