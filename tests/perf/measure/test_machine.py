"""The facts about a machine that a report shows."""

from __future__ import annotations

import getpass
import os
import re
import socket
import subprocess
from pathlib import Path

import numpy as np
import psutil
import pytest

from perf.measure import machine
from repository.places import ROOT


def test_this_machine() -> None:
    found = machine.machine()
    assert found.system.startswith("Linux ")
    assert found.processor
    assert 1 <= found.cores <= len(os.sched_getaffinity(0))
    assert 0 < found.memory_gib <= psutil.virtual_memory().total / 2**30 + 0.1
    assert found.load_before >= 0


def test_the_software() -> None:
    found = machine.software(triton="2.51.0")
    assert found["numpy"] == np.__version__
    assert found["triton"] == "2.51.0 (24.10)"
    assert {"python", "tritonclient", "onnxruntime", "triton-multimodal-kit"} <= set(found)
    assert machine.software(triton="9.99.0")["triton"] == "9.99.0"
    assert "triton" not in machine.software()


def test_neither_names_this_host_a_user_or_a_path() -> None:
    told = [machine.machine().model_dump_json(), str(machine.software(triton="2.51.0"))]
    for text in told:
        assert str(ROOT) not in text
        assert str(Path.home()) + "/" not in text
        words = set(re.findall(r"[\w-]+", text))
        assert not words & {socket.gethostname(), getpass.getuser()}


def test_the_cores_are_those_that_this_process_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert machine.machine().cores == 1
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize(
    ("files", "own", "expected"),
    [
        ({"cpu.max": "150000 100000\n"}, "0::/\n", 1.5),
        ({"cpu.max": "max 100000\n"}, "0::/\n", None),
        ({"cpu.max": "max 100000", "a/cpu.max": "300000 100000"}, "0::/a/b\n", 3.0),
        ({"a/cpu.max": "300000 100000", "a/b/cpu.max": "50000 100000"}, "0::/a/b\n", 0.5),
        ({"cpu.max": "100000 100000"}, "0::/seen/from/outside\n", 1.0),
        (
            {"cpu/x/cpu.cfs_quota_us": "200000\n", "cpu/x/cpu.cfs_period_us": "100000\n"},
            "4:memory:/y\n2:cpu,cpuacct:/x\n",
            2.0,
        ),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, "2:cpu:/\n", None),
        ({"cpu.max": "nonsense"}, "0::/\n", None),
        ({}, "", None),
    ],
)
def test_a_containers_share_of_time_counts(
    files: dict[str, str], own: str, expected: float | None, tmp_path: Path
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert machine._quota(tmp_path, own) == expected


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_the_commit_is_that_of_the_kits_own_checkout(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert machine._commit(tmp_path) == ""  # no commit yet
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-q", "-m", "one")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert machine._commit(tmp_path) == commit[:12]
    (tmp_path / "file").write_text("two")
    assert machine._commit(tmp_path) == f"{commit[:12]}-dirty"
    (tmp_path / "inner").mkdir()
    assert machine._commit(tmp_path / "inner") == ""  # of a checkout of something else


def test_the_vector_instructions_are_those_of_the_processor() -> None:
    told = Path("/proc/cpuinfo").read_text("utf-8")
    found = machine.vectors()
    assert set(found) == {
        each for each in machine.VECTORS if f" {each} " in told.replace("\n", " ")
    }
