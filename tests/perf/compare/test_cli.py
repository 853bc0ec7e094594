"""The command line as a user sees it: exit codes, one sentence each, nothing heavy at start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from perf.cli import app
from perf.errors import AnalyzerMissing
from perf.result import load
from runtime.server.server import LocalServer

Scenario = Callable[..., Path]
Serve = Callable[..., LocalServer]
COMMANDS = ("install", "compare", "report", "gate", "tune")


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


def sentence(result: Result, code: int) -> str:
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return " ".join(result.output.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_every_command_with_an_example(command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    assert "Example" in result.output


def test_nothing_heavy_is_imported_at_start() -> None:
    code = (
        "import sys, perf.cli; heavy = {'numpy', 'tritonclient', 'pydantic', 'matplotlib'}; "
        "print(heavy & sys.modules.keys())"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("orc",), "'orc': expected a scenario"),
        (("nowhere.yaml",), "found none"),
        (("ocr", "--modes", "ensembl"), "Did you mean 'ensemble'?"),
        (("ocr", "--rounds", "0"), "expected at least 1, found 0"),
        (("ocr", "--concurrency", "1,x"), "concurrency.1"),
        (("ocr", "--concurrency", "64"), "at least 64, the highest concurrency"),
        (("ocr", "--input", "image"), "NAME=FILE"),
        (("ocr", "--input", "image=nowhere.png"), "no such file: 'nowhere.png'"),
        (("ocr", "--repository", "/nowhere"), "no model repository at /nowhere"),
        (("ocr", "--url", "http://localhost:8001"), "expected HOST:PORT"),
        (("ocr", "--http-url", "localhost:8000"), "give --url too"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_exits_with_2_before_anything_starts(
    arguments: tuple[str, ...], said: str
) -> None:
    assert said in sentence(call("compare", *arguments), 2)


def test_a_pipeline_that_the_repository_has_not_is_suggested(
    tiny: Path, scenario: Scenario
) -> None:
    result = call("compare", scenario(pipeline="tinny"), "--repository", tiny)
    wanted = "no pipeline 'tinny'; it has lame, tiny, tiny_fused. Did you mean 'tiny'?"
    assert wanted in sentence(result, 2)


def test_inputs_that_do_not_fit_are_all_told(tiny: Path, scenario: Scenario) -> None:
    requests = "[{txt: {file: one.txt}}, {text: {file: two.txt}, times: {value: [many]}}]"
    told = sentence(call("compare", scenario(requests=requests), "--repository", tiny), 2)
    assert "Request 1, input 'txt': 'tiny' has no such input" in told
    assert "Request 2, input 'times': expected INT32 numbers, found 'many'" in told


def test_a_file_that_the_pipeline_refuses_is_named(
    tiny: Path, scenario: Scenario, tmp_path: Path
) -> None:
    path = scenario(requests="[{text: {file: zero.bin}}]", modes="[in-process]")
    told = sentence(call("compare", path, "--repository", tiny, "--out", tmp_path / "out"), 2)
    assert "refuses request 1 (zero.bin): text must not hold zeros" in told
    assert not (tmp_path / "out" / "result.json").exists()


def test_a_model_that_does_not_load_fails_its_modes_with_the_servers_reason(
    tiny: Path, scenario: Scenario, tmp_path: Path
) -> None:
    path = scenario(pipeline="lame", modes="[ensemble, in-process]")
    told = sentence(call("compare", path, "--repository", tiny, "--out", tmp_path), 1)
    assert "model 'broken' did not load" in told
    assert "no such dictionary" in told
    result = load(tmp_path / "result.json")
    assert {leg.leg.mode for leg in result.legs} == {"ensemble", "in-process"}
    assert all(leg.failure and not leg.rounds for leg in result.legs)


@pytest.mark.thorough
def test_a_mode_that_is_not_there_fails_and_the_others_are_measured(
    tiny: Path, scenario: Scenario, serve: Serve, tmp_path: Path
) -> None:
    """A server that runs already: the modes that it has, those that it lacks, and a note."""
    path = scenario(modes="[ensemble, bls, chained, services]", rounds="2", spread_limit="1")
    server = serve(tiny, load=("split", "double", "tiny"))
    result = call("compare", path, "--url", server.grpc, "--out", tmp_path)
    told = sentence(result, 1)
    assert "left out: services; they need the model repository too" in told
    assert "bls" in told
    legs = load(tmp_path / "result.json").legs
    failed = {leg.leg.mode: leg.failure for leg in legs if leg.failure}
    assert set(failed) == {"bls"}, failed
    assert {leg.leg.mode for leg in legs} == {"ensemble", "bls", "chained"}


@pytest.mark.thorough
def test_without_perf_analyzer_the_loader_drives_every_leg_and_the_result_says_so(
    tiny: Path, scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find() -> None:
        raise AnalyzerMissing("there is none for this system")

    monkeypatch.setattr("perf.measure.analyzer.find", find)
    path = scenario(
        modes="[ensemble, in-process]",
        request_rate="[0.5]",
        variants="[http, shared-memory]",
        rounds="2",
        spread_limit="1",
    )
    result = call("compare", path, "--repository", tiny, "--out", tmp_path / "out")
    assert "so the loader drives all legs: there is none for this system" in result.output
    made = load(tmp_path / "out" / "result.json")
    assert made.software["perf_analyzer"] == "there is none for this system"
    assert {each.leg.loader for each in made.legs} == {"loader"}
    assert [each.failure for each in made.legs] == [None] * 5
    assert all(len(each.rounds) == 2 and not each.errors for each in made.legs)
