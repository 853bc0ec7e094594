"""Sends all cases of all parts, most to one server, with good requests in between."""

from __future__ import annotations

import collections
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.case import Case, Failure, Outcome, Part, Place, complaint
from tests.fuzz.target import Good, Level, Target

GOOD_EVERY = 20
"""Cases between two good requests."""

MOST_FAILURES = 25
"""After so many a part ends: the first ones say enough."""

SERVER_GROWTH = 1 << 30
STUBS_GROWTH = 3 << 30
SHARED_GROWTH = 1 << 30
"""Bytes that may be held at the end and were not after the good requests. Large pictures leave
larger regions and pools in every process that they pass, once, however many of them come: the
repository's ``resources`` reckon with the largest request in each."""


@dataclass
class Report:
    """What a campaign came to."""

    seed: int
    lines: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def say(self, line: str) -> None:
        """A line of the report, as soon as it is known."""
        print(line, flush=True)
        self.lines.append(line)

    def fail(self, failure: Failure) -> None:
        """Notes a failure, keeps its file, and says how to send it alone."""
        self.failures.append(failure)
        self.say(f"FAILED {failure.name}: {failure.what}: {failure.why}")
        if failure.content:
            path = Path(tempfile.gettempdir()) / f"fuzz-{failure.name.replace(':', '-')}"
            path.write_bytes(failure.content)
            self.say(f"       its file: {path}")
        if ":" in failure.name:
            self.say(f"       again: python -m tests.fuzz --seed {self.seed} --only {failure.name}")


def run(
    parts: Sequence[Part], seed: int, *, only: str = "", target: Callable[[], Target] = Target
) -> Report:
    """Runs the parts one after the other.

    Args:
        parts: with their counts.
        seed: of all chances.
        only: a part's name and a case's number, as ``images:17``, to send this one alone.
        target: makes the server.
    """
    report = Report(seed)
    report.say(f"seed {seed}")
    name, _, number = only.partition(":")
    chosen = [
        (part, range(int(number), int(number) + 1) if only else range(part.count))
        for part in parts
        if name in ("", part.name)
    ]
    for part, numbers in chosen:
        if part.place is not None:
            with part.place() as place:
                _run_part(part, numbers, report, place, place.check)
    served = [(part, numbers) for part, numbers in chosen if part.place is None]
    if served:
        _run_served(served, report, target)
    return report


def _run_served(
    parts: Sequence[tuple[Part, range]], report: Report, target: Callable[[], Target]
) -> None:
    with target() as server:
        good = Good(server)
        before = Level(server.server)
        report.say(f"before: {before}")
        for part, numbers in parts:

            def check() -> str:
                return server.is_same(before) or good.check()

            _run_part(part, numbers, report, server, check, lambda: bool(server.is_same(before)))
            if wrong := server.is_same(before):
                report.fail(Failure(part.name, "after the part", wrong))
                return
            report.say(f"  then: {Level(server.server)}")
        if wrong := good.check(all_of_them=True):
            report.fail(Failure("good", "at the end", wrong))
        _judge_levels(report, before, Level(server.server))
        report.say(f"good requests: {good.asked}, each answered as before")


def _run_part(
    part: Part,
    numbers: range,
    report: Report,
    taker: Target | Place,
    check: Callable[[], str],
    over: Callable[[], bool] = lambda: False,
) -> None:
    """Sends a part's cases.

    Args:
        part: whose they are.
        numbers: which.
        report: gets what failed, and a line at the end.
        taker: what takes them.
        check: tries something good; "" or what is wrong.
        over: whether there is nothing left to send to.
    """
    began = time.monotonic()
    counts: collections.Counter[str] = collections.Counter()
    slowest = (0.0, "")
    failed = 0
    for number, case, outcomes in _sent(part, numbers, report.seed, taker):
        name = f"{part.name}:{number}"
        for outcome in outcomes:
            counts[f"{outcome.kind} {outcome.code}".strip()] += 1
            slowest = max(slowest, (outcome.seconds, name))
            if why := complaint(case, outcome):
                failed += _failed(report, name, case, why)
        if number % GOOD_EVERY == GOOD_EVERY - 1 or len(numbers) == 1:
            if wrong := check():
                failed += _failed(report, name, case, f"up to here: {wrong}")
            if over():
                return
        if failed >= MOST_FAILURES:
            report.say(f"{part.name}: stopped at case {number}, after {failed} failures")
            return
    listed = ", ".join(f"{count} {what}" for what, count in counts.most_common())
    seconds = time.monotonic() - began
    report.say(
        f"{part.name}: {len(numbers)} cases in {seconds:.0f} s: {listed}; "
        f"the slowest, {slowest[1]}, {slowest[0]:.1f} s"
    )


def _sent(
    part: Part, numbers: range, seed: int, taker: Target | Place
) -> Iterator[tuple[int, Case, list[Outcome]]]:
    """Each case with what came of it, in order, as many at a time as the part allows."""

    def send(number: int) -> tuple[int, Case, list[Outcome]]:
        case = part.case(seed, number)
        return number, case, case.send(taker)

    if part.at_once == 1:
        yield from map(send, numbers)
        return
    with ThreadPoolExecutor(part.at_once) as pool:
        try:
            yield from pool.map(send, numbers)
        finally:
            pool.shutdown(cancel_futures=True)


def _failed(report: Report, name: str, case: Case, why: str) -> int:
    report.fail(Failure(name, case.what, why, case.content))
    return 1


def _judge_levels(report: Report, before: Level, after: Level) -> None:
    report.say(f"after:  {after}")
    for what, grown, allowed in (
        ("the server's memory", after.server - before.server, SERVER_GROWTH),
        ("the stubs' memory", after.stubs - before.stubs, STUBS_GROWTH),
        ("/dev/shm", after.shared - before.shared, SHARED_GROWTH),
    ):
        if grown > allowed:
            why = f"{what} grew by {grown >> 20} MiB, more than {allowed >> 20}"
            report.fail(Failure("levels", "at the end", why))
