"""Scenarios: what is right is read; every mistake is refused at once, with its place and remedy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perf.errors import ScenarioError
from perf.scenario import MODES, load_scenario, scenario_of, scenarios
from repository.usage import Usage
from repository.usage.found import Usages


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.png").write_bytes(b"a")
    (tmp_path / "b.png").write_bytes(b"b")
    (tmp_path / "empty.png").touch()
    return tmp_path


def refusal(folder: Path, text: str) -> list[str]:
    path = folder / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as refused:
        load_scenario(path)
    return str(refused.value).splitlines()


def test_every_default_is_filled_in_and_paths_are_the_scenarios_own(folder: Path) -> None:
    path = folder / "mine.yaml"
    path.write_text("pipeline: ocr\nrequests:\n  - image: {file: a.png}\n")
    scenario = load_scenario(path)
    assert scenario.path("a.png") == folder / "a.png"
    assert scenario.modes == list(MODES)
    assert (scenario.concurrency, scenario.rounds, scenario.spread_limit) == ([1, 4], 4, 0.2)


def test_numbers_with_a_point_are_read(folder: Path) -> None:
    path = folder / "mine.yaml"
    path.write_text(
        "pipeline: ocr\nrequests: [{image: {file: a.png}, score: {value: [0.5]}}]\n"
        "request_rate: [0.25]\nspread_limit: 0.1\ntimeout_seconds: 2.5\n"
    )
    scenario = load_scenario(path)
    assert scenario.request_rate == [0.25]
    assert (scenario.spread_limit, scenario.timeout_seconds) == (0.1, 2.5)


def test_every_mistake_is_told_at_once_with_its_line(folder: Path) -> None:
    told = refusal(
        folder,
        "pipelin: ocr\n"
        "requests:\n"
        "  - image: {file: nowhere.png}\n"
        "  - image: {fil: a.png, value: 3}\n"
        "  - image: {file: empty.png}\n"
        "  - image: {file: a.png, value: 3}\n"
        "modes: [ensembl]\n"
        "concurrency: [0, 8]\n"
        "request_rate: [nan]\n"
        "variants: [http, http]\n"
        "rounds: many\n"
        "spread_limit: 3\n",
    )
    for place, remedy in (
        ("line 1, pipelin", "Did you mean 'pipeline'?"),
        ("line 3, requests.0.image.file", "no such file: 'nowhere.png'"),
        ("line 4, requests.1.image.fil", "Did you mean 'file'?"),
        ("line 5, requests.2.image.file", "an empty one: 'empty.png'"),
        ("line 6, requests.3.image", "found both"),
        ("line 7, modes.0", "Did you mean 'ensemble'?"),
        ("line 8, concurrency.0", "at least 1"),
        ("line 9, request_rate.0", "a number that is not infinite"),
        ("line 10, variants", "'http' twice"),
        ("line 11, rounds", "a whole number"),
        ("line 12, spread_limit", "at most 1"),
    ):
        assert any(place in line and remedy in line for line in told), (place, told)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing"),
        ("- a\n", "a list"),
        ("pipeline: ocr\nrequests: []\n", "at least 1 of them"),
        ("pipeline: ocr\nrequests: [{}]\n", "inputs in every request"),
        ("pipeline: ocr\nrequests: [{image: }]\n", "requests.0.image"),
        ("pipeline: ocr\nrequests: [{image: a.png}]\n", "requests.0.image"),
        ("pipeline: ocr\nrequests: [{image: {file: .}}]\n", "a file that is not empty"),
        ('pipeline: ocr\nrequests: [{image: {file: "a\\0"}}]\n', "a file that is not empty"),
        (f"pipeline: ocr\nrequests: [{{image: {{file: {'a' * 9999}}}}}]\n", "not empty"),
        ("pipeline: ocr\nrequests: [{image: {file: a.png}}]\ncount: 2\n", "highest concurrency"),
        ("a: !!python/object/apply:os.system [true]\n", "YAML"),
        ("pipeline: " + "[" * 5000, "50 levels"),
    ],
    ids=lambda text: repr(text[-24:]),
)
def test_what_is_no_scenario_is_refused(folder: Path, text: str, said: str) -> None:
    assert any(said in line for line in refusal(folder, text))


PIECES = st.sampled_from(
    [
        "pipeline: nobodys",
        "requests:",
        "- image:",
        "{file: a.png}",
        "value: [0.5",
        "modes: ",
        "count: ",
    ]
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=80)
    | st.lists(PIECES | st.text("{}[]:,&*!-| \n\"'#%@az019", max_size=9), max_size=9).map("".join)
)
def test_any_bytes_are_a_refusal_in_sentences(
    tmp_path_factory: pytest.TempPathFactory, content: bytes | str
) -> None:
    path = tmp_path_factory.mktemp("any") / "s.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ScenarioError) as refused:  # no such file is there to be named
        load_scenario(path)
    assert str(refused.value).startswith("error [scenario] ")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ScenarioError, match="Did you mean 'ocr'"):
        load_scenario("orc")
    with pytest.raises(ScenarioError, match="found none"):
        load_scenario("no/such/file.yaml")


def test_a_pipelines_name_is_a_scenario_with_the_requests_of_its_family(folder: Path) -> None:
    made = np.ones(3, np.float32)
    usage = Usage(
        words="",
        requests=({"image": folder / "a.png", "score": 0.5, "x": lambda: made}, {"image": "text"}),
    )
    declared = Usages({"toy": usage})
    for name in ("toy", "toy_bls"):
        scenario = load_scenario(name, declared).but(rounds=2)
        assert (scenario.pipeline, scenario.rounds, len(scenario.requests)) == (name, 2, 2)
        inputs = scenario.inputs(0)
        assert Path(str(inputs["image"])).samefile(folder / "a.png")
        assert inputs["score"] == "0.5"
        x = inputs["x"]
        assert callable(x)
        assert x() is made
    (folder / "mine.yaml").write_text("pipeline: toy\ncount: 9\n")
    assert load_scenario(folder / "mine.yaml", declared).count == 9
    (folder / "mine.yaml").write_text("pipeline: tyo\n")
    with pytest.raises(ScenarioError, match=r"declares requests: .*toy.*Did you mean 'toy'"):
        load_scenario(folder / "mine.yaml", declared)
    with pytest.raises(ScenarioError, match="either 'file' or 'value'"):
        (folder / "mine.yaml").write_text("pipeline: toy\nrequests: [{x: {made: true}}]\n")
        load_scenario(folder / "mine.yaml", declared)


def test_every_shipped_scenario_is_valid() -> None:
    assert set(scenarios()) >= {"asr", "ocr", "vision"}
    for name in scenarios():
        assert load_scenario(name).pipeline


def test_options_are_checked_like_a_file() -> None:
    scenario = load_scenario("ocr").but(rounds=2, modes=["bls"], count=None)
    assert (scenario.rounds, scenario.modes, scenario.count) == (2, ["bls"], 9)
    files = [each["image"].file for each in scenario.requests]
    assert [scenario.path(each or "").name for each in files][1:] == ["letter.png", "notice.jpg"]
    assert all(scenario.path(each or "").is_file() for each in files)
    with pytest.raises(ScenarioError, match=r"modes\.0.*\n.*rounds"):
        scenario.but(rounds=0, modes=["ensembl"])


def test_inputs_on_the_command_line_make_requests(folder: Path) -> None:
    a, b = folder / "a.png", folder / "b.png"
    one = scenario_of("p", [f"x={a}", f"y={b}"])
    assert [{n: o.file for n, o in r.items()} for r in one.requests] == [{"x": str(a), "y": str(b)}]
    two = scenario_of("p", [f"x={a}", f"x={b}", f"y={b}"])
    assert [r["x"].file for r in two.requests] == [str(a), str(b)]
    assert [r["y"].file for r in two.requests] == [str(b), str(b)]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (["image"], "NAME=FILE"),
        (["=a.png"], "NAME=FILE"),
        (["x=a", "x=b", "y=a", "y=b", "y=c"], "2 of 'x', 3 of 'y'"),
        (["image=nowhere.png"], "no such file: 'nowhere.png'"),
    ],
)
def test_wrong_inputs_on_the_command_line_are_refused(inputs: list[str], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        scenario_of("p", inputs)
