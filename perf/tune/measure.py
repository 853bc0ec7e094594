"""One measurement: a fixed number of requests at a fixed concurrency.

perf_analyzer sends them if it runs here, unless its export, which repeats every request's inputs as
text, would take longer than the measurement; then, and without it, :mod:`perf.measure.loader` does.

The number is chosen once, by a probe of the present settings, so that all candidates do the same
work and an ordinary one takes a few seconds.
"""

from __future__ import annotations

import math
import time

from perf.errors import AnalyzerMissing, LegFailed
from perf.measure.analyzer import Analyzer, find
from perf.measure.endpoint import Endpoint
from perf.measure.inputs import Request
from perf.measure.loader import Sample, closed_loop
from perf.result import Load
from perf.tune.servers import Servers
from perf.tune.settings import Settings
from perf.tune.subject import Subject

SECONDS = (0.5, 3.0)
"""The shortest and the longest measurement of the present settings."""

SHARE = 1 / 40
"""Of the budget that one measurement takes, between those: enough for some thirty of them."""

SLOWEST = 5.0
"""A candidate that takes so many times as long as the present settings is given up."""

MOST_INPUT = 16 * 2**20
"""Bytes of input of one measurement up to which perf_analyzer is used: its export of them takes
about a second, above its own second to start."""

START = 10.0
"""Seconds that a load generator may take in addition."""


class Bench:
    """Measures settings on a server.

    Args:
        servers: serve the candidates.
        subject: what is called, with which requests.
        concurrency: requests under way at a time.
        seconds: that one measurement of the present settings shall take.
        loader: "perf_analyzer", "loader", or None for the first if it is there.
    """

    def __init__(
        self,
        servers: Servers,
        subject: Subject,
        concurrency: int,
        seconds: float,
        loader: str | None = None,
    ) -> None:
        self._servers = servers
        self._subject = subject
        self._concurrency = concurrency
        self._seconds = seconds
        self._count = 0
        self._is_bound = loader is not None
        self._analyzer = None if loader == "loader" else _analyzer(required=self._is_bound)

    @property
    def loader(self) -> str:
        """What sends the requests."""
        if self._analyzer is None:
            return "the kit's loader"
        return f"perf_analyzer {self._analyzer.version}"

    @property
    def count(self) -> int:
        """Requests of one measurement; 0 before the probe."""
        return self._count

    def probe(self, settings: Settings) -> None:
        """Finds out how many requests take the seconds wished for.

        Raises:
            LegFailed: the settings cannot be served, or give errors.
        """
        try:
            address = self._servers.serve(settings)
        except LegFailed as problem:
            raise LegFailed(f"'{self._subject.model}' as it is now {problem}") from None
        count = 2 * self._concurrency
        while True:
            sample = self._loop(address, count, limit=math.inf)
            if sample.errors:
                raise LegFailed(
                    f"The present settings gave {sample.errors} errors in {count} requests, the "
                    f"first: {sample.first_error}"
                )
            if sample.seconds > self._seconds / 4:
                break
            count *= 4
        wanted = max(2 * self._concurrency, round(count / sample.seconds * self._seconds))
        number = len(self._subject.requests)
        # Whole turns of the requests, so that all are sent equally often.
        self._count = math.ceil(wanted / number) * number if wanted > number else wanted
        each = sum(_bytes(request) for request in self._subject.requests) / number
        if each * self._count > MOST_INPUT and not self._is_bound:
            self._analyzer = None

    def measure(self, settings: Settings) -> Sample:
        """One measurement after a :meth:`probe`.

        Raises:
            LegFailed: the settings cannot be served, are far too slow, or no figure came of it.
        """
        address = self._servers.serve(settings)
        limit = SLOWEST * self._seconds + START
        if self._analyzer is not None:
            return self._analyzer.run(
                model=self._subject.called,
                address=address,
                protocol="grpc",
                requests=self._subject.requests,
                load=Load(kind="concurrency", value=self._concurrency),
                count=self._count,
                warmup=2 * self._concurrency,
                timeout_seconds=limit,
            )
        return self._loop(address, self._count, limit)

    def _loop(self, address: str, count: int, limit: float) -> Sample:
        end = time.monotonic() + limit
        late = False
        with Endpoint(address, self._subject.called, self._subject.requests) as call:

            def send(number: int) -> None:
                nonlocal late
                if time.monotonic() > end:
                    late = True
                    raise TimeoutError
                call(number)

            sample = closed_loop(
                send, concurrency=self._concurrency, count=count, warmup=2 * self._concurrency
            )
        if late:
            raise LegFailed(f"too slow: it did not answer {count} requests in {limit:.0f} s")
        return sample


def seconds_for(budget: float) -> float:
    """How long one measurement should take."""
    least, most = SECONDS
    return min(most, max(least, budget * SHARE))


def _bytes(request: Request) -> int:
    return sum(
        sum(map(len, array.flat)) if array.dtype.hasobject else array.nbytes
        for array in request.values()
    )


def _analyzer(*, required: bool) -> Analyzer | None:
    try:
        return find()
    except AnalyzerMissing:
        if required:
            raise
        return None
