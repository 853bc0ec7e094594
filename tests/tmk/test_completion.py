"""What a shell is offered, as its own completion asks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.structure.rooms import ROOT


def offered(line: str, folder: Path = ROOT) -> list[str]:
    """What bash would offer for the last word of a line."""
    asks = {
        "_TMK_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tmk"],
        cwd=folder,
        env=os.environ | asks,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("tmk ve", {"verify"}),
        ("tmk perf co", {"compare"}),
        ("tmk build --pro", {"--profile"}),
        ("tmk build --profile d", {"demo"}),
        ("tmk graph ocr", {"ocr"}),
        ("tmk parity oc", {"ocr"}),
        ("tmk infer det", {"detect"}),
    ],
)
def test_names_are_offered(line: str, some: set[str]) -> None:
    assert some <= {*offered(line)}


@pytest.mark.thorough
def test_a_repository_that_cannot_be_read_offers_nothing_of_its_own(tmp_path: Path) -> None:
    broken = tmp_path / "model_repository"
    broken.mkdir()
    (broken / "manifest.json").write_text('{"families": {"x": {"pipelines": 3}}}')
    assert "ocr" in offered("tmk run oc", tmp_path)
    assert offered("tmk infer det", tmp_path) == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_the_script_of_bash_can_be_read_by_it() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "tmk", "--show-completion", "bash"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
    )
    assert shown.returncode == 0 and "_TMK_COMPLETE" in shown.stdout
    read = subprocess.run(["bash", "-n"], input=shown.stdout, capture_output=True, text=True)
    assert (read.returncode, read.stderr) == (0, "")
