"""The soak: an hour of a mild, mixed load, at the end of which the server is as it was.

The variable SOAK_SECONDS makes it shorter, to try it.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime.server.server import LocalServer
from runtime.watch import stubs
from tests.runtime.serving import FREE_PORTS, Serving
from tests.soak.growth import LEAST
from tests.soak.kinds import PIPELINES
from tests.soak.process import NoServer
from tests.soak.soak import Outcome, Plan, soak

SECONDS = float(os.environ.get("SOAK_SECONDS", "3600"))


@pytest.fixture
def served(asr_repository: Path, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The addresses, HTTP and gRPC, of what ``make serve`` starts."""
    serving = Serving([str(asr_repository), *FREE_PORTS], tmp_path / "serve.log")
    try:
        serving.wait_until_ready()
        yield serving.address("HTTP").removeprefix("http://"), serving.address("gRPC")
    finally:
        serving.end()


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 600)
def test_an_hour_of_a_mild_load_leaves_the_server_as_it_was(
    served: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def show(line: str) -> None:
        with capsys.disabled():
            print(line, flush=True)

    kill_every = min(240.0, SECONDS / 4)
    plan = Plan(*served, seconds=SECONDS, file=tmp_path / "soak.jsonl", kill_every=kill_every)
    outcome = soak(plan, show)
    assert outcome.faults == ()
    assert outcome.seconds >= SECONDS and len(outcome.samples) >= LEAST
    for pipeline in PIPELINES:
        assert outcome.counts[f"{pipeline} over gRPC"] and outcome.counts[f"{pipeline} over HTTP"]
    assert outcome.counts["stubs killed and replaced"]


MODEL = """
class TritonPythonModel:
    def execute(self, requests):
        return [None for _ in requests]
"""
CONFIG = """
backend: "python"
input { name: "in" data_type: TYPE_FP32 dims: 1 }
output { name: "out" data_type: TYPE_FP32 dims: 1 }
instance_group { kind: KIND_CPU }
"""


@pytest.mark.thorough
def test_a_stub_or_a_server_that_goes_is_told_with_what_was_under_way(
    serve: Callable[..., LocalServer], tmp_path: Path
) -> None:
    """Killed in the middle of a soak that only asks for its health."""
    (tmp_path / "models/toy/1").mkdir(parents=True)
    (tmp_path / "models/toy/1/model.py").write_text(MODEL)
    (tmp_path / "models/toy/config.pbtxt").write_text(CONFIG)
    triton = serve(tmp_path / "models")
    file, told = tmp_path / "soak.jsonl", []
    plan = Plan(
        triton.http,
        triton.grpc,
        seconds=600.0,
        file=file,
        pause=0.0,
        kill_every=0.0,
        sample_every=0.5,
        weights={"health": 1},
    )
    seen: list[Outcome] = []
    sampled, missed = threading.Event(), threading.Event()

    def show(line: str) -> None:
        told.append(line)
        if "answers" in line:
            sampled.set()
        if "nobody killed it" in line:
            missed.set()

    soaking = threading.Thread(target=lambda: seen.append(soak(plan, show)))
    soaking.start()
    assert sampled.wait(120)
    (stub,) = stubs.running(triton.pid)
    os.kill(stub.pid, signal.SIGKILL)
    assert missed.wait(120)
    os.kill(triton.pid, signal.SIGKILL)
    soaking.join(120)
    (outcome,) = seen
    assert outcome.seconds < 600 and any("gone" in each for each in outcome.faults)
    assert any(f"stub of toy_0_0, process {stub.pid}, has ended" in line for line in told)
    (gone,) = [line for line in told if "THE SERVER IS GONE" in line]
    assert f"process {triton.pid} has ended" in gone and "health over " in gone
    events = [json.loads(line) for line in file.read_text().splitlines()]
    (written,) = [each for each in events if each["event"] == "gone"]
    assert written["under_way"] or written["last"]
    assert events[0]["event"] == "start" and events[-1]["event"] == "end"
    assert any(each["event"] == "sample" and each["descriptors"] > 0 for each in events)


def test_without_such_a_server_one_sentence() -> None:
    with pytest.raises(NoServer, match="no tritonserver with --http-port=1 on this machine"):
        soak(Plan("127.0.0.1:1", "127.0.0.1:2", 1.0, Path("never-written")), print)
    assert not Path("never-written").exists()
