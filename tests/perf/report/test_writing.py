"""The folder: whole files, the same bytes again, raw data that read back as the result."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from perf.errors import PerfError
from perf.report import write, writing
from perf.report.canvas import Drawing
from perf.result import Result, load
from tests.perf.fixtures import Make

NAMES = {
    "report.html",
    "latency.png",
    "throughput.png",
    "time.png",
    "result.json",
    "legs.csv",
    "rounds.csv",
}


@pytest.fixture(scope="module")
def small(make: Make) -> Result:
    failed = {("services", 1, "loader"): {"failure": 'It said "no, never",\nand ended.'}}
    return make(
        {"ensemble": 60, "services": 80},
        sweep=(1,),
        rounds=2,
        extras=False,
        loaders=("loader",),
        changes=failed,
    )


@pytest.fixture(scope="module")
def folder(small: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "deep" / "er"
    assert {path.name for path in write(small, folder)} == NAMES
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_everything_is_there_and_nothing_else(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == NAMES
    for path in folder.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 10_000


def test_a_second_time_gives_the_same_bytes(small: Result, folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write(small, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_json_reads_back(small: Result, folder: Path) -> None:
    assert load(folder / "result.json") == small


def test_a_row_a_leg_with_its_figures_or_its_doubt(small: Result, folder: Path) -> None:
    found = rows(folder / "legs.csv")
    assert len(found) == len(small.legs)
    for leg, row in zip(small.legs, found, strict=True):
        assert (row["mode"], row["loader"]) == (leg.leg.mode, leg.leg.loader)
        assert float(row["concurrency"]) == leg.leg.load.value
        if leg.failure:
            assert row["doubt"] == 'It said "no, never", and ended.'
            assert {row["p50_ms"], row["p99_ms"], row["throughput_per_s"]} == {""}
        else:
            assert float(row["p50_ms"]) == leg.percentile(50)
            assert float(row["p99_ms"]) == leg.percentile(99)
            assert float(row["throughput_per_s"]) == leg.throughput
            assert row["doubt"] == ""


def test_a_row_a_leg_and_round(small: Result, folder: Path) -> None:
    found = rows(folder / "rounds.csv")
    rounds = [(leg, each) for leg in small.legs for each in leg.rounds]
    assert len(found) == len(rounds)
    for (leg, each), row in zip(rounds, found, strict=True):
        assert int(row["round"]) == each.number
        assert float(row["p90_ms"]) == each.percentile(90)
        assert bool(row["doubt"]) == bool(leg.failure)
        infer = sum(step.compute_infer_us for step in each.steps)
        assert float(row["steps_compute_us"] or 0) == infer


def test_a_picture_that_fails_leaves_the_old_page_and_the_new_data(
    small: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report.html").write_text("old")

    def fails(drawing: Drawing) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "png", fails)
    with pytest.raises(PerfError, match="No space left on device"):
        write(small, tmp_path)
    assert (tmp_path / "report.html").read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == NAMES - {
        "latency.png",
        "throughput.png",
        "time.png",
    }


def test_without_matplotlib_the_error_names_the_extra_and_the_data_are_there(
    small: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(PerfError, match=r"'\.\[figures\]'"):
        write(small, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"result.json", "legs.csv", "rounds.csv"}


def test_a_folder_that_is_a_file(small: Result, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PerfError, match="cannot be written"):
        write(small, tmp_path / "file")


def test_importing_the_report_imports_no_matplotlib() -> None:

    code = "import sys, perf.report; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
