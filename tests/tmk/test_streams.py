"""A command whose streams, folder or home are not there ends in a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from repository.places import ROOT


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a shell's line does; ``tmk`` in it is the command."""
    tmk = f"{sys.executable} -m tmk"
    return subprocess.run(
        ["bash", "-c", line.replace("tmk ", f"{tmk} ")],
        cwd=folder,
        capture_output=True,
        text=True,
        # As a shell has it: output is kept until the end.
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "", **environment},
    )


def test_a_closed_stream_hides_what_is_printed_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = shell("tmk check empty --json >&-", tmp_path)
    assert "Traceback" not in done.stderr
    assert done.returncode == shell("tmk check empty --json", tmp_path).returncode
    assert shell("tmk check nowhere 2>&-", tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tmk --version >/dev/full", "No space left on device"),
        ("mkdir a; cd a; rmdir ../a; tmk plan --profile b.yaml", "a working directory"),
    ],
)
def test_what_the_machine_refuses_is_told_in_a_sentence(
    tmp_path: Path, line: str, said: str
) -> None:
    done = shell(line, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and said in done.stderr
    assert len(done.stderr.splitlines()) == 1
