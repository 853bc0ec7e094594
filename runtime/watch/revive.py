"""Keeping a server up: one that dies, or holds too much memory, is started again on its ports."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import NoReturn

from runtime.errors import RuntimeFailure, ServerFailed
from runtime.server import deaths
from runtime.server.server import LocalServer
from runtime.watch.backoff import BackOff
from runtime.watch.counters import Counters

Exchange = Callable[[str], None]
"""Asks for another server; its argument is the reason."""

Healing = Callable[[Exchange], contextlib.AbstractContextManager[object]]


class Reviver:
    """Watches over a server that is ready.

    Args:
        server: a started server.
        most: how often within ten minutes it is started again.
        healing: makes what watches the models, anew for each run of the server.
        check: raises a :class:`RuntimeFailure` if the server that was started is wrong.
        counters: count what happens.
        report: is told what was found and done.
    """

    def __init__(
        self,
        server: LocalServer,
        *,
        most: int,
        healing: Healing,
        check: Callable[[LocalServer], None],
        counters: Counters,
        report: Callable[[str], None],
    ) -> None:
        self._server = server
        self._restarts = BackOff(deaths.WINDOW_SECONDS, most)
        self._most = most
        self._healing = healing
        self._check = check
        self._counters = counters
        self._report = report
        self._exchanged_for = ""

    def run(self) -> NoReturn:
        """Keeps it up; returns never.

        Raises:
            ServerFailed: the server died too often, or another program asked it to end.
        """
        while True:
            with self._healing(self._exchange):
                code = self._server.wait()
            if self._exchanged_for:
                self._follow()
                continue
            self._counters.died(deaths.cause(code))
            if code == 0:
                raise ServerFailed(
                    "Triton has ended because another program asked it to (SIGTERM)."
                )
            lines = "".join(f"\n  {line}" for line in deaths.last_lines(self._server.log_lines))
            told = f"Its last lines:{lines}" if lines else "It said nothing of it."
            self._start_again(f"{deaths.sentence(code)}. {told}")

    def _exchange(self, why: str) -> None:
        """Ends the server well: what it has is answered, and what comes meanwhile is refused."""
        self._exchanged_for = why
        self._report(f"Triton is exchanged for a fresh one: {why}.")
        self._server.ask_to_stop()

    def _follow(self) -> None:
        why, self._exchanged_for = self._exchanged_for, ""
        self._counters.exchanged()
        try:
            self._start()
        except RuntimeFailure as failure:
            self._server.end_now()
            self._start_again(f"It was to be exchanged ({why}), and could not be: {failure}")

    def _start(self) -> None:
        started = time.monotonic()
        self._server.restart()
        self._check(self._server)
        self._counters.restarted()
        self._report(f"Triton is ready again after {time.monotonic() - started:.1f} s.")

    def _start_again(self, why: str) -> None:
        while True:
            wait = self._restarts.wait()
            if wait is None:
                raise ServerFailed(f"{why}\n{self._give_up()}", arguments=("restarts",))
            self._report(f"{why}\nIt is started again {f'in {wait:.0f} s' if wait else 'now'}.")
            time.sleep(wait)
            try:
                self._start()
                return
            except RuntimeFailure as failure:
                self._server.end_now()
                why = f"It could not be started again: {failure}"

    def _give_up(self) -> str:
        if not self._most:
            return "It is not started again: no restart is allowed."
        return (
            f"It is not started again: that was done {self._restarts.recent} times within ten "
            "minutes, as often as is allowed."
        )
