import threading
import time

import pytest

from perf.errors import PerfError
from perf.measure.timing import Timing, interleave, ratios, throughput
from perf.readme import fenced, fill


def test_legs_take_turns_and_warm_up_is_left_out() -> None:
    calls: list[str] = []
    timings = interleave(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=3, warmup=1
    )
    assert calls == ["a", "b"] * 4
    assert {name: len(timing.seconds) for name, timing in timings.items()} == {"a": 3, "b": 3}


def test_in_a_burst_the_first_run_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    now = 0.0

    def leg() -> None:
        nonlocal now
        now += 1.0 if calls else 100.0
        calls.append("a")

    monkeypatch.setattr(time, "perf_counter", lambda: now)
    (timing,) = interleave({"a": leg}, rounds=2, warmup=0, burst=3).values()
    assert calls == ["a"] * 8
    assert timing.seconds == (1.0, 1.0), "the slow first one is left out"


def test_ratios_pair_the_rounds() -> None:
    ratio = ratios(Timing((1.0, 4.0, 9.0)), Timing((2.0, 4.0, 3.0)))
    assert ratio.seconds == (0.5, 1.0, 3.0)
    assert ratio.median == 1.0


def test_spread_is_the_interquartile_range_over_the_median() -> None:
    assert Timing((1.0, 1.0, 1.0, 1.0)).spread == 0
    assert Timing((1.0, 2.0, 3.0)).spread == pytest.approx(1.0)


def test_throughput_counts_errors_and_keeps_requests_under_way() -> None:
    together = threading.Barrier(4)  # passes only when so many are there at once
    assert throughput(lambda: together.wait(timeout=60), 12, 4)[1] == 0
    alone, _ = throughput(lambda: time.sleep(0.02), 12, 1)
    assert alone <= 50

    def fail() -> None:
        raise OSError("refused")

    assert throughput(fail, 5, 2)[1] == 5


def test_a_block_is_replaced_and_a_missing_one_named() -> None:
    text = "a\n<!-- output: x -->\nold\n<!-- end -->\nb"
    assert fill(text, "x", "new\n") == "a\n<!-- output: x -->\nnew\n<!-- end -->\nb"
    assert fill(fill(text, "x", "new"), "x", "newer") == fill(text, "x", "newer")
    with pytest.raises(PerfError, match="output: y"):
        fill(text, "y", "new")
    assert fenced("a  \nb\n\n") == "```text\na\nb\n```"
