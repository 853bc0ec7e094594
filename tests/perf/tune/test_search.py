"""The search, on measurements whose truth is known."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf.errors import LegFailed
from perf.measure.loader import Sample
from perf.tune.search import Search
from perf.tune.settings import Settings
from perf.tune.space import Bounds, blocks

PRESENT = Settings(instances=4, threads=1)
BOUNDS = Bounds(under_way=16, cores=4)
Truth = Callable[[Settings], float]


class Bench:
    """Measures in no time: a clock that measurements wind on, and rates with noise."""

    def __init__(self, truth: Truth, noise: float = 0.0, seed: int = 0, seconds: float = 3) -> None:
        self.now = 0.0
        self.calls: list[Settings] = []
        self._truth, self._noise, self._seconds = truth, noise, seconds
        self._random = random.Random(seed)

    def measure(self, settings: Settings) -> Sample:
        self.now += self._seconds
        self.calls.append(settings)
        rate = self._truth(settings) * self._random.lognormvariate(0, self._noise)
        return Sample(latencies_ms=(4e3 / rate,) * 100, seconds=100 / rate)

    def search(self, budget: float = 120, present: Settings = PRESENT, **options: object) -> Search:
        return Search(
            present,
            self.measure,
            "throughput",
            self.now + budget,
            clock=lambda: self.now,
            **options,  # type: ignore[arg-type]
        )


def peak(instances: int, threads: int, height: float = 1.3) -> Truth:
    """1 everywhere, and more the nearer to the peak."""
    return lambda s: (
        1
        + (height - 1)
        / (1 + abs((s.instances or 0) - instances) + 2 * abs((s.threads or 0) - threads))
    )


@given(
    count=st.sampled_from([1, 2, 3, 4, 6, 8]),
    threads=st.sampled_from([1, 2]),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=60, deadline=None)
def test_the_optimum_is_found_within_the_budget(count: int, threads: int, seed: int) -> None:
    if count * threads > 8 or (count, threads) == (4, 1):
        return
    bench = Bench(peak(count, threads, 2.0), noise=0.03, seed=seed)
    winner = bench.search(budget=180).run(blocks(PRESENT, BOUNDS))
    assert winner is not None
    assert winner.settings == Settings(instances=count, threads=threads)
    assert bench.now <= 180


def test_noise_alone_seldom_wins() -> None:
    wins = 0
    for seed in range(200):
        bench = Bench(lambda _: 1.0, noise=0.1, seed=seed)
        wins += bench.search().run(blocks(PRESENT, BOUNDS)) is not None
    assert wins <= 6  # 3 %


def test_a_real_gain_is_found_through_noise() -> None:
    found = 0
    for seed in range(50):
        bench = Bench(peak(2, 2, 1.4), noise=0.05, seed=seed)
        winner = bench.search(budget=180).run(blocks(PRESENT, BOUNDS))
        found += winner is not None and winner.settings == Settings(instances=2, threads=2)
    assert found >= 40


def test_a_machine_that_slows_down_meanwhile_makes_no_winner() -> None:
    bench = Bench(lambda _: 1.0)
    bench._truth = lambda _: 1 / (1 + bench.now / 60)  # three times slower after two minutes
    search = bench.search()
    winner = search.run(blocks(PRESENT, BOUNDS))
    assert winner is None


@given(budget=st.floats(1, 300), seconds=st.floats(0.1, 20), seed=st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_the_budget_is_kept_but_for_one_measurement(
    budget: float, seconds: float, seed: int
) -> None:
    bench = Bench(peak(2, 1, 1.2), noise=0.1, seed=seed, seconds=seconds)
    bench.search(budget=budget).run(blocks(PRESENT, BOUNDS))
    assert bench.now <= max(budget, seconds) + 1e-6


def test_clear_losers_end_the_search_early() -> None:
    bench = Bench(lambda s: 1.0 if s == PRESENT else 0.5)
    assert bench.search(budget=1000).run(blocks(PRESENT, BOUNDS)) is None
    tried = set(bench.calls) - {PRESENT}
    assert tried and all(bench.calls.count(each) == 1 for each in tried)


def test_a_candidate_with_errors_or_that_does_not_load_cannot_win() -> None:
    bench = Bench(lambda s: 1.0 + (s.instances or 0))
    measure = bench.measure

    def measured(settings: Settings) -> Sample:
        sample = measure(settings)
        if settings.instances == 8:
            raise LegFailed("does not load: no room")
        if settings.instances == 6:
            return Sample(sample.latencies_ms, sample.seconds, errors=1, first_error="full")
        return sample

    bench.measure = measured  # type: ignore[method-assign]
    search = bench.search(present=Settings(instances=1), budget=300)
    winner = search.run(blocks(Settings(instances=1), Bounds(under_way=8, cores=4)))
    assert winner is not None and winner.settings == Settings(instances=4)
    failures = {row.settings.instances: row.failure for row in search.rows}
    assert failures[8] == "does not load: no room"
    assert failures[6] == "1 errors, the first: full"
    assert failures[2] is None


def test_refused_settings_are_not_measured_and_say_why() -> None:
    bench = Bench(lambda s: 1.0 / (s.instances or 1))
    search = bench.search(refuse=lambda s: "one stalls" if s.instances == 1 else None)
    winner = search.run(blocks(PRESENT, BOUNDS))
    assert winner is not None and winner.settings.instances == 2
    assert all(each.instances != 1 for each in bench.calls)
    assert {row.failure for row in search.rows if row.settings.instances == 1} == {"one stalls"}


def test_what_the_budget_did_not_reach_says_so() -> None:
    bench = Bench(lambda _: 1.0)
    search = bench.search(budget=10)
    search.run(blocks(PRESENT, BOUNDS))
    assert search.ended == "the budget ended"
    assert any("not tried" in (row.failure or "") for row in search.rows)


def test_the_present_settings_must_be_measurable() -> None:
    def fail(settings: Settings) -> Sample:
        raise LegFailed("it is gone")

    bench = Bench(lambda _: 1.0)
    bench.measure = fail  # type: ignore[method-assign]
    with pytest.raises(LegFailed, match="present settings cannot be measured: it is gone"):
        bench.search().run(blocks(PRESENT, BOUNDS))


def test_latency_is_an_objective_of_its_own() -> None:
    def measure(settings: Settings) -> Sample:
        slow = settings.threads == 1
        return Sample((20.0 if slow else 10.0,) * 50, 1.0 if slow else 2.0)

    bench = Bench(lambda _: 1.0)
    search = bench.search(budget=1e9)
    search.measure, search.objective = measure, "latency"
    winner = search.run(blocks(PRESENT, BOUNDS))
    assert winner is not None and winner.settings.threads != 1
    assert winner.gain(search.rows[0], "latency").value == pytest.approx(2)


def test_a_later_block_is_laid_out_around_the_winner_of_the_one_before() -> None:
    present = Settings(1, None, 8, batching=True)
    bench = Bench(lambda s: (s.instances or 1) * (2 if s.delay_microseconds == 2000 else 1.0))
    search = bench.search(present=present, budget=400)
    winner = search.run(blocks(present, Bounds(under_way=4, cores=2)))
    assert winner is not None
    assert (winner.settings.instances, winner.settings.delay_microseconds) == (4, 2000)
