"""A measurement by the loader: what it needs to be one, and what ends it."""

from __future__ import annotations

import inspect
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pytest

from perf.compare.legs.called import Called
from perf.compare.legs.meter import measure
from perf.compare.legs.target import Effort, Target, load
from perf.errors import LegFailed, PerfError
from perf.measure.inputs import Request
from perf.measure.loader import Sample, open_loop
from perf.result import Leg, Load

SIX = Effort(count=6, warmup=2, timeout_seconds=60)


def leg(kind: Literal["concurrency", "request_rate"], value: float) -> Leg:
    return Leg(mode="in-process", load=Load(kind=kind, value=value), loader="loader")


@pytest.mark.parametrize("one", [leg("concurrency", 3), leg("request_rate", 200)], ids=str)
def test_every_request_is_sent_once_at_the_legs_load(one: Leg) -> None:
    seen: list[int] = []
    sample = load(seen.append, one, SIX)
    assert sorted(seen) == list(range(8))
    assert len(sample.latencies_ms) == 6
    assert sample.errors == 0


def test_so_many_are_under_way_at_once() -> None:
    meeting = threading.Barrier(3, timeout=60)
    sample = load(lambda i: meeting.wait(), leg("concurrency", 3), Effort(6, 0, 60))
    assert sample.errors == 0


def test_what_is_not_done_in_time_is_no_measurement() -> None:
    calls: list[int] = []

    def slow(i: int) -> None:
        calls.append(i)
        time.sleep(0.05)

    with pytest.raises(LegFailed, match=r"timeout_seconds of 0\.12") as failed:
        load(slow, leg("concurrency", 1), Effort(1000, 0, 0.12))
    assert len(calls) < 10
    assert f"{len(calls)} were" in str(failed.value)


@pytest.mark.thorough
def test_a_rate_that_the_loader_itself_could_not_keep_is_no_measurement() -> None:
    most = inspect.signature(open_loop).parameters["most_threads"].default
    every, full = itertools.count(1), threading.Event()

    def wait_until_no_more_can_be_sent(i: int) -> None:
        if next(every) == most:
            full.set()
        full.wait(60)

    with pytest.raises(LegFailed, match=r"\d+ of 300 requests could not be sent when"):
        load(wait_until_no_more_can_be_sent, leg("request_rate", 50_000), Effort(300, 0, 60))


def test_a_leg_without_an_answer_fails_with_the_first_reason() -> None:
    def refuse(i: int) -> None:
        raise PerfError("the queue is full")

    with pytest.raises(LegFailed, match="no request was answered: the queue is full"):
        load(refuse, leg("concurrency", 2), SIX)


def called(run: Callable[[Request], Mapping[str, np.ndarray]]) -> Called:
    requests: list[Request] = [{"x": np.array([n], np.float32)} for n in (1, 2)]
    return Called(requests, run=run)


def test_a_function_is_called_with_the_requests_in_turn() -> None:
    target = called(lambda request: {"y": request["x"] * 2})
    assert [float(target.outputs(i)["y"][0]) for i in range(3)] == [2, 4, 2]


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (ValueError("x is negative\nsecond line"), "x is negative"),
        (KeyError("words"), "KeyError: 'words'"),
        (MemoryError(), "MemoryError: "),
    ],
)
def test_whatever_a_pipelines_code_raises_is_a_sentence(problem: Exception, said: str) -> None:
    def run(request: Request) -> Mapping[str, np.ndarray]:
        raise problem

    with pytest.raises(PerfError) as told:
        called(run).outputs(0)
    assert str(told.value) == said


def test_a_measurement_has_the_clients_share_and_no_statistics_without_a_server() -> None:
    target = called(lambda request: {"y": request["x"]})
    made = measure(target, leg("concurrency", 1), 3, SIX)
    assert (made.number, len(made.latencies_ms), made.errors) == (3, 6, 0)
    assert (made.steps, made.server_ms) == ((), None)
    [client] = made.processes
    assert (client.part, client.processes) == ("client", 1)
    assert client.resident_mib > 1


@dataclass
class Dying(Target):
    """A mode whose process ends during the measurement."""

    process: subprocess.Popen[bytes] = field(
        default_factory=lambda: subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE
        )
    )

    def outputs(self, i: int) -> Mapping[str, np.ndarray]:
        return {}

    def sample(self, leg: Leg, effort: Effort) -> Sample:
        self.process.communicate(b"\n")
        return Sample((1.0,), 1.0)


def test_a_process_that_ended_meanwhile_makes_it_none() -> None:
    target = Dying([])
    target.parts = {"gateway": lambda: [target.process.pid]}
    with pytest.raises(LegFailed, match="a process of gateway ended during the measurement"):
        measure(target, leg("concurrency", 1), 0, SIX)
