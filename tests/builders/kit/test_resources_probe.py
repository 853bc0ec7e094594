"""A measurement's own process does not outlive who asked for it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

CONFIG = """
name: "eater" backend: "python"
input { name: "file" data_type: TYPE_UINT8 dims: [-1] }
output { name: "y" data_type: TYPE_UINT8 dims: [-1] }
parameters { key: "stage" value { string_value: "eat" } }
"""

STAGE = """
import os, time
from pathlib import Path


def prepare(folder, parameters):
    Path(folder, "pid.new").write_text(str(os.getpid()))
    Path(folder, "pid.new").rename(Path(folder, "pid"))
    time.sleep(600)
"""

ASKS = """
import sys
from pathlib import Path
import numpy as np
from builders.kit.resources_measure import _probe
_probe(Path(sys.argv[1]), "eater", {"file": np.zeros(9, np.uint8)})
"""


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_ends_when_who_asked_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "eater" / "1"
    (folder / "stages").mkdir(parents=True)
    (folder / "stages" / "__init__.py").write_text('"""Stages."""\n')
    (folder / "stages" / "eat.py").write_text(STAGE)
    (tmp_path / "eater" / "config.pbtxt").write_text(CONFIG)
    with subprocess.Popen([sys.executable, "-c", ASKS, str(tmp_path)], cwd=ROOT) as process:
        until((folder / "pid").exists)
        pid = int((folder / "pid").read_text())
        assert alive(pid)
        process.kill()
    until(lambda: not alive(pid))
