"""Whatever requests run beside each other, each gets the answer that it gets alone."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.decoder.stages.running import scheduler as module
from tests.builders.decoder.running.remembering import (
    STEP,
    TOKEN,
    VOCAB,
    Asked,
    Closed,
    Full,
    Remembering,
    answer_alone,
    scheduler,
)

CONTEXT = 48
MINUTE = 60

ENDLESS = 1_000_000
"""Tokens of an answer that no test sees the end of: each takes longer than the one before."""

tokens = st.integers(0, VOCAB - 1)
beginnings = st.sampled_from([[], [1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7, 8], [9] * 12])
prompts = st.builds(
    lambda first, rest: [*first, *rest], beginnings, st.lists(tokens, min_size=1, max_size=20)
)
requests = st.builds(
    lambda prompt, count, until: (prompt, min(count, CONTEXT - len(prompt)), until),
    prompts,
    st.integers(1, 16),
    st.integers(-8, 8),
)


@given(st.lists(requests, min_size=1, max_size=12), st.integers(1, 5))
def test_each_answer_is_the_one_that_it_gets_alone(
    asked: list[tuple[list[int], int, int]], slots: int
) -> None:
    graph = Remembering(slots, CONTEXT)
    runs = scheduler(graph)
    jobs = [Asked(*each) for each in asked]
    for job in jobs:
        runs.add(job)
    assert all(job.ended.wait(MINUTE) for job in jobs)
    runs.close()
    for job in jobs:
        assert job.error is None
        alone = answer_alone(job.prompt, job.count)
        if job.until < 0 or job.until > job.count:
            assert job.tokens == alone
        assert job.tokens == alone[: len(job.tokens)]


def _answered(runs: module.Scheduler, *jobs: Asked) -> None:
    for job in jobs:
        runs.add(job)
    for job in jobs:
        assert job.ended.wait(MINUTE)
        assert job.error is None


def test_a_shared_beginning_is_computed_once() -> None:
    graph = Remembering(4, 300)
    runs = scheduler(graph)
    system = list(np.random.default_rng(3).integers(0, VOCAB, 200))
    first, second, third = (Asked([*system, each], 3) for each in (5, 6, 7))
    _answered(runs, first)
    computed = graph.computed
    _answered(runs, second, third)
    runs.close()
    assert (first.cached, second.cached, third.cached) == (0, 200, 200)
    assert graph.computed == computed + 2
    assert second.tokens == answer_alone(second.prompt, 3)


def test_a_request_that_runs_lends_its_beginning_too() -> None:
    graph = Remembering(2, ENDLESS)
    runs = scheduler(graph)
    long = Asked([1] * 100, ENDLESS // 2)
    runs.add(long)
    assert long.first.wait(MINUTE)
    other = Asked([*[1] * 100, 2], 2)
    _answered(runs, other)
    assert not long.ended.is_set()
    runs.close()
    assert other.cached == 100
    assert other.tokens == answer_alone(other.prompt, 2)


def test_the_same_prompt_again_computes_its_last_token() -> None:
    graph = Remembering(2, 100)
    runs = scheduler(graph)
    one, again = Asked([4] * 30, 5), Asked([4] * 30, 5)
    _answered(runs, one)
    _answered(runs, again)
    runs.close()
    assert again.cached == 29
    assert again.tokens == one.tokens


def test_a_conversation_goes_on_from_its_last_answer() -> None:
    graph = Remembering(3, 200)
    runs = scheduler(graph)
    one = Asked([3, 1, 4], 10)
    _answered(runs, one)
    turn = Asked([*one.prompt, *one.tokens, 5, 9], 4)
    _answered(runs, turn)
    runs.close()
    # The last token of an answer was never put into the cache.
    assert turn.cached == 12
    assert turn.tokens == answer_alone(turn.prompt, 4)


def test_one_more_than_may_wait_is_refused() -> None:
    graph = Remembering(1, ENDLESS)
    runs = scheduler(graph, waiting=2)
    running = Asked([1], ENDLESS // 2)
    runs.add(running)
    assert running.first.wait(MINUTE)
    waiting = [Asked([2], 1), Asked([3], 1)]
    for job in waiting:
        runs.add(job)
    with pytest.raises(Full):
        runs.add(Asked([4], 1))
    runs.close()
    assert isinstance(running.error, Closed)
    assert all(isinstance(each.error, Closed) for each in waiting)
    with pytest.raises(Closed):
        runs.add(Asked([5], 1))


def test_a_failed_step_fails_its_requests_and_no_later_one() -> None:
    graph = Remembering(2, 100)
    runs = scheduler(graph)
    graph.broken = 1
    lost = Asked([1, 2], 5)
    runs.add(lost)
    assert lost.ended.wait(MINUTE)
    assert str(lost.error) == "the graph cannot go on"
    after = Asked([1, 2], 5)
    _answered(runs, after)
    runs.close()
    assert after.cached == 0
    assert after.tokens == answer_alone([1, 2], 5)


def answering(graph: Remembering, monkeypatch: pytest.MonkeyPatch) -> module.Scheduler:
    """A scheduler by the graph's clock, with a long answer under way."""
    monkeypatch.setattr(module, "perf_counter", lambda: graph.now)
    runs = scheduler(graph)
    answer = Asked([1], ENDLESS // 2)
    runs.add(answer)
    assert answer.first.wait(MINUTE)
    return runs


def test_no_answer_stands_still_for_more_than_three_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Remembering(4, ENDLESS)
    runs = answering(graph, monkeypatch)
    random = np.random.default_rng(1)
    lengths = (3000, 5, 700, 1, 40, 40, 40, 2000)
    prompts = [Asked(random.integers(0, VOCAB, each).tolist(), 1) for each in lengths]
    for prompt in prompts:
        runs.add(prompt)
    for prompt in prompts:
        assert prompt.ended.wait(MINUTE)
        assert prompt.tokens == answer_alone(prompt.prompt, 1)
    runs.close()
    waits = np.diff(graph.stepped)
    assert len(waits) > 100
    assert waits.max() <= 3 * STEP


def test_a_step_that_was_held_up_makes_no_piece_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Remembering(2, ENDLESS)
    runs = answering(graph, monkeypatch)
    graph.held_up = dict.fromkeys(range(50, 5000, 50), 40 * STEP)
    prompt = Asked([1] * 3000, 1)
    runs.add(prompt)
    assert prompt.ended.wait(MINUTE)
    runs.close()
    pieces = [length for kind, length in graph.log if kind == "extend"][1:]
    assert len(pieces) > 100
    assert max(pieces) <= 2 * STEP / TOKEN


def test_slots_of_answers_draw_together() -> None:
    graph = Remembering(8, 4000)
    runs = scheduler(graph)
    short = [Asked([each], 50) for each in range(7)]
    lasting = Asked([8], 3000)
    for job in (*short, lasting):
        runs.add(job)
    assert lasting.ended.wait(MINUTE)
    runs.close()
    assert lasting.tokens == answer_alone([8], 3000)
    assert [count for kind, count in graph.log if kind == "step"][-1] == 1
    two = [count for kind, count in graph.log if kind == "step"]
    assert max(two) <= 8


class Held(Asked):
    """A job whose prompt is computed only when others are there."""

    def __init__(self, prompt: list[int], count: int) -> None:
        super().__init__(prompt, count)
        self.others = threading.Event()

    def rows(self, first: int, last: int) -> np.ndarray:
        assert self.others.wait(MINUTE)
        return super().rows(first, last)


def _together(runs: module.Scheduler, *lengths: int) -> list[Asked]:
    """Prompts of so many tokens that come while the first of them is begun."""
    random = np.random.default_rng(2)
    made = [random.integers(0, VOCAB, each).tolist() for each in lengths]
    held = Held(made[0], 20)
    jobs: list[Asked] = [held, *(Asked(each, 20) for each in made[1:])]
    for job in jobs:
        runs.add(job)
    held.others.set()
    for job in jobs:
        assert job.ended.wait(MINUTE)
        assert job.tokens == answer_alone(job.prompt, 20)
    runs.close()
    return jobs


def test_prompts_that_come_together_are_computed_whole_before_any_answer_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph = Remembering(4, 400)
    monkeypatch.setattr(module, "perf_counter", lambda: graph.now)
    monkeypatch.setattr(module, "GATHER", 60)
    _together(scheduler(graph), 40, 90, 5, 200)
    assert graph.log[:4] == [("extend", 40), ("extend", 90), ("extend", 5), ("extend", 200)]
    assert graph.log[4] == ("step", 4)


def test_an_answer_waits_for_no_long_prompt_that_came_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    graph = Remembering(4, 4000)
    monkeypatch.setattr(module, "perf_counter", lambda: graph.now)
    monkeypatch.setattr(module, "GATHER", 15)
    _together(scheduler(graph), 40, 60, 3000, 20)
    assert graph.log[:3] == [("extend", 40), ("extend", 60), ("step", 2)]
    # Both answers last longer than that.
    assert np.diff(graph.stepped)[:15].max() <= 3 * STEP


def test_a_prompt_that_fails_among_others_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Remembering(4, 400)
    runs = scheduler(graph)
    first, lost, last = Held([1] * 9, 3), Asked([2] * 9, 3), Asked([3] * 9, 3)
    monkeypatch.setattr(lost, "rows", lambda *_: 1 / 0)
    for job in (first, lost, last):
        runs.add(job)
    first.others.set()
    assert all(job.ended.wait(MINUTE) for job in (first, lost, last))
    runs.close()
    assert isinstance(lost.error, ZeroDivisionError)
    for job in (first, last):
        assert job.error is None and job.tokens == answer_alone(job.prompt, 3)
