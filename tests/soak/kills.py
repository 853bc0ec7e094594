"""Ends a stub of the server now and then, and says when all answers again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Callable

from runtime.watch import stubs
from tests.soak.inputs import Inputs
from tests.soak.kinds import PIPELINES, Request
from tests.soak.ledger import Ledger
from tests.soak.process import Server
from tests.soak.wire import Lost, Refused, Wire

BACK = 120.0
"""Seconds in which a killed stub has to be replaced, and every pipeline to answer again."""

_AFTER = 1.0
"""Seconds after that in which a refusal may still come from the dead stub."""


class Kills:
    """The times in which requests may be refused, as a stub was just killed.

    Args:
        server: whose stubs.
        wire: for its own requests.
        inputs: likewise.
        ledger: is told of each kill.
        chance: chooses the stub.
        stop: ends the waiting.
    """

    def __init__(
        self,
        server: Server,
        wire: Callable[[], Wire],
        inputs: Inputs,
        ledger: Ledger,
        chance: random.Random,
        stop: threading.Event,
    ) -> None:
        self._server, self._wire, self._inputs = server, wire, inputs
        self._ledger, self._chance, self._stop = ledger, chance, stop
        self._windows: list[list[float]] = []

    def excuse(self, began: float) -> bool:
        """Whether a request that began then, and is refused now, may be."""
        return any(began <= end + _AFTER for _, end in list(self._windows))

    def is_recovering(self) -> bool:
        """Whether a killed stub is being replaced now, or was a moment ago."""
        return self.excuse(time.monotonic())

    def run(self, every: float, until: float) -> None:
        """Kills a stub each so many seconds, the first after half of them, up to a time."""
        due = time.monotonic() + every / 2
        while due < until and not self._stop.wait(max(0.0, due - time.monotonic())):
            self.kill()
            due = max(due + every, time.monotonic() + every / 2)

    def kill(self) -> None:
        """Kills one stub, and waits until it is replaced and every pipeline has answered."""
        running = stubs.running(self._server.pid)
        if not running:
            self._ledger.fault("no stubs", "the server has no stub that could be killed")
            return
        stub = self._chance.choice(running)
        before = {each.pid for each in running}
        began = time.monotonic()
        window = [began, float("inf")]
        self._windows.append(window)
        self._ledger.write("kill", pid=stub.pid, instance=stub.instance)
        with contextlib.suppress(ProcessLookupError):
            os.kill(stub.pid, signal.SIGKILL)
        back = self._wait_for(stub.instance, before, began + BACK)
        window[1] = time.monotonic()
        if back:
            seconds = round(window[1] - began, 1)
            self._ledger.counts["stubs killed and replaced"] += 1
            self._ledger.write("back", instance=stub.instance, seconds=seconds)
        elif not self._stop.is_set():
            self._ledger.fault(
                "not back",
                f"{BACK:.0f} s after a stub of {stub.instance} was killed, not every pipeline "
                "answers",
            )

    def _wait_for(self, instance: str, before: set[int], deadline: float) -> bool:
        replaced, unanswered = False, list(PIPELINES)
        while time.monotonic() < deadline and not self._stop.is_set():
            replaced = replaced or any(
                each.instance == instance and each.pid not in before
                for each in stubs.running(self._server.pid)
            )
            if replaced and self._answers(unanswered[0]):
                unanswered.pop(0)
                if not unanswered:
                    return True
            else:
                self._stop.wait(0.2)
        return False

    def _answers(self, pipeline: str) -> bool:
        wire = self._wire()
        try:
            for _ in Request(pipeline, http=False, number=0).send(wire, self._inputs, self._chance):
                pass
        except (Refused, Lost):
            return False
        finally:
            wire.close()
        return True
