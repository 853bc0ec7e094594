"""Tuning on a real server, of models whose best settings are known."""

from __future__ import annotations

import csv
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import yaml

from perf.errors import PerfError
from perf.scenario import Scenario
from perf.tune import Tuned, patch, save, tune
from runtime.machine.environment import ServerEnvironment

from .conftest import FIXED_PACE

Nap = Callable[..., tuple[Path, Scenario]]


def guards() -> set[int]:
    """The servers that this process has under way, which other tests may share."""
    children = psutil.Process().children()
    return {each.pid for each in children if "guard" in " ".join(each.cmdline())}


def run(
    made: tuple[Path, Scenario], environment: ServerEnvironment, **options: object
) -> tuple[Tuned, list[str]]:
    lines: list[str] = []
    settings = {
        "budget_seconds": 40.0,
        "measurement_seconds": 0.2,
        "loader": "loader",
        "report": lines.append,
    } | options
    repository, scenario = made
    return tune(repository, "nap", scenario, environment=environment, **settings), lines  # type: ignore[arg-type]


@pytest.mark.thorough
def test_a_model_that_sleeps_gets_more_instances_and_one_that_does_not_load_says_why(
    nap: Nap, server_environment: ServerEnvironment, tmp_path: Path
) -> None:
    made = nap(
        initialize="""if '"count":3' in args["model_config"]:
            raise ValueError("no room for three")"""
    )
    others = guards()
    before = {path: path.read_bytes() for path in made[0].rglob("*") if path.is_file()}
    tuned, lines = run(made, server_environment)
    assert tuned.winner is not None and (tuned.winner.settings.instances or 0) >= 2, str(tuned)
    assert tuned.winner.gain(tuned.rows[0], "throughput").low > 1
    assert not any(row.errors for row in tuned.rows)
    (three,) = [row for row in tuned.rows if row.settings.instances == 3]
    assert "does not load" in (three.failure or "") and "no room for three" in (three.failure or "")
    assert not three.samples and str(tuned).count("no room for three") == 1
    assert len(lines) > 4 and any("no room for three" in line for line in lines)

    save(tuned, tmp_path / "nap-patch.yaml")
    written = yaml.safe_load((tmp_path / "nap-patch.yaml").read_text())
    assert written["models"]["nap"]["instances"] == tuned.winner.settings.instances
    with (tmp_path / "nap-patch.csv").open() as file:
        assert len(list(csv.DictReader(file))) == len(tuned.rows)
    assert "(winner)" in (tmp_path / "nap-patch.md").read_text()
    assert {path: path.read_bytes() for path in made[0].rglob("*") if path.is_file()} == before
    assert guards() == others


@pytest.mark.thorough
def test_where_nothing_helps_the_present_settings_stay_and_an_old_patch_goes(
    nap: Nap, server_environment: ServerEnvironment, tmp_path: Path
) -> None:
    tuned, _ = run(nap(work=FIXED_PACE), server_environment, concurrency=2)
    assert tuned.is_decided
    assert tuned.winner is None, str(tuned)
    assert "present settings of 'nap' stay" in tuned.verdict()
    out = tmp_path / "patch.yaml"
    out.write_text(f"{patch.MARK}\nmodels: {{nap: {{instances: 4}}}}\n")
    written = save(tuned, out)
    assert not out.exists() and sorted(path.suffix for path in written) == [".csv", ".md"]


def test_ctrl_c_keeps_what_is_known_and_ends_the_server(
    nap: Nap, server_environment: ServerEnvironment, tmp_path: Path
) -> None:
    others = guards()
    seen: list[str] = []

    def report(line: str) -> None:
        seen.append(line)
        if len(seen) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    tuned, _ = run(nap(), server_environment, report=report)
    assert tuned.interrupted and tuned.winner is None
    assert tuned.verdict() == "Nothing was decided about 'nap': it was interrupted."
    assert sum(bool(row.samples) for row in tuned.rows) >= 2
    assert [path.suffix for path in save(tuned, tmp_path / "patch.yaml")] == [".md", ".csv"]
    assert guards() == others
    assert not [t for t in threading.enumerate() if t.name.startswith("loader")]


def test_a_budget_too_small_to_compare_anything_is_one_sentence(
    nap: Nap, server_environment: ServerEnvironment
) -> None:
    with pytest.raises(PerfError, match=r"budget of 0 s is too small.*Give at least"):
        run(nap(), server_environment, budget_seconds=0.1)


def test_present_settings_that_give_errors_are_named(
    nap: Nap, server_environment: ServerEnvironment
) -> None:
    broken = 'raise pb.TritonModelException("out of order")'
    with pytest.raises(PerfError, match=r"present settings gave \d+ errors.*out of order"):
        run(nap(work=broken), server_environment)
