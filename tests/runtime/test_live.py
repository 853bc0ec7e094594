"""The liveness probe of the container, against a real server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runtime import live
from runtime.server.server import LocalServer
from runtime.watch import stubs
from tests.conftest import Serve
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]

CONFIG = {
    "backend": "python",
    "max_batch_size": 0,
    "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [1]}],
    "output": [{"name": "y", "data_type": "TYPE_FP32", "dims": [1]}],
    "instance_group": [{"kind": "KIND_CPU", "count": 1}],
}
MODEL = """
import os, time
import numpy, triton_python_backend_utils as pb

class TritonPythonModel:
    def execute(self, requests):
        {act}
        y = pb.Tensor("y", numpy.zeros(1, numpy.float32))
        return [pb.InferenceResponse([y]) for _ in requests]
"""
REFUSES = """
        why = pb.TritonError("no", pb.TritonError.INVALID_ARG)
        return [pb.InferenceResponse([], why) for _ in requests]
"""


@pytest.fixture
def triton(serve: Serve, tmp_path: Path) -> LocalServer:
    """A server for one test: it ends sooner than it unloads a model, with a dead stub above all."""
    (tmp_path / "models").mkdir()
    return serve(tmp_path / "models", load=())


def add(server: LocalServer, name: str, act: str = "pass", instances: int = 1) -> None:
    folder = server.repository / name
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.py").write_text(MODEL.format(act=act))
    groups = [{"kind": "KIND_CPU", "count": instances}]
    config = CONFIG | {"name": name, "instance_group": groups}
    (folder / "config.pbtxt").write_text(text(config))
    server.control.load(name)


def text(config: dict[str, object]) -> str:
    """The configuration in the text format, of which JSON is nearly a part."""
    lines = []
    for key, value in config.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                lines.append(f"{key} {{ {text(each)} }}")
            else:
                enum = str(each).startswith(("TYPE_", "KIND_"))
                lines.append(f"{key}: {each if enum else json.dumps(each)}")
    return "\n".join(lines)


def url(server: LocalServer) -> str:
    return f"http://{server.http}"


def requests(server: LocalServer, name: str) -> int:
    answer = json.loads(server.control.request("GET", f"/v2/models/{name}/stats"))
    return int(answer["model_stats"][0]["inference_count"])


def test_a_model_that_refuses_the_request_is_asked_once(
    triton: LocalServer, tmp_path: Path
) -> None:
    add(triton, "refuses", REFUSES)
    for _ in range(3):
        live.look(url(triton), tmp_path / "memory")
    until(lambda: requests(triton, "refuses"))  # Triton answers first, and counts then
    assert requests(triton, "refuses") == 1


@pytest.mark.thorough
def test_a_model_that_hangs_is_dead_unless_others_are_answered(
    triton: LocalServer, tmp_path: Path
) -> None:
    held = tmp_path / "held"
    held.touch()
    add(triton, "slow", f"while os.path.exists({str(held)!r}): time.sleep(0.02)")
    with pytest.raises(live.Dead, match=r"No answer within 0\.2 s, and no other success, of slow"):
        live.look(url(triton), tmp_path / "memory", answer_seconds=0.2)
    held.unlink()
    live.look(url(triton), tmp_path / "memory", answer_seconds=60.0)


@pytest.mark.parametrize("instances", [1, 3])
def test_a_killed_stub_is_seen(triton: LocalServer, tmp_path: Path, instances: int) -> None:
    name = f"killed{instances}"
    add(triton, name, instances=instances)
    command = [sys.executable, "-m", "runtime.live", url(triton)]
    variables = os.environ | {"TMPDIR": str(tmp_path)}
    well = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert (well.returncode, well.stderr) == (0, "")

    victim = next(s for s in stubs.running(triton.pid) if s.instance.startswith(name))
    os.kill(victim.pid, signal.SIGKILL)
    until(lambda: victim not in stubs.running(triton.pid))
    ill = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert ill.returncode == 1
    assert "1 Python stub(s) of the server have died" in ill.stderr
    assert triton.control.is_ready(name)  # which is why this probe exists


def test_no_server(tmp_path: Path) -> None:
    with pytest.raises(live.Dead, match="does not give its statistics"):
        live.look("http://127.0.0.1:9", tmp_path / "memory")


def test_no_proxy_of_the_environment_is_asked(triton: LocalServer, tmp_path: Path) -> None:
    add(triton, "well")
    ways = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy"), "http://127.0.0.1:9")
    variables = os.environ | {"TMPDIR": str(tmp_path), "no_proxy": "", "NO_PROXY": ""} | ways
    for _ in range(2):
        command = [sys.executable, "-m", "runtime.live", url(triton)]
        looked = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
        assert (looked.returncode, looked.stderr) == (0, "")
    until(lambda: requests(triton, "well"))
