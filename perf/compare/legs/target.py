"""What a leg is measured on: one mode, running."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from perf.errors import LegFailed
from perf.measure.inputs import Request
from perf.measure.loader import Call, Sample, closed_loop, open_loop
from perf.result import Leg

Pids = Callable[[], list[int]]


@dataclass(frozen=True)
class Effort:
    """How much one measurement is.

    Attributes:
        count: requests.
        warmup: requests before them.
        timeout_seconds: the longest that it may take.
        seed: of arrival times.
    """

    count: int
    warmup: int
    timeout_seconds: float
    seed: int = 0


@dataclass
class Target(ABC):
    """A pipeline that can be called.

    Attributes:
        requests: what it is called with, in turn.
        models: model -> ``host:port`` of the server with its statistics.
        parts: the processes that answer, by part.
        entry: the model that is called first, if its time is that of a whole request.
    """

    requests: Sequence[Request]
    models: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, Pids] = field(default_factory=dict)
    entry: str | None = None

    @abstractmethod
    def outputs(self, i: int) -> Mapping[str, np.ndarray]:
        """All outputs of one request.

        Raises:
            PerfError: it was refused, or not answered.
        """

    @abstractmethod
    def sample(self, leg: Leg, effort: Effort) -> Sample:
        """One measurement.

        Raises:
            PerfError: it could not be made.
        """

    def processes(self, leg: Leg) -> Mapping[str, Pids]:
        """The parts whose use counts in a leg; the loader's own process is the client."""
        return dict(self.parts) | ({"client": _own_pid} if leg.loader == "loader" else {})

    def close(self) -> None:
        """Ends what the target itself began."""
        return


def _own_pid() -> list[int]:
    return [os.getpid()]


def load(call: Call, leg: Leg, effort: Effort) -> Sample:
    """One measurement with :mod:`perf.measure.loader`.

    Raises:
        LegFailed: no request was answered, or it took too long.
    """
    end = time.monotonic() + effort.timeout_seconds

    def in_time(i: int) -> object:
        if time.monotonic() > end:
            raise LegFailed("the time was up")
        return call(i)

    if leg.load.kind == "concurrency":
        concurrency = round(leg.load.value)
        sample = closed_loop(
            in_time, concurrency=concurrency, count=effort.count, warmup=effort.warmup
        )
    else:
        sample = open_loop(
            in_time,
            rate=leg.load.value,
            count=effort.count,
            warmup=effort.warmup,
            seed=effort.seed,
        )
    if time.monotonic() > end:
        raise LegFailed(
            f"{effort.count} requests were not answered within the scenario's timeout_seconds of "
            f"{effort.timeout_seconds:g}: {len(sample.latencies_ms)} were"
        )
    if sample.held:
        raise LegFailed(
            f"{sample.held} of {effort.count} requests could not be sent when they were due, as "
            "each of the loader's threads still waited for an answer: lower request_rate"
        )
    if not sample.latencies_ms:
        raise LegFailed(f"no request was answered: {sample.first_error}")
    return sample
