"""A server that several tests share, and that does not take the others down when it dies in one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runtime.server.server import LocalServer
from tests.waiting import answers


class SharedServer:
    """Starts a server when it is first wanted, and a fresh one when the last has died.

    Args:
        make: gives a server that has not been started.
    """

    def __init__(self, make: Callable[[], LocalServer]) -> None:
        self._make = make
        self._server: LocalServer | None = None

    def running(self) -> LocalServer:
        """The server, started."""
        if self._server is None:
            server = self._make()
            server.start()
            self._server = server
        return self._server

    def check(self) -> None:
        """Fails the test in which the server died, with its exit code and its last words."""
        server = self.running()
        if answers(server):
            return
        ended = (
            "it runs and does not answer"
            if server.is_running()
            else f"it ended by itself with exit code {server.wait()}"
        )
        self.stop()
        log = "\n".join(server.log_lines[-100:])
        pytest.fail(f"the server died in this test: {ended}; its last lines:\n{log}", pytrace=False)

    def stop(self) -> None:
        """Ends the server, if there is one."""
        if self._server is not None:
            self._server.stop(now=True)
            self._server = None
