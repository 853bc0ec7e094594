"""Whole comparisons of a tiny pipeline, through the command: every mode, and every early end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from perf.compare.plan import effort, legs_of, rate_legs
from perf.result import Load, Result, load
from perf.scenario import load_scenario

ROOT = Path(__file__).parents[3]
REPOSITORY = ROOT / "model_repository"
Scenario = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("server_environment")


def check_every_leg(result: Result, path: Path) -> None:
    """All legs that were planned with perf_analyzer are there, measured by what they say."""
    scenario = load_scenario(path)
    planned = legs_of(scenario, analyzer=True)
    found = [each.leg for each in result.legs]
    assert found[: len(planned)] == planned
    rates = [leg for leg in found if leg.load.kind == "request_rate"]
    assert found[len(planned) :] == rates
    assert len(rates) == len(rate_legs(scenario, 1.0, analyzer=True))
    assert "2." in result.software["perf_analyzer"]
    for each in result.legs:
        assert each.failure is None, (str(each.leg), each.failure)
        assert len(each.rounds) == scenario.rounds
        for made in each.rounds:
            assert len(made.latencies_ms) == effort(scenario, each.leg).count, str(each.leg)
            assert made.errors == 0, (str(each.leg), made.first_error)
            parts = {use.part: use for use in made.processes}
            # perf_analyzer is a process of its own, which has ended; the loader is in this one.
            analyzed = each.leg.loader == "perf_analyzer"
            assert (parts["client"].processes == 0) == analyzed, str(each.leg)
            assert parts["client"].cpu_ms > 0
            if each.leg.mode == "in-process":
                assert not made.steps
            else:
                steps = {step.model: step for step in made.steps}
                fused = each.leg.mode == "fused"
                wanted = {"split_double"} if fused else {"split", "double"}
                assert set(steps) == wanted, str(each.leg)
                first = "split_double" if fused else "split"
                assert steps[first].calls == pytest.approx(1, abs=0.01), str(each.leg)
                assert parts[first].processes == 2
            assert ("gateway" in parts) == each.leg.mode.startswith("services")
            assert "tiny_bls" not in parts or each.leg.mode == "bls"
            answers_whole = each.leg.mode in ("ensemble", "fused", "bls", "services")
            assert (made.server_ms is not None) == answers_whole


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_every_mode_is_measured_and_perf_analyzer_drives_what_it_can(
    tiny: Path, scenario: Scenario, tmp_path: Path
) -> None:
    path = scenario(request_rate="[0.5]", variants="[http, shared-memory]")
    done = run("compare", path, "--repository", tiny, "--out", tmp_path / "out")
    # One round says nothing of the spread, so no leg has a figure yet, and the exit code says so.
    assert done.returncode == 1, done.stderr
    assert "measured once only" in done.stderr
    assert "Traceback" not in done.stderr
    result = load(tmp_path / "out" / "result.json")
    assert result.unfinished is None
    check_every_leg(result, path)


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_a_pipeline_that_answers_in_pieces_is_measured_to_the_last(
    tiny: Path, scenario: Scenario, tmp_path: Path
) -> None:
    family = tmp_path / "saying"
    family.mkdir()
    (family / "family.py").touch()
    (family / "usage.py").write_text(
        "from repository.usage import Usage\n"
        "USAGE = {'say': Usage(words='Say.', varying=('asked',))}\n"
    )
    path = scenario(
        pipeline="say",
        requests="[{text: {file: one.txt}}, {text: {file: two.txt}}]",
        modes="[ensemble, chained, in-process]",
        request_rate="[0.5]",
        variants="[http, shared-memory]",
    )
    done = run(
        *("compare", path, "--repository", tiny, "--out", tmp_path / "out"),
        *("--family", f"path:{family}"),
    )
    assert done.returncode == 1 and "measured once only" in done.stderr, done.stderr
    assert "left out: http, shared-memory; 'say' answers in pieces" in done.stderr
    result = load(tmp_path / "out" / "result.json")
    assert result.unfinished is None
    legs = [(each.leg.mode, each.leg.loader, each.leg.load.kind) for each in result.legs]
    assert sorted(legs) == [
        ("ensemble", "loader", "concurrency"),
        ("ensemble", "perf_analyzer", "concurrency"),
        ("ensemble", "perf_analyzer", "request_rate"),
        ("in-process", "loader", "concurrency"),
    ]
    for each in result.legs:
        assert each.failure is None, (str(each.leg), each.failure)
        (made,) = each.rounds
        assert made.errors == 0 and made.server_ms is None and not made.steps
        assert len(made.latencies_ms) >= 4


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_rounds_of_every_mode_give_figures(tiny: Path, scenario: Scenario, tmp_path: Path) -> None:
    path = scenario(
        request_rate="[0.3]",
        variants="[http, shared-memory]",
        concurrency="[1, 2]",
        rounds="3",
        count="40",
        spread_limit="1",
        cold_starts="1",
    )
    done = run("compare", path, "--repository", tiny, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    result = load(tmp_path / "out" / "result.json")
    check_every_leg(result, path)
    assert all(result.doubt(leg) is None for leg in result.legs)
    assert {each.mode for each in result.cold_starts} == {"ensemble", "services", "in-process"}


@pytest.mark.sampled(1)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "Ctrl-C"])
def test_what_was_measured_is_kept_and_no_server_is_left(
    tiny: Path, scenario: Scenario, tmp_path: Path, how: signal.Signals
) -> None:
    path = scenario(modes="[chained, in-process]", rounds="1000", cold_starts="1")
    with running("compare", path, "--repository", tiny, "--out", tmp_path / "out") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "round 2 of 1000" in line:
                break
        [server] = tritons(process)
        # A terminal sends Ctrl-C to every process of the group.
        os.killpg(process.pid, how) if how == signal.SIGINT else process.kill()
        said = process.stderr.read()
        assert process.wait(60) == (130 if how == signal.SIGINT else -signal.SIGKILL)
    _, alive = psutil.wait_procs([server], timeout=60)
    assert not alive
    result = load(tmp_path / "out" / "result.json")
    assert all(each.rounds for each in result.legs)
    assert result.unfinished is not None
    if how == signal.SIGINT:
        assert "Traceback" not in said
        assert f"what was measured is in {tmp_path / 'out' / 'result.json'}." in said
        assert "interrupted" in result.unfinished


@pytest.mark.thorough
def test_a_server_that_dies_fails_its_legs_and_the_others_go_on(
    tiny: Path, scenario: Scenario, tmp_path: Path
) -> None:
    path = scenario(modes="[chained, in-process]", rounds="60", spread_limit="1")
    with running("compare", path, "--repository", tiny, "--out", tmp_path / "out") as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "round 2 of 60" in line:
                break
        [server] = tritons(process)
        server.kill()
        said = process.stderr.read()
        assert process.wait(100) == 1, said
    assert "Traceback" not in said
    legs = {each.leg.mode: each for each in load(tmp_path / "out" / "result.json").legs}
    assert legs["in-process"].failure is None
    assert len(legs["in-process"].rounds) == 60
    assert legs["chained"].failure
    assert 1 <= len(legs["chained"].rounds) < 60


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "perf", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=550)


@contextlib.contextmanager
def running(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "perf", *map(str, arguments)]
    process = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def tritons(process: subprocess.Popen[str]) -> list[psutil.Process]:
    found = []
    for each in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if each.name() == "tritonserver":
                found.append(each)
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_eye_as_an_ensemble_beats_separate_services_and_fused_beats_that(
    tmp_path: Path,
) -> None:
    done = run("compare", "vision", "--repository", REPOSITORY, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    measured = [
        each
        for each in load(tmp_path / "out" / "result.json").legs
        if each.leg.load == Load(kind="concurrency", value=1)
    ]
    p50 = {(each.leg.mode, each.leg.loader): each.percentile(50) for each in measured}
    for loader in ("perf_analyzer", "loader"):
        one = p50["ensemble", loader]
        assert one <= 0.6 * p50["services", loader], p50
        assert p50["fused", loader] < one, p50
