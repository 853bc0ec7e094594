"""The fallback loader, with calls whose time and errors are known."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf.measure.loader import Sample, arrivals, closed_loop, open_loop


class Calls:
    """Counts calls, how many are under way at once, and fails some."""

    def __init__(self, seconds: float = 0.0, failing: frozenset[int] = frozenset()) -> None:
        self.numbers: list[int] = []
        self.starts: dict[int, float] = {}
        self.most = 0
        self._under_way = 0
        self._seconds, self._failing = seconds, failing
        self._lock = threading.Lock()

    def __call__(self, i: int) -> None:
        with self._lock:
            self.numbers.append(i)
            self.starts[i] = time.perf_counter()
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        try:
            time.sleep(self._seconds)
            if i in self._failing:
                raise RuntimeError(f"request {i}\n  failed  \n\nAt: /some/where")
        finally:
            with self._lock:
                self._under_way -= 1


def check(sample: Sample, calls: Calls, count: int, warmup: int, failing: frozenset[int]) -> None:
    measured = sorted(n for n in failing if warmup <= n < warmup + count)
    assert sorted(calls.numbers) == list(range(warmup + count))
    assert sample.errors == len(measured)
    assert len(sample.latencies_ms) == count - len(measured)
    assert sample.first_error == (f"request {measured[0]}" if measured else None)


counts = st.integers(1, 30)
warmups = st.integers(0, 8)
failures = st.frozensets(st.integers(0, 40), max_size=12)


@given(st.integers(1, 6), counts, warmups, failures)
@settings(max_examples=40, deadline=None)
def test_a_closed_loop_performs_each_request_once(
    concurrency: int, count: int, warmup: int, failing: frozenset[int]
) -> None:
    calls = Calls(failing=failing)
    sample = closed_loop(calls, concurrency=concurrency, count=count, warmup=warmup)
    check(sample, calls, count, warmup, failing)
    assert calls.most <= concurrency


@given(counts, warmups, failures, st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_an_open_loop_performs_each_request_once(
    count: int, warmup: int, failing: frozenset[int], seed: int
) -> None:
    calls = Calls(failing=failing)
    sample = open_loop(calls, rate=1e5, count=count, warmup=warmup, seed=seed)
    check(sample, calls, count, warmup, failing)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_closed_loop_keeps_that_many_under_way(concurrency: int) -> None:
    together = threading.Barrier(concurrency)  # passes only when so many are there at once
    sample = closed_loop(
        lambda _: together.wait(timeout=60), concurrency=concurrency, count=16, warmup=8
    )
    assert sample.first_error is None
    assert len(sample.latencies_ms) == 16


def test_latencies_and_the_whole_time_are_those_of_the_calls() -> None:
    sample = closed_loop(Calls(0.02), concurrency=2, count=10, warmup=2)
    assert min(sample.latencies_ms) >= 20
    assert sample.seconds >= 0.02 * 10 / 2
    assert sample.seconds * 1e3 >= max(sample.latencies_ms)


@pytest.mark.parametrize("kind", ["closed", "open"])
def test_the_warmup_is_not_measured(kind: str) -> None:
    left = threading.Semaphore(0)

    def call(i: int) -> None:
        if i >= 4:
            left.release()
            return
        for _ in range(5 if kind == "open" else 0):  # the others do not wait for the warm-up
            assert left.acquire(timeout=60)
        time.sleep(0.3)
        raise RuntimeError("cold")

    began = time.perf_counter()
    sample = (
        closed_loop(call, concurrency=4, count=20, warmup=4)
        if kind == "closed"
        else open_loop(call, rate=1e4, count=20, warmup=4, seed=3)
    )
    assert sample.errors == 0
    assert len(sample.latencies_ms) == 20
    assert sample.seconds < time.perf_counter() - began - 0.2


@given(st.floats(0.01, 1e6), st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_arrivals_are_a_poisson_process(rate: float, seed: int) -> None:
    times = arrivals(rate, 4000, seed)
    gaps = np.diff(times, prepend=0.0) * rate
    assert (gaps >= 0).all()
    assert abs(gaps.mean() - 1) < 6 / 4000**0.5  # six standard errors
    assert 0.8 < gaps.std() < 1.2  # equal gaps have none
    assert np.array_equal(times, arrivals(rate, 4000, seed))
    assert not np.array_equal(times, arrivals(rate, 4000, seed + 1))


def test_an_open_loop_sends_at_the_times_that_are_due() -> None:
    calls = Calls(0.01)
    before = time.perf_counter()
    sample = open_loop(calls, rate=200, count=60, warmup=5, seed=7)
    due = arrivals(200, 65, 7)
    assert min(calls.starts[n] - before - due[n] for n in range(65)) >= 0
    assert 0 < sample.seconds <= time.perf_counter() - before
    assert min(sample.latencies_ms) >= 10
    assert sample.held == 0


def test_an_open_loop_does_not_wait_for_answers() -> None:
    together = threading.Barrier(40)  # passes only when so many are there at once
    sample = open_loop(lambda _: together.wait(timeout=60), rate=400, count=40, warmup=0, seed=1)
    assert sample.errors == 0
    assert sample.held == 0


def test_latency_counts_from_when_a_request_was_due() -> None:
    # One thread, and ten times more requests than it can send: each waits for those before it.
    sample = open_loop(Calls(0.01), rate=1000, count=20, warmup=0, seed=5, most_threads=1)
    ends = np.array(sample.latencies_ms) + arrivals(1000, 20, 5) * 1e3
    assert (ends >= 10 * np.arange(1, 21)).all()
    assert sample.held >= 15


@pytest.fixture
def interrupts() -> Iterator[None]:
    """Ctrl-C reaches the tests also where they run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("kind", ["closed", "open"])
def test_nothing_more_is_sent_after_ctrl_c(kind: str, interrupts: None) -> None:
    calls = Calls(0.02)

    def call(i: int) -> None:
        if i == 5:
            os.kill(os.getpid(), signal.SIGINT)
        calls(i)

    with pytest.raises(KeyboardInterrupt):
        if kind == "closed":
            closed_loop(call, concurrency=2, count=10_000, warmup=0)
        else:
            open_loop(call, rate=100, count=10_000, warmup=0, seed=1)
    sent = len(calls.numbers)
    time.sleep(0.1)
    assert 5 <= sent == len(calls.numbers) < 10_000


@pytest.mark.parametrize(
    ("changed", "named"),
    [({"concurrency": 0}, "concurrency"), ({"count": 0}, "count"), ({"warmup": -1}, "warmup")],
)
def test_senseless_numbers_are_refused(changed: dict[str, int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        closed_loop(Calls(), **({"concurrency": 1, "count": 1, "warmup": 0} | changed))


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_a_senseless_rate_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        open_loop(Calls(), rate=rate, count=1, warmup=0, seed=0)
