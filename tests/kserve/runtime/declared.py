"""The rendered ServingRuntime ``triton-multimodal`` as a local Triton, and its declared probes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from runtime import state
from runtime.control import CallFailed, Control
from runtime.environment import ServerEnvironment
from runtime.server import LocalServer
from tests.kserve.crds import ROOT
from tests.kserve.render import Object, shipped

ADMIN_KEY = "the-key-of-the-secret"


def container() -> Object:
    """The container of the rendered runtime."""
    (runtime,) = (
        each for each in shipped("overlays/local-cpu") if each["kind"] == "ServingRuntime"
    )
    (found,) = runtime["spec"]["containers"]
    return dict(found)


def grace_seconds() -> int:
    """``terminationGracePeriodSeconds`` of the rendered InferenceService."""
    (service,) = (
        each for each in shipped("overlays/local-cpu") if each["kind"] == "InferenceService"
    )
    return int(service["spec"]["predictor"]["terminationGracePeriodSeconds"])


class DeclaredServer(LocalServer):
    """A local Triton with the runtime's own arguments and environment.

    Of LocalServer's stay those that only this machine needs: where backends and caches are, names
    of shared memory, and the loopback address. Repository and ports become the local ones.
    """

    def _command(self, environment: ServerEnvironment, own: state.ServerState) -> list[str]:
        local = super()._command(environment, own)
        here = {
            "--model-repository": str(self.repository),
            **{f"--{name}-port": str(port) for name, port in self._ports.items()},
        }
        declared = container()["args"]
        assert declared[0] == "tritonserver"
        options = []
        for argument in declared[1:]:
            name, _, value = argument.partition("=")
            value = here.get(name, value).replace("$(TRITON_ADMIN_KEY)", ADMIN_KEY)
            options.append(f"{name}={value}" if value else name)
        kept = ("--backend-directory", "--cache-directory", "--backend-config")
        addresses = ("--http-address", "--grpc-address", "--metrics-address")
        return [
            local[0],
            *(each for each in local if each.startswith((*kept, *addresses))),
            *options,
        ]


def http_probe(server: LocalServer, name: str) -> bool:
    """Whether a declared ``httpGet`` probe succeeds now."""
    probe: dict[str, Any] = container()[name]
    try:
        Control(server.http, timeout_seconds=probe["timeoutSeconds"]).request(
            "GET", probe["httpGet"]["path"]
        )
    except CallFailed:
        return False
    return True


def liveness_probe(server: LocalServer, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs the declared ``exec`` probe, its folder and port being the local ones."""
    probe = container()["livenessProbe"]
    here = {
        "--chdir=/opt/triton-multimodal-kit": f"--chdir={ROOT}",
        "python3": sys.executable,
        "http://127.0.0.1:8080": f"http://{server.http}",
    }
    assert here.keys() <= set(probe["exec"]["command"])
    return subprocess.run(
        [here.get(each, each) for each in probe["exec"]["command"]],
        env=os.environ | {"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=probe["timeoutSeconds"],
        check=False,
    )
