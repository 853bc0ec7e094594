"""Clients that send requests at a mild pace, each from a thread of its own."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping

from tests.soak.inputs import Inputs
from tests.soak.kills import BACK, Kills
from tests.soak.kinds import Request, draw
from tests.soak.ledger import Ledger
from tests.soak.wire import Grpc, Http, Lost, Refused, Wire

SLOW = 60.0
"""Seconds that no request may take, one that was asked again for a killed stub apart."""


class Worker(threading.Thread):
    """One client.

    Args:
        number: its own.
        wires: make its connections, gRPC first, which it keeps.
        inputs: what is sent.
        ledger: is told what comes of each request.
        kills: says which refusals are excused.
        pause: seconds between the starts of two requests, on average; 0 is none.
        weights: how often each kind is sent.
        seed: of its own chance.
        stop: ends it.
        is_gone: whether the server has ended.
    """

    def __init__(
        self,
        number: int,
        wires: tuple[Callable[[], Grpc], Callable[[], Http]],
        inputs: Inputs,
        ledger: Ledger,
        kills: Kills,
        *,
        pause: float,
        weights: Mapping[str, int],
        seed: int,
        stop: threading.Event,
        is_gone: Callable[[], bool],
    ) -> None:
        super().__init__(name=f"client {number}", daemon=True)
        self._number, self._wires, self._inputs = number, wires, inputs
        self._ledger, self._kills = ledger, kills
        self._pause, self._weights = pause, weights
        self._chance = random.Random(f"{seed} {number}")
        self._over, self._is_gone = stop, is_gone

    def run(self) -> None:
        over_grpc, over_http = (make() for make in self._wires)
        try:
            while not self._over.is_set():
                began = time.monotonic()
                request = draw(self._chance, self._weights)
                self._perform(request, over_http if request.http else over_grpc)
                # Uniform from 0 to twice the pause: requests of several clients meet.
                due = began + 2 * self._pause * self._chance.random()
                self._over.wait(max(0.0, due - time.monotonic()))
        except Exception as problem:  # a client that ends would make the load milder, unseen
            self._ledger.fault("client ended", f"client {self._number}: {problem!r}")
        finally:
            over_grpc.close()
            over_http.close()

    def _perform(self, request: Request, wire: Wire) -> None:
        """One request, asked again for as long as a stub that was killed excuses its refusal."""
        first = time.monotonic()
        wait = 0.2
        while True:
            began = time.monotonic()
            problem = self._try(request, wire)
            if problem is None:
                return
            if self._over.is_set() or self._is_gone():
                return
            if not self._kills.excuse(began):
                self._ledger.fault(
                    "lost" if isinstance(problem, Lost) else "refused", f"{request}: {problem}"
                )
                self._over.wait(1.0)
                return
            if time.monotonic() - first > BACK:
                self._ledger.fault("never answered", f"{request}: {problem}")
                return
            self._ledger.counts["asked again"] += 1
            self._ledger.write("asked again", request=str(request), problem=str(problem))
            self._over.wait(wait)
            wait = min(2 * wait, 3.0)

    def _try(self, request: Request, wire: Wire) -> Exception | None:
        self._ledger.began(self._number, str(request))
        how, problem = "answered", None
        try:
            for asked, answer in request.send(wire, self._inputs, self._chance):
                self._ledger.hold(str(request), asked, answer)
            self._ledger.counts[str(request)] += 1
        except (Refused, Lost) as caught:
            how, problem = f"{type(caught).__name__.lower()}: {caught}", caught
        seconds = self._ledger.ended(self._number, how)
        if seconds > SLOW:
            self._ledger.fault("slow", f"{request} took {seconds:.0f} s")
        return problem
