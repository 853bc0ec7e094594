"""The command line: what a user can mend is said in one sentence."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from training.asr.__main__ import main
from training.asr.text import words


def test_a_run_that_has_not_ended_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(tmp_path / name) for name in ("run", "corpus", "out")]
    monkeypatch.setattr(sys, "argv", ["asr", "publish", *folders])
    assert main() == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "found 0 steps" in error
    assert not (tmp_path / "out").exists()


def test_the_page_counts_the_words() -> None:
    page = Path("docs/asr.md").read_text("utf-8")
    section = page.partition("## The demo recogniser")[2].partition("\n## ")[0]
    said = " ".join(section.split())
    assert re.search(rf"\b{len(words.COMMANDS)} words of commands", said)
    assert re.search(rf"\b{len(words.VOCABULARY)} words in all", said)
