"""Too little /dev/shm: a real Triton with the declared arguments, and 6 MB of it.

The 6 MB are mounted in a mount namespace of the server's own, which only root can make.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from repository.places import ROOT
from runtime.machine.environment import ServerEnvironment
from tests.kserve.arrival.image import tail
from tests.kserve.render import Object, shipped

MOUNT = 'mount -t tmpfs -o size=6m small /dev/shm && exec "$@"'
LOCAL = ("--model-repository", "--http-port", "--grpc-port", "--metrics-port")
SERVE = """
import json, sys
from pathlib import Path
from runtime.options.admin import GROUPS
from runtime.server.control import CallFailed
from runtime.errors import ServerFailed
from runtime.server.server import LocalServer

models, options = sys.argv[1:]
told = {"answers": []}
server = LocalServer(
    Path(models), load=(), overrides=json.loads(options), open_groups=tuple(GROUPS)
)  # the declared options restrict them
try:
    server.start()
    for size in (1, 3_000_000, 1):
        tensor = {"name": "x", "datatype": "FP32", "shape": [size], "data": [0.0] * size}
        body = json.dumps({"inputs": [tensor]}).encode()
        try:
            server.control.request("POST", "/v2/models/echo/infer", body, timeout_seconds=60)
            told["answers"].append("")
        except CallFailed as error:
            told["answers"].append(str(error))
    told["ready"] = server.control.is_live()
except ServerFailed:
    told["ready"] = False
told["log"] = "".join(f"{line}\\n" for line in server.log_lines)
server.stop(now=True)
print(json.dumps(told))
"""
MODEL = """
import triton_python_backend_utils as pb

class TritonPythonModel:
    def execute(self, requests):
        return [pb.InferenceResponse([pb.Tensor("y", pb.get_input_tensor_by_name(
            request, "x").as_numpy())]) for request in requests]
"""
CONFIG = """
backend: "python"
max_batch_size: 0
input { name: "x" data_type: TYPE_FP32 dims: -1 }
output { name: "y" data_type: TYPE_FP32 dims: -1 }
"""


def no_namespace() -> str:
    """Why no mount namespace can be made here; empty where one can."""
    if os.getuid() != 0 or shutil.which("unshare") is None:
        return "only root can mount, and with unshare (util-linux)"
    tried = subprocess.run(
        ["unshare", "--mount", "sh", "-c", MOUNT, "sh", "true"], capture_output=True, text=True
    )
    return f"no mount namespace here: {tried.stderr.strip()}" if tried.returncode else ""


def container() -> Object:
    (runtime,) = (
        each for each in shipped("overlays/local-cpu") if each["kind"] == "ServingRuntime"
    )
    (found,) = runtime["spec"]["containers"]
    return dict(found)


def serve(folder: Path, instances: int) -> dict[str, Any]:
    """What a server with so many instances of one model says and answers."""
    if reason := no_namespace():
        pytest.skip(reason)
    version = folder / "echo" / "1"
    version.mkdir(parents=True)
    (version / "model.py").write_text(MODEL)
    group = f"instance_group {{ kind: KIND_CPU count: {instances} }}\n"
    (folder / "echo" / "config.pbtxt").write_text(CONFIG + group)
    options = [
        each.replace("$(TRITON_ADMIN_KEY)", "key")
        for each in container()["args"]
        if each.startswith("--") and not each.startswith(LOCAL)
    ]
    done = subprocess.run(
        [
            *("unshare", "--mount", "sh", "-c", MOUNT, "sh"),
            *(sys.executable, "-c", SERVE, str(folder), json.dumps(options)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.slow
def test_instances_that_do_not_fit_end_the_server_with_the_reason(
    server_environment: ServerEnvironment, tmp_path: Path
) -> None:
    told = serve(tmp_path, instances=12)
    assert not told["ready"]
    message = tail(container(), told["log"])
    assert "failed to load 'echo' version 1: " in message
    assert "Unable to initialize shared memory key" in message
    assert message.rstrip().endswith("failed to load all models")


@pytest.mark.slow
def test_a_request_that_does_not_fit_is_refused_alone(
    server_environment: ServerEnvironment, tmp_path: Path
) -> None:
    told = serve(tmp_path, instances=1)
    assert told["ready"]
    first, large, last = told["answers"]
    assert (first, last) == ("", "")
    assert "Failed to increase the shared memory pool size" in large
