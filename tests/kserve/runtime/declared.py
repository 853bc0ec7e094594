"""What the rendered ``triton-multimodal`` declares, and a server that does it as this user.

The server stands in for :class:`~tests.kserve.runtime.pod.Pod` where a machine makes no pods: the
same arguments, environment and probes, and no file system, user or network of its own.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from runtime.errors import ServerFailed
from runtime.guard import state
from runtime.machine.environment import ServerEnvironment
from runtime.server.control import CallFailed, Control
from runtime.server.server import LocalServer
from tests.kserve.render import Object, shipped
from tests.kserve.schemas.crds import ROOT

ADMIN_KEY = "the-key-of-the-secret"


def runtime_spec() -> Object:
    """``spec`` of the rendered runtime."""
    (runtime,) = (
        each for each in shipped("overlays/local-cpu") if each["kind"] == "ServingRuntime"
    )
    return dict(runtime["spec"])


def container() -> Object:
    """The container of the rendered runtime."""
    (found,) = runtime_spec()["containers"]
    return dict(found)


def flag(name: str) -> str:
    """The value of a declared argument."""
    (value,) = (
        each.partition("=")[2] for each in container()["args"] if each.startswith(f"--{name}=")
    )
    return str(value)


def grace_seconds() -> int:
    """``terminationGracePeriodSeconds`` of the rendered InferenceService."""
    (service,) = (
        each for each in shipped("overlays/local-cpu") if each["kind"] == "InferenceService"
    )
    return int(service["spec"]["predictor"]["terminationGracePeriodSeconds"])


class _Local(LocalServer):
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
        options = []
        for argument in (each for each in container()["args"] if each.startswith("--")):
            name, _, value = argument.partition("=")
            value = here.get(name, value).replace("$(TRITON_ADMIN_KEY)", ADMIN_KEY)
            options.append(f"{name}={value}" if value else name)
        kept = ("--backend-directory", "--cache-directory", "--backend-config")
        addresses = ("--http-address", "--grpc-address", "--metrics-address")
        return [
            local[0],
            *(each for each in local if each.startswith((*kept, *addresses))),
            *options,
            *self._options,
        ]


class DeclaredServer:
    """The declared command line as this user.

    Args:
        repository: the model repository.
        environment: the server environment.
        options: arguments that follow the declared ones, as an InferenceService's do.
    """

    def __init__(
        self, repository: Path, environment: ServerEnvironment, *, options: Sequence[str] = ()
    ) -> None:
        self._server = _Local(repository, environment=environment, options=options)
        self._starting = threading.Thread(target=self._start)
        self._folder = tempfile.TemporaryDirectory()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._starting.ident is not None:
            self._starting.join(timeout=60)
        self._server.stop(now=True)
        self._folder.cleanup()

    @property
    def http(self) -> str:
        """``host:port`` of the HTTP endpoint."""
        return self._server.http

    @property
    def pid(self) -> int:
        """The process id of ``tritonserver``; 0 until it is live."""
        return self._server.pid

    @property
    def control(self) -> Control:
        """Triton's API."""
        return self._server.control

    @property
    def log(self) -> str:
        """What the server has said."""
        return "\n".join([*self._server.log_lines, ""])

    def start(self) -> None:
        """Starts the server and does not wait for its models."""
        self._starting.start()
        deadline = time.monotonic() + 60
        while not self._server.log_lines and time.monotonic() < deadline:
            time.sleep(0.01)

    def _start(self) -> None:
        with contextlib.suppress(ServerFailed):
            self._server.start()

    def wait(self, seconds: float) -> int | None:
        """0 if the server has ended by itself while it started, None if it lives."""
        self._starting.join(seconds)
        return None if self._starting.is_alive() or self._server.is_running() else 1

    @contextlib.contextmanager
    def network(self) -> Iterator[None]:
        """Nothing: the server listens in the network of this process."""
        yield

    def execute(self, command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
        """Runs an ``exec`` probe; folder, interpreter and port become the local ones."""
        here = {
            "--chdir=/opt/triton-multimodal-kit": f"--chdir={ROOT}",
            "python3": sys.executable,
            "http://127.0.0.1:8080": f"http://{self.http}",
        }
        assert here.keys() <= set(command)
        return subprocess.run(
            [here.get(each, each) for each in command],
            env=os.environ | {"TMPDIR": self._folder.name},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def client(self, command: Sequence[str]) -> subprocess.Popen[str]:
        """Starts a program of the checkout's environment."""
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def answers(control: Control, path: str, seconds: float) -> bool:
    """Whether an ``httpGet`` succeeds."""
    try:
        control.request("GET", path, timeout_seconds=seconds)
    except CallFailed:
        return False
    return True


def http_probe(served: Any, name: str) -> bool:
    """Whether a declared ``httpGet`` probe of a Pod or DeclaredServer succeeds now."""
    probe = container()[name]
    assert str(probe["httpGet"]["port"]) == flag("http-port")
    with served.network():
        return answers(served.control, probe["httpGet"]["path"], probe["timeoutSeconds"])


def liveness_probe(served: Any) -> subprocess.CompletedProcess[str]:
    """Runs the declared ``exec`` probe; one that takes longer than it may is an error."""
    probe = container()["livenessProbe"]
    done = served.execute(probe["exec"]["command"], probe["timeoutSeconds"])
    assert isinstance(done, subprocess.CompletedProcess)
    return done
