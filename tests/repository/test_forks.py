"""Children of a process that has loaded gRPC are not ended by it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = """
import importlib, importlib.abc, os, sys
class Seen(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "grpc":
            print(os.environ.get("GRPC_ENABLE_FORK_SUPPORT"))
sys.meta_path.insert(0, Seen())
importlib.import_module(sys.argv[1])
"""
FORKS = """
import subprocess, sys
from clients.connection.connection import Connection
import tritonclient.grpc
try:
    tritonclient.grpc.InferenceServerClient("127.0.0.1:9").is_server_live()
except tritonclient.utils.InferenceServerException:
    pass
codes = [subprocess.run(["true"], preexec_fn=int).returncode for _ in range(1500)]
print(len(codes), sum(map(abs, codes)))
"""


@pytest.mark.parametrize(
    "module", ["clients.chained", "clients.connection.connection", "perf.measure.transport"]
)
def test_grpc_is_loaded_without_its_support_for_forks(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, module], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert set(done.stdout.split()) == {"0"}


@pytest.mark.thorough
def test_no_child_of_many_is_aborted() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKS], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == ["1500", "0"]
