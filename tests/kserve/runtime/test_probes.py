"""The declared command line and probes of ``triton-multimodal``, with a real Triton."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import stubs
from runtime.control import CallFailed
from runtime.errors import ServerFailed
from runtime.server import LocalServer
from tests.kserve.crds import ROOT
from tests.kserve.runtime.declared import (
    ADMIN_KEY,
    DeclaredServer,
    container,
    grace_seconds,
    http_probe,
    liveness_probe,
)

MODEL = """
import time
import triton_python_backend_utils as pb

class TritonPythonModel:
    def initialize(self, arguments):
        {initialize}

    def execute(self, requests):
        time.sleep(1.0)
        return [pb.InferenceResponse([pb.Tensor("y", pb.get_input_tensor_by_name(
            request, "x").as_numpy())]) for request in requests]
"""
CONFIG = """
backend: "python"
max_batch_size: 0
input { name: "x" data_type: TYPE_FP32 dims: 1 }
output { name: "y" data_type: TYPE_FP32 dims: 1 }
instance_group { kind: KIND_CPU count: 1 }
"""
INFER = b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [7]}]}'


@pytest.fixture(scope="module")
def built() -> Iterator[DeclaredServer]:
    """The built repository under the declared command line."""
    folder = ROOT / "model_repository"
    assert (folder / "manifest.json").is_file(), "run `make build-repo` before the tests"
    with DeclaredServer(folder) as server:
        yield server
        server.stop(now=True)


def write(repository: Path, initialize: str) -> Path:
    (repository / "slow" / "1").mkdir(parents=True)
    (repository / "slow" / "1" / "model.py").write_text(MODEL.format(initialize=initialize))
    (repository / "slow" / "config.pbtxt").write_text(CONFIG)
    return repository


def test_ready_with_the_built_repository(built: DeclaredServer, tmp_path: Path) -> None:
    assert http_probe(built, "startupProbe")
    assert http_probe(built, "readinessProbe")
    for _ in range(2):
        alive = liveness_probe(built, tmp_path)
        assert (alive.returncode, alive.stderr) == (0, "")
    with pytest.raises(CallFailed):
        built.control.request("POST", "/v2/repository/index", b"{}")
    built.control.request("POST", "/v2/repository/index", b"{}", {"admin-key": ADMIN_KEY})


def test_a_killed_stub_fails_the_liveness_probe_alone(
    built: DeclaredServer, tmp_path: Path
) -> None:
    assert liveness_probe(built, tmp_path).returncode == 0
    victim = next(s for s in stubs.running(built.pid) if s.instance.startswith("crop"))
    os.kill(victim.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while victim in stubs.running(built.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    dead = liveness_probe(built, tmp_path)
    assert dead.returncode == 1
    assert "1 Python stub(s) of the server have died" in dead.stderr
    assert http_probe(built, "readinessProbe")


def test_no_port_is_open_while_models_load(tmp_path: Path) -> None:
    server = DeclaredServer(write(tmp_path, "time.sleep(0.5)"))
    starting = threading.Thread(target=server.start)
    starting.start()
    try:
        deadline = time.monotonic() + 20
        while not any("loading: slow" in line for line in server.log_lines):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert not http_probe(server, "startupProbe")
        starting.join(timeout=20)
        assert http_probe(server, "startupProbe")
        assert http_probe(server, "readinessProbe")
    finally:
        starting.join(timeout=20)
        server.stop(now=True)


def test_a_broken_model_ends_the_server_with_its_reason(tmp_path: Path) -> None:
    server: LocalServer = DeclaredServer(write(tmp_path, "raise ValueError('no weights here')"))
    with pytest.raises(ServerFailed):
        server.start()
    assert "no weights here" in "\n".join(server.log_lines[-60:])
    assert not http_probe(server, "readinessProbe")


def test_the_times_of_the_shutdown_fit_into_the_grace_period() -> None:
    declared = container()
    delay = declared["lifecycle"]["preStop"]["sleep"]["seconds"]
    (timeout,) = (
        int(each.partition("=")[2])
        for each in declared["args"]
        if each.startswith("--exit-timeout-secs=")
    )
    assert delay > 0
    assert delay + timeout < grace_seconds()
