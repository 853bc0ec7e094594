"""The profile that `make build-repo` builds, with its real weights: how long it takes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from repository.manifest import read_manifest, verify

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.slow
def test_a_first_build_takes_a_minute_at_most_and_the_next_a_second(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "builders", "build", "--out", str(tmp_path / "out")]

    def seconds() -> float:
        began = time.monotonic()
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        return time.monotonic() - began

    assert seconds() < 60
    assert verify(tmp_path / "out") == []
    digest = read_manifest(tmp_path / "out").digest
    assert min(seconds() for _ in range(3)) < 1
    assert read_manifest(tmp_path / "out").digest == digest
