"""No process that the kit, its benchmarks or its training start outlives who started it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime.processes import is_running
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]

CONFIG = """
name: "eater" backend: "python"
input { name: "file" data_type: TYPE_UINT8 dims: [-1] }
output { name: "y" data_type: TYPE_UINT8 dims: [-1] }
parameters { key: "stage" value { string_value: "eat" } }
"""

STAYS = """\
import os, sys, time
from pathlib import Path


def prepare(*_):
    here = Path(os.environ["STARTED"])
    here.with_suffix(".new").write_text(str(os.getpid()))
    here.with_suffix(".new").rename(here)
    time.sleep(600)


if __name__ == "__main__":
    prepare()
"""
"""As a program, a module or a stage: writes its process id to $STARTED, and stays."""

SHELL = '#!/bin/sh\necho $$ > "$STARTED.new"; mv "$STARTED.new" "$STARTED"; exec sleep 600\n'

STARTS = {
    "a measurement": """
import numpy as np
from builders.kit.resources.measure import _probe
_probe(here / "models", "eater", {"file": np.zeros(9, np.uint8)})
""",
    "a tokenizer's reader": """
from builders.kit.sources.tokenizer import _mistake
_mistake(here / "tokenizer.json")
""",
    "a look at the machine": """
from runtime.machine.look import gpus
gpus()
""",
    "a helper of docker's": """
from repository.transfer.oci.login import credentials
(here / "config.json").write_text('{"credsStore": "stays"}')
credentials("registry.example")
""",
    "kubectl": """
import time
from repository.transfer.claim.kubectl import Cluster, Kubectl
with Kubectl(Cluster()).stream("exec"):
    time.sleep(600)
""",
    "a cold start": """
from perf.measure.cold_start import cold_start_in_process
cold_start_in_process(here / "models", "eater", 1)
""",
    "perf_analyzer's version": """
from perf.measure.analyzer import places
places.version(here / "perf_analyzer")
""",
    "pip for perf_analyzer": """
from perf.measure.analyzer.installation import _download
_download("nothing", here)
""",
    "workers of training": """
from training.asr.workers import pool
from eat import prepare
if __name__ == "__main__":
    with pool(1) as shared:
        shared.submit(prepare).result()
""",
}
"""What starts a process that stays, in Python."""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a model, modules and programs that stay."""
    stages = tmp_path / "models" / "eater" / "1" / "stages"
    stages.mkdir(parents=True)
    (tmp_path / "models" / "eater" / "config.pbtxt").write_text(CONFIG)
    for module in ("eat", "tokenizers", "pip"):
        (tmp_path / f"{module}.py").write_text(STAYS)
    (stages / "__init__.py").touch()
    (stages / "eat.py").write_text(STAYS)
    (tmp_path / "tokenizers.py").write_text(f"{STAYS}\nprepare()\n")
    for program in ("nvidia-smi", "docker-credential-stays", "kubectl", "perf_analyzer"):
        (tmp_path / program).write_text(SHELL)
        (tmp_path / program).chmod(0o755)
    return tmp_path


@pytest.fixture
def started(here: Path) -> Iterator[Callable[[str], tuple[subprocess.Popen[bytes], int]]]:
    """Starts some code in a process, and waits for the one that it starts; both end here."""
    ours: list[int] = []

    def start(code: str) -> tuple[subprocess.Popen[bytes], int]:
        script = here / "starts.py"
        script.write_text(f"from pathlib import Path\nhere = Path({str(here)!r})\n{code}")
        variables = {
            "PATH": f"{here}:{os.environ['PATH']}",
            "PYTHONPATH": f"{here}:{ROOT}",
            "DOCKER_CONFIG": str(here),
            "STARTED": str(here / "pid"),
        }
        process = subprocess.Popen([sys.executable, script], env=os.environ | variables)
        ours.append(process.pid)
        until((here / "pid").exists)
        pid = int((here / "pid").read_text())
        ours.append(pid)
        return process, pid

    yield start
    for pid in filter(is_running, ours):
        os.kill(pid, 9)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("what", STARTS)
def test_it_ends_when_who_started_it_is_killed(
    started: Callable[[str], tuple[subprocess.Popen[bytes], int]], what: str
) -> None:
    process, pid = started(STARTS[what])
    assert is_running(pid) and pid != process.pid
    process.kill()
    process.wait()
    until(lambda: not is_running(pid))
