"""``serve --engine docker | podman``: the same repository on a full Triton image.

The image is the stock one and what the stages import (runtime/Containerfile); the repository is
mounted read-only.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime import addresses, admin, wanted
from runtime.called import with_called
from runtime.errors import RuntimeFailure, ServerFailed

FOLDER = Path(__file__).resolve().parent
SHARED_MEMORY = "1g"
"""Python stubs pass tensors through /dev/shm, of which a container has 64 MB by itself."""

START = (
    "key=$(od -An -v -tx1 -N32 /dev/urandom | tr -d ' \\n'); for each; do shift; "
    'set -- "$@" "$(printf %s "$each" | sed "s/{admin-key}/$key/")"; done; exec "$@"'
)
"""Starts a command in the image with a key that is made there and that nobody learns."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """A Triton container to be run.

    Attributes:
        engine: ``docker`` or ``podman``.
        repository: the model repository.
        release: the Triton release, as ``24.10``.
        gpu: whether it gets the machine's GPUs.
        host: the address of this machine that the ports are published on.
        http_port: on this machine; so the other two.
        grpc_port: likewise.
        metrics_port: likewise.
        models: the models to load; empty is all.
        image: an image to run as it is; empty builds ours.
        exit_seconds: how long requests in flight may take at the end.
        opened: groups of calls that everybody may make.
        passed: options for ``tritonserver`` itself.
    """

    engine: str
    repository: Path
    release: str
    gpu: bool
    host: str
    http_port: int
    grpc_port: int
    metrics_port: int
    models: tuple[str, ...]
    image: str
    exit_seconds: float
    opened: tuple[str, ...]
    passed: Sequence[str]

    def commands(self) -> list[list[str]]:
        """The commands to run, one after the other; the last one serves."""
        return [*([] if self.image else [self._build()]), self._run()]

    @property
    def _tag(self) -> str:
        return self.image or f"triton-multimodal-kit:{self.release}"

    def _build(self) -> list[str]:
        return [
            *(self.engine, "build", "--tag", self._tag),
            *("--build-arg", f"TRITON_RELEASE={self.release}"),
            *("--file", str(FOLDER / "Containerfile")),
            str(FOLDER),
        ]

    def _run(self) -> list[str]:
        gpus = {"docker": ["--gpus", "all"], "podman": ["--device", "nvidia.com/gpu=all"]}
        ports = {self.http_port: 8000, self.grpc_port: 8001, self.metrics_port: 8002}
        host = addresses.resolve(self.host).for_grpc
        return [
            *(self.engine, "run", "--rm", "--init"),
            *("--stop-timeout", str(round(self.exit_seconds) + 5)),
            *(gpus[self.engine] if self.gpu else []),
            *("--shm-size", SHARED_MEMORY),
            *(
                part
                for outside, inside in ports.items()
                for part in ("--publish", f"{host}:{outside}:{inside}")
            ),
            *("--mount", f"type=bind,source={self.repository.resolve()},target=/models,readonly"),
            self._tag,
            *self._started(),
            "tritonserver",
            "--model-repository=/models",
            "--model-control-mode=explicit",
            *(
                f"--load-model={model}"
                for model in with_called(
                    self.repository, wanted.check(self.repository, self.models)
                )
            ),
            "--disable-auto-complete-config",
            f"--exit-timeout-secs={max(1, round(self.exit_seconds))}",
            *admin.restricted(self.opened),
            *admin.checked(self.passed, self.opened),
        ]

    def _started(self) -> list[str]:
        """What makes the key, if there has to be one."""
        return ["sh", "-c", START, "sh"] if admin.restricted(self.opened) else []


def serve(container: Container) -> None:
    """Builds the image if it is ours, and runs it until it ends.

    Raises:
        RuntimeFailure: the engine is not installed, a port is 0, or one of its commands failed.
    """
    if shutil.which(container.engine) is None:
        raise RuntimeFailure(
            f"There is no {container.engine} on PATH; install it, or use --engine local."
        )
    for command in container.commands():
        try:
            code = subprocess.run(command, check=False).returncode
        except KeyboardInterrupt:  # the engine got it too, and has ended the server
            return
        if code:
            raise ServerFailed(
                f"{container.engine} ended with exit code {code}; the command was: "
                f"{shlex.join(command)}"
            )
