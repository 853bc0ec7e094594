"""The soak: clients, kills and a look at the server each minute, until the time is over."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.soak import inputs
from tests.soak.growth import LEAST, growth
from tests.soak.kills import Kills
from tests.soak.kinds import WEIGHTS
from tests.soak.ledger import Ledger
from tests.soak.process import Figures, Server
from tests.soak.wire import Grpc, Http
from tests.soak.workers import Worker

_LOOK = 0.1
"""Seconds between two looks whether the server lives."""

_STUBS = 1.0
"""Seconds between two looks whether a stub has ended that nobody killed."""

_QUIET = 30.0
"""Seconds before the end in which no stub is killed."""


@dataclass(frozen=True)
class Plan:
    """What a soak does.

    Attributes:
        http: ``host:port`` of the server's HTTP endpoint, on this machine.
        grpc: of its gRPC endpoint.
        seconds: how long.
        file: for what was seen, a JSON object a line.
        clients: how many send at once.
        pause: seconds between the starts of two requests of a client, on average.
        kill_every: seconds between two killed stubs; 0 kills none.
        sample_every: seconds between two looks at the server; by default a minute, and less in a
            soak under 20 minutes.
        weights: how often each kind of request is sent.
        seed: of what is sent when.
        burn: processes that only compute, beside it.
    """

    http: str
    grpc: str
    seconds: float
    file: Path
    clients: int = 3
    pause: float = 1.0
    kill_every: float = 240.0
    sample_every: float | None = None
    weights: Mapping[str, int] = field(default_factory=lambda: dict(WEIGHTS))
    seed: int = 0
    burn: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a soak came to.

    Attributes:
        faults: a sentence each; none is what is wanted.
        counts: of requests by kind, and of what befell them.
        samples: the server's figures, at even intervals.
        seconds: how long it ran.
    """

    faults: tuple[str, ...]
    counts: Mapping[str, int]
    samples: tuple[Figures, ...]
    seconds: float


def soak(plan: Plan, show: Callable[[str], None]) -> Outcome:
    """Runs it, to its end or until Ctrl-C.

    Args:
        plan: what to do.
        show: prints a line of progress.

    Raises:
        NoServer: no server on this machine has the port.
    """
    server = Server(int(plan.http.rpartition(":")[2]))
    made = inputs.make()
    ledger = Ledger(plan.file, show)
    stop = threading.Event()
    kills = Kills(
        server,
        lambda: Grpc(plan.grpc),
        made,
        ledger,
        random.Random(f"{plan.seed} kills"),
        stop,
    )
    workers = [
        Worker(
            number,
            (lambda: Grpc(plan.grpc), lambda: Http(plan.http)),
            made,
            ledger,
            kills,
            pause=plan.pause,
            weights=plan.weights,
            seed=plan.seed,
            stop=stop,
            is_gone=lambda: not server.is_alive(),
        )
        for number in range(plan.clients)
    ]
    began = time.monotonic()
    until = began + plan.seconds
    killer = threading.Thread(
        target=kills.run, args=(plan.kill_every, until - _QUIET), name="kills", daemon=True
    )
    ledger.write("start", pid=server.pid, plan=vars(plan))
    ledger.tell(f"tritonserver {server.pid} for {plan.seconds:.0f} s; what is seen: {plan.file}")
    samples: list[Figures] = []
    try:
        with _burning(plan.burn):
            for each in workers:
                each.start()
            if plan.kill_every:
                killer.start()
            with contextlib.suppress(KeyboardInterrupt):
                _watch(server, kills, ledger, plan, samples, until)
        seconds = time.monotonic() - began
        stop.set()
        threads: list[threading.Thread] = [*workers, *([killer] if plan.kill_every else [])]
        for thread in threads:
            thread.join(timeout=10)
        return _conclude(ledger, plan, samples, seconds)
    finally:
        stop.set()
        ledger.close()


def _watch(
    server: Server,
    kills: Kills,
    ledger: Ledger,
    plan: Plan,
    samples: list[Figures],
    until: float,
) -> None:
    """Looks at the server, until the time is over or the server has ended."""
    every = plan.sample_every or min(60.0, plan.seconds / 20)
    began = time.monotonic()
    due = began + every
    stubs, stubs_due = server.stubs(), began
    while (now := time.monotonic()) < until:
        if not server.is_alive():
            return _gone(server, ledger, now - began)
        with contextlib.suppress(psutil.NoSuchProcess):
            if now >= stubs_due:
                stubs_due = now + _STUBS
                stubs = _look_at_stubs(stubs, server, kills, ledger)
            if now >= due:
                due += every
                samples.append(server.figures())
                _tell(ledger, plan, samples[-1], (now - began) / 60)
        time.sleep(max(0.0, min(_LOOK, due - now, until - now)))
    return None


def _look_at_stubs(
    before: Mapping[str, int], server: Server, kills: Kills, ledger: Ledger
) -> dict[str, int]:
    """The stubs now; one that ended by itself is a fault."""
    now = server.stubs()
    if not kills.is_recovering():
        for instance in sorted(instance for instance, pid in before.items() if not _runs(pid)):
            ledger.fault(
                "stub ended",
                f"the stub of {instance}, process {before[instance]}, has ended, and nobody "
                f"killed it. Under way: {_listed(ledger.under_way())}",
                last=ledger.last(),
            )
    return now


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _tell(ledger: Ledger, plan: Plan, figures: Figures, minutes: float) -> None:
    answers = ledger.counts["answers"]
    ledger.write("sample", answers=answers, faults=dict(ledger.faults), **vars(figures))
    ledger.tell(
        f"{minutes:.1f} of {plan.seconds / 60:.0f} min: {answers} answers, "
        f"{ledger.counts['asked again']} asked again, "
        f"{sum(ledger.faults.values())} faults; {figures}"
    )


def _gone(server: Server, ledger: Ledger, seconds: float) -> None:
    """Writes down what was under way when the server ended."""
    under_way, last = ledger.under_way(), ledger.last()
    cut = [each for each in last if each["how"].startswith("lost")]
    ledger.fault(
        "gone",
        f"THE SERVER IS GONE: process {server.pid} has ended after {seconds / 60:.1f} minutes. "
        f"Under way: {_listed(under_way)}. Cut off just before: {_listed(cut)}. "
        f"Answered last: {_listed([each for each in last if each not in cut][-8:])}",
        under_way=under_way,
        last=last,
    )


def _listed(requests: list[dict[str, object]]) -> str:
    return ", ".join(str(each["request"]) for each in requests) or "nothing"


def _conclude(ledger: Ledger, plan: Plan, samples: list[Figures], seconds: float) -> Outcome:
    faults = [f"{count} times: {kind}" for kind, count in ledger.faults.items()]
    killed = ledger.counts["stubs killed and replaced"]
    grown = growth(samples, killed) if len(samples) >= LEAST else []
    outcome = Outcome((*faults, *grown), dict(ledger.counts), tuple(samples), seconds)
    ledger.write("end", seconds=seconds, faults=outcome.faults, counts=outcome.counts)
    ledger.tell(f"ended after {seconds / 60:.1f} min: {dict(sorted(ledger.counts.items()))}")
    if len(samples) < LEAST:
        ledger.tell(f"{len(samples)} samples, so nothing is said of growth")
    for sentence in outcome.faults or ("no fault was seen",):
        ledger.tell(sentence)
    return outcome


@contextlib.contextmanager
def _burning(count: int) -> Iterator[None]:
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for each in processes:
            each.kill()
            each.wait()
