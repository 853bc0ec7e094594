"""The statistics of a real Triton, turned into times of a request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from perf.errors import LegFailed
from perf.measure.accounting import Accounting, Counts, server_ms, steps
from perf.measure.endpoint import Endpoint
from perf.measure.loader import closed_loop
from runtime.server.server import LocalServer
from tests.perf.fixtures import WriteModel, WritePair

REQUESTS = [{"x": np.array([1], np.float32)}]
REFUSED = [{"x": np.array([-1], np.float32)}]
ZERO = Counts(0, 0, 0, 0, 0, 0, 0)


@pytest.fixture(scope="module")
def server(
    triton: LocalServer, write_model: WriteModel, write_pair: WritePair
) -> Iterator[LocalServer]:
    write_model(triton.repository, "sleeper", work="time.sleep(0.02)")
    write_model(triton.repository, "echo")
    write_pair(triton.repository, "pair", "echo", "sleeper")
    triton.control.load("pair")
    yield triton


@pytest.fixture
def accounting(server: LocalServer) -> Accounting:
    return Accounting(dict.fromkeys(("pair", "echo", "sleeper"), server.grpc))


def test_steps_are_counted_and_timed_for_one_request(
    server: LocalServer, accounting: Accounting
) -> None:
    with Endpoint(server.grpc, "pair", REQUESTS) as endpoint:
        endpoint(0)
        before = accounting.snapshot()
        sample = closed_loop(endpoint, concurrency=12, count=12, warmup=0)
        after = accounting.snapshot()
    echo, sleeper = steps(before, after, 12, leave_out=["pair"])
    assert (echo.model, echo.calls) == ("echo", 1)
    assert (sleeper.model, sleeper.calls) == ("sleeper", 1)
    assert sleeper.compute_infer_us >= 20_000
    assert 0 < echo.compute_infer_us < sleeper.compute_infer_us
    # All at once before one instance: each waits for the 20 ms of those before it, 110 on average.
    assert sleeper.queue_us >= 20_000
    inside = server_ms(before, after, "pair")
    assert inside is not None
    assert 20 <= inside <= np.mean(sample.latencies_ms)
    assert sleeper.total_us + echo.total_us <= inside * 1e3 * 1.05


def test_every_answer_is_counted_at_once(server: LocalServer, accounting: Accounting) -> None:
    with Endpoint(server.grpc, "echo", REQUESTS) as endpoint:
        for _ in range(5):  # Triton counts a request a moment after its answer
            before = accounting.snapshot()
            endpoint(0)
            assert accounting.snapshot()["echo"].success == before["echo"].success + 1


def test_failed_requests_have_no_time_of_their_own(
    server: LocalServer, accounting: Accounting
) -> None:
    before = accounting.snapshot()
    with Endpoint(server.grpc, "pair", REFUSED) as endpoint:
        assert closed_loop(endpoint, concurrency=1, count=3, warmup=0).errors == 3
    after = accounting.snapshot()
    assert after["pair"].fail > before["pair"].fail
    assert server_ms(before, after, "pair") is None
    echo, sleeper = steps(before, after, 3, leave_out=["pair"])
    assert (echo.calls, sleeper.calls) == (1, 0)


def test_counts_that_fell_are_an_error(server: LocalServer, write_model: WriteModel) -> None:
    write_model(server.repository, "lone")
    server.control.load("lone")
    accounting = Accounting({"lone": server.grpc})
    with Endpoint(server.grpc, "lone", REQUESTS) as endpoint:
        endpoint(0)
    before = accounting.snapshot()
    server.control.unload("lone")
    server.control.load("lone")
    after = accounting.snapshot()
    for read in (lambda: steps(before, after, 1), lambda: server_ms(before, after, "lone")):
        with pytest.raises(LegFailed, match=r"'lone' fell during .* started again"):
            read()


def test_a_model_or_server_that_is_not_there_is_told(server: LocalServer) -> None:
    with pytest.raises(LegFailed, match=r"no statistics of model 'nope': .*'nope'"):
        Accounting({"nope": server.grpc}).snapshot()
    with pytest.raises(LegFailed, match=r"no server answers at 127\.0\.0\.1:1$"):
        Accounting({"echo": "127.0.0.1:1"}).snapshot()


def test_times_are_shared_among_the_requests() -> None:
    after = {"a": Counts(8, 4_000_000, 2, 1_000_000, 2_000_000, 3_000_000, 4_000_000)}
    (step,) = steps({"a": ZERO}, after, 4)
    assert step.calls == 2.5
    assert (step.queue_us, step.compute_input_us) == (250, 500)
    assert (step.compute_infer_us, step.compute_output_us) == (750, 1000)
    assert server_ms({"a": ZERO}, after, "a") == 0.5


def test_snapshots_that_do_not_fit_are_refused() -> None:
    with pytest.raises(LegFailed, match="'b'"):
        steps({"a": ZERO}, {"a": ZERO, "b": ZERO}, 1)
    with pytest.raises(ValueError, match="at least 1"):
        steps({"a": ZERO}, {"a": replace(ZERO, success=1)}, 0)
