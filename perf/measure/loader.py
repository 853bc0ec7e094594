"""The fallback loader: sends requests as perf_analyzer would, from threads of this process.

Closed loop: a fixed number of requests is always under way. Open loop: requests are due at the
times of a Poisson process, whether earlier ones were answered or not, and a request's latency
counts from the time at which it was due. (Counted from when a busy client came to send it, the
requests that an overloaded server held up would look fast: "coordinated omission", Gil Tene.)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Call = Callable[[int], object]
"""Performs the request of a number, counted from 0 with the warm-up in it; raises on error."""


@dataclass(frozen=True)
class Sample:
    """What was measured, warm-up left out.

    Attributes:
        latencies_ms: of the answered requests, in the order in which they were sent.
        seconds: from the first request sent to the last answer.
        errors: requests that were not answered, or with an error.
        first_error: the sentence of the first of them.
        held: requests that the loader could not send in time, because all its threads were busy.
            Their latencies are right, but the server saw another load than was meant.
    """

    latencies_ms: tuple[float, ...]
    seconds: float
    errors: int = 0
    first_error: str | None = None
    held: int = 0


class _Tally:
    """Performs requests and keeps what came of each; each number is used once, by one thread."""

    def __init__(self, call: Call, count: int, warmup: int) -> None:
        if count < 1 or warmup < 0:
            raise ValueError(f"count is {count} and warmup {warmup}; expected at least 1 and 0")
        self.total = warmup + count
        self._call = call
        self._warmup = warmup
        self._started = [0.0] * self.total
        self._ended = [0.0] * self.total
        self._counted_from = [0.0] * self.total
        self._problems: list[Exception | None] = [None] * self.total

    def perform(self, number: int, due: float | None = None) -> None:
        """One request; its latency counts from ``due``, or from now."""
        self._started[number] = time.perf_counter()
        self._counted_from[number] = self._started[number] if due is None else due
        try:
            self._call(number)
        except Exception as problem:
            # Whatever goes wrong under load is counted and reported, not raised.
            self._problems[number] = problem
        self._ended[number] = time.perf_counter()

    def sample(self, held: int = 0) -> Sample:
        """The measured requests, once all were performed."""
        measured = range(self._warmup, self.total)
        problems = [problem for n in measured if (problem := self._problems[n]) is not None]
        return Sample(
            latencies_ms=tuple(
                (self._ended[n] - self._counted_from[n]) * 1e3
                for n in measured
                if self._problems[n] is None
            ),
            seconds=max(self._ended[self._warmup :]) - min(self._started[self._warmup :]),
            errors=len(problems),
            first_error=_sentence(problems[0]) if problems else None,
            held=held,
        )


def _sentence(problem: Exception) -> str:
    # Some errors have a stack trace, with paths, after their first line.
    return next((line.strip() for line in str(problem).splitlines() if line.strip()), "") or (
        type(problem).__name__
    )


def closed_loop(call: Call, *, concurrency: int, count: int, warmup: int) -> Sample:
    """Keeps a number of requests under way until all are answered.

    The warm-up runs into the measurement without a pause, so that the first measured request
    already meets the whole load.

    Args:
        call: performs request number 0, 1, …; raises on error.
        concurrency: how many are under way, each in its own thread.
        count: measured requests, exactly.
        warmup: requests before them.

    Raises:
        ValueError: a number makes no sense.
    """
    if concurrency < 1:
        raise ValueError(f"concurrency is {concurrency}; expected at least 1")
    tally = _Tally(call, count, warmup)
    numbers = iter(range(tally.total))
    turn = threading.Lock()
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            with turn:
                number = next(numbers, None)
            if number is None:
                return
            tally.perform(number)

    threads: list[threading.Thread] = []
    try:
        for _ in range(min(concurrency, tally.total)):
            threads.append(threading.Thread(target=work))
            threads[-1].start()
        _join(threads)
    finally:
        stop.set()  # at Ctrl-C nothing more is sent, and what is under way ends
        _join(threads)
    return tally.sample()


def _join(threads: list[threading.Thread]) -> None:
    """Waits for all of them, and for those that are added meanwhile."""
    done = 0
    while done < len(threads):
        if threads[done].ident is not None:  # it was started
            threads[done].join()
        done += 1


def arrivals(rate: float, count: int, seed: int) -> np.ndarray:
    """The times of a Poisson process, in seconds, the first a gap after 0.

    Args:
        rate: arrivals a second, on the average.
        count: how many.
        seed: one seed always gives the same times.

    Returns:
        float64 [count], rising.

    Raises:
        ValueError: the rate is not above 0.
    """
    if not rate > 0:
        raise ValueError(f"rate is {rate}; expected more than 0 requests a second")
    return np.cumsum(np.random.default_rng(seed).exponential(1 / rate, count))


def open_loop(
    call: Call, *, rate: float, count: int, warmup: int, seed: int, most_threads: int = 256
) -> Sample:
    """Sends requests at the times of a Poisson process, whatever became of earlier ones.

    One thread waits for the next request to be due and performs it; another, started if all are
    busy, waits for the one after it.

    Args:
        call: performs request number 0, 1, …; raises on error.
        rate: requests a second, on the average.
        count: measured requests, exactly.
        warmup: requests before them, at the same rate.
        seed: of the times.
        most_threads: with so many requests under way, the next waits: see :attr:`Sample.held`.

    Raises:
        ValueError: a number makes no sense.
    """
    if most_threads < 1:
        raise ValueError(f"most_threads is {most_threads}; expected at least 1")
    tally = _Tally(call, count, warmup)
    crew = _Crew(tally, arrivals(rate, tally.total, seed), most_threads)
    return tally.sample(held=len([n for n in crew.run() if n >= warmup]))


class _Crew:
    """The threads of an open loop, and whose turn it is to wait for the next request."""

    def __init__(self, tally: _Tally, due: np.ndarray, most: int) -> None:
        self._tally = tally
        self._due = due
        self._most = most
        self._turn = threading.Lock()  # held by the one that waits for the next request
        self._next = 0
        self._counts = threading.Lock()
        self._busy = 0
        self._threads: list[threading.Thread] = []
        self._held: list[int] = []
        self._stop = threading.Event()

    def run(self) -> list[int]:
        """Performs all requests; returns the numbers of those that waited for a free thread."""
        self._due = self._due + time.perf_counter()
        try:
            self._add_thread()
            _join(self._threads)
        finally:
            self._stop.set()
            _join(self._threads)
        return self._held

    def _add_thread(self) -> None:
        thread = threading.Thread(target=self._work)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        free_since = time.perf_counter()
        while True:
            with self._turn:
                number = self._next
                if number == self._tally.total or self._stop.is_set():
                    return
                self._next += 1
                due = float(self._due[number])
                others_are_busy = self._busy == len(self._threads) - 1
                if others_are_busy and len(self._threads) < self._most:
                    self._add_thread()
                elif others_are_busy and free_since > due:
                    self._held.append(number)
                self._stop.wait(max(0.0, due - time.perf_counter()))
                if self._stop.is_set():
                    return
                with self._counts:
                    self._busy += 1
            self._tally.perform(number, due)
            with self._counts:
                self._busy -= 1
            free_since = time.perf_counter()
