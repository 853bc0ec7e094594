"""The folder: whole files, the same bytes again, raw data that read back as the result."""

import csv
import subprocess
import sys

import pytest

from perf.errors import PerfError
from perf.report import write, writing
from perf.result import load

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
def small(make):
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
def folder(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "deep" / "er"
    assert {path.name for path in write(small, folder)} == NAMES
    return folder


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_everything_is_there_and_nothing_else(folder):
    assert {path.name for path in folder.iterdir()} == NAMES
    for path in folder.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 10_000


def test_a_second_time_gives_the_same_bytes(small, folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write(small, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_json_reads_back(small, folder):
    assert load(folder / "result.json") == small


def test_a_row_a_leg_with_its_figures_or_its_doubt(small, folder):
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


def test_a_row_a_leg_and_round(small, folder):
    found = rows(folder / "rounds.csv")
    rounds = [(leg, each) for leg in small.legs for each in leg.rounds]
    assert len(found) == len(rounds)
    for (leg, each), row in zip(rounds, found, strict=True):
        assert int(row["round"]) == each.number
        assert float(row["p90_ms"]) == each.percentile(90)
        assert bool(row["doubt"]) == bool(leg.failure)
        infer = sum(step.compute_infer_us for step in each.steps)
        assert float(row["steps_compute_us"] or 0) == infer


def test_a_picture_that_fails_leaves_the_old_page_and_the_new_data(small, tmp_path, monkeypatch):
    (tmp_path / "report.html").write_text("old")

    def fails(drawing):
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
    small, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(PerfError, match=r"pip install -e '\.\[docs\]'"):
        write(small, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"result.json", "legs.csv", "rounds.csv"}


def test_a_folder_that_is_a_file(small, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PerfError, match="cannot be written"):
        write(small, tmp_path / "file")


def test_importing_the_report_imports_no_matplotlib():

    code = "import sys, perf.report; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
