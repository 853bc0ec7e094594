"""Making perf_analyzer available: verified, whole or not at all, and said in a few lines."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from perf.errors import AnalyzerMissing
from perf.measure.analyzer import Analyzer, install, installation, places
from repository.places import ROOT

FAKE = b"#!/bin/sh\necho 'Perf Analyzer Version 2.51.0'\n"


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel with a fake perf_analyzer, pinned, which is what pip brings."""
    path = tmp_path / "fake-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bin/perf_analyzer", FAKE)
    fake = installation.Source(
        "fake==1",
        sha256(path.read_bytes()).hexdigest(),
        "bin/perf_analyzer",
        sha256(FAKE).hexdigest(),
    )
    monkeypatch.setattr(installation, "source", lambda: fake)
    monkeypatch.setattr(installation, "_download", lambda requirement, folder: path)
    return path


def test_it_is_there_already_the_second_time(analyzer: Analyzer) -> None:
    said: list[str] = []
    assert install(said.append) == analyzer
    requirement = installation.source().requirement
    assert said == [f".perf_analyzer has {requirement}'s perf_analyzer already"]
    assert analyzer.path.is_relative_to(places.FOLDER)


@pytest.mark.slow
def test_a_new_one_is_fetched_verified_and_runs(tmp_path: Path) -> None:
    said: list[str] = []
    made = install(said.append, tmp_path / "made")
    assert made.version in installation.source().requirement
    assert made.path == tmp_path / "made" / "bin" / "perf_analyzer"
    assert said[0] == f"fetching {installation.source().requirement}"
    assert said[-1] == f"perf_analyzer {made.version} runs; it is in made"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_what_is_not_as_pinned_is_not_installed(
    tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = installation.source()
    for bad, name in (
        (replace(good, wheel_sha256="0" * 64), wheel.name),
        (replace(good, sha256="0" * 64), "perf_analyzer"),
    ):
        monkeypatch.setattr(installation, "source", lambda bad=bad: bad)
        with pytest.raises(AnalyzerMissing, match=f"^{name} is not the file that is pinned"):
            install(lambda line: None, tmp_path / "made")
        assert not (tmp_path / "made").exists()


def test_the_old_one_stays_until_the_new_one_runs(tmp_path: Path, wheel: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    (made / "kept").touch()
    (tmp_path / "made.partial" / "bin").mkdir(parents=True)  # of one that was killed
    broken = FAKE.replace(b"Perf Analyzer", b"Something else")
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("bin/perf_analyzer", broken)
    good = installation.source()
    bad = replace(
        good, sha256=sha256(broken).hexdigest(), wheel_sha256=sha256(wheel.read_bytes()).hexdigest()
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(installation, "source", lambda: bad)
        with pytest.raises(AnalyzerMissing, match="does not run as perf_analyzer"):
            install(lambda line: None, made)
    assert [path.name for path in made.iterdir()] == ["kept"]


def test_an_installation_that_was_killed_leaves_nothing_in_the_way(
    tmp_path: Path, wheel: Path
) -> None:
    made = tmp_path / "made"
    process = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import time; from pathlib import Path\n"
            "from perf.measure.analyzer import installation\n"
            "installation._download = lambda *ignored: time.sleep(60)\n"
            f"installation.install(print, Path({str(made)!r}))",
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    while not (tmp_path / "made.partial" / "bin").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not made.exists()
    said: list[str] = []
    assert install(said.append, made).version == "2.51.0"
    assert said[0] == "fetching fake==1"
    assert {path.name for path in tmp_path.iterdir()} == {"made", wheel.name}


@pytest.mark.slow
def test_pips_own_reason_is_given_when_it_brings_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(AnalyzerMissing) as raised:
        install(lambda line: None, tmp_path / "made")
    message = str(raised.value)
    assert message.startswith("pip could not fetch ")
    assert "No matching distribution found" in message
    assert f"To repeat it: {sys.executable} -m pip download" in message
    assert not (tmp_path / "made").exists()


def test_a_machine_that_none_is_published_for_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(AnalyzerMissing, match=r"No perf_analyzer is published .* aarch64"):
        install(lambda line: None, tmp_path / "made")


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path, wheel: Path) -> None:
    with pytest.raises(AnalyzerMissing, match=r"Cannot make .*none/made: "):
        install(lambda line: None, tmp_path / "none" / "made")


@pytest.mark.parametrize(("glibc", "requirement"), [("2.36", "tritonclient"), ("2.41", "perf-")])
def test_the_wheel_is_chosen_by_glibc(
    monkeypatch: pytest.MonkeyPatch, glibc: str, requirement: str
) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", glibc))
    assert installation.source().requirement.startswith(requirement)
