"""Which perf_analyzer is taken, and what is said of those that do not run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from perf.errors import AnalyzerMissing
from perf.measure.analyzer import Analyzer, find, places

RUNS = "#!/bin/sh\necho 'Perf Analyzer Version {} (commit unknown)' >&2\n"


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is installed: PATH, the SDK's places and ours are empty folders of the test's."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(places, "SDK_PLACES", (tmp_path / "sdk" / "perf_analyzer",))
    monkeypatch.setattr(places, "FOLDER", tmp_path / "own")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python" / "python3"))


def put(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True)
    path = folder / "perf_analyzer"
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_an_installed_one_is_preferred(tmp_path: Path) -> None:
    own = put(tmp_path / "own" / "bin", RUNS.format("2.51.0"))
    assert find() == Analyzer(own, "2.51.0", "python -m perf install", None)
    (tmp_path / "own" / "lib").mkdir()
    assert find().libraries == tmp_path / "own" / "lib"
    sdk = put(tmp_path / "sdk", RUNS.format("2.55"))
    assert find() == Analyzer(sdk, "2.55", f"SDK container: {sdk}", None)
    beside = put(tmp_path / "python", RUNS.format("2.59.1"))
    assert find().path == beside
    installed = put(tmp_path / "path", RUNS.format("2.60.0"))
    assert find() == Analyzer(installed, "2.60.0", f"installed: {installed}", None)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("#!/bin/sh\necho 'no library: libb64.so.0d' >&2; exit 127", r"\(no library: libb64"),
        ("#!/bin/sh\n", r"\(exit code 0, and it said nothing\)"),
        ("#!/bin/sh\necho 'This is a placeholder'", r"\(This is a placeholder\)"),
        ("\x7fELF", r"does not run \(Exec format error\)"),
        (RUNS.format("2.50.1"), "is version 2.50, expected 2.51 or newer"),
        (RUNS.format("2.51.0") + "kill -SEGV $$", "does not run as perf_analyzer"),
    ],
)
def test_one_that_does_not_run_is_told_of_and_passed_over(
    tmp_path: Path, text: str, reason: str
) -> None:
    put(tmp_path / "path", text)
    with pytest.raises(AnalyzerMissing, match=reason):
        find()
    own = put(tmp_path / "own" / "bin", RUNS.format("2.51.0"))
    assert find().path == own


def test_one_that_hangs_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "path", "#!/bin/sh\nexec /bin/sleep 60")
    monkeypatch.setattr(places, "_SECONDS", 0.2)
    with pytest.raises(AnalyzerMissing, match=r"does not run \(no answer within 0\.2 s\)"):
        find()


def test_the_sentence_for_none_at_all_has_the_remedy() -> None:
    with pytest.raises(AnalyzerMissing) as raised:
        find()
    message = str(raised.value)
    assert message.startswith("There is no perf_analyzer on PATH. `python -m perf install` fetches")
    assert "placeholder" in message
