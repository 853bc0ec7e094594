"""The command line: what a user can mend is said in one sentence."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from training.vision.__main__ import main


def test_training_without_its_scenes_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(tmp_path / name) for name in ("scenes", "run")]
    monkeypatch.setattr(sys, "argv", ["vision", "train", *folders, "--scenes", "2048"])
    assert main() == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "expected 1 files of scenes, found 0" in error
    assert "python -m training.vision scenes" in error


def test_a_run_that_has_not_ended_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(tmp_path / name) for name in ("run", "scenes", "out")]
    monkeypatch.setattr(sys, "argv", ["vision", "publish", *folders])
    assert main() == 1
    error = capsys.readouterr().err
    assert "found 0" in error
    assert not (tmp_path / "out").exists()
