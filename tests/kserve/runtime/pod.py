"""The rendered pod on this machine: the kernel's own namespaces in place of a container runtime.

As in Kubernetes, a sandbox holds network, volumes and the root file system; containers come and go
in it, and what is in the volumes stays. In the container only those are writable, the manifest's
user has no capabilities and cannot get any, its process is the first one, and the ports are the
declared ones. What is missing: seccomp, and the image itself, whose place the server environment
takes.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from runtime import processes
from runtime.machine.environment import ServerEnvironment
from runtime.server.control import Control
from tests.kserve.runtime import sandbox
from tests.kserve.runtime.declared import ADMIN_KEY, container, runtime_spec
from tests.kserve.schemas.crds import ROOT

TOOLS = ("unshare", "nsenter", "mount", "chroot", "setpriv")
CLONE_NEWNET = 0x40000000
"""sched.h; Python 3.11 has no ``os.setns``."""


def missing() -> str:
    """Why this machine can make no pod; empty where it can."""
    if os.getuid() != 0:
        return "only root can make mounts and become another user"
    if lacking := [each for each in TOOLS if shutil.which(each) is None]:
        return f"{', '.join(lacking)} (util-linux, coreutils) is missing"
    tried = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--fork", "mount", "-t", "tmpfs", "try", "/mnt"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"no namespaces here: {tried.stderr.strip()}" if tried.returncode else ""


class Pod:
    """A pod of ``triton-multimodal``.

    Args:
        repository: what KServe mounts at /mnt/models.
        environment: the server environment, in place of the image.
        options: arguments that follow the declared ones, as an InferenceService's do.
        cgroup: the folder of a memory cgroup that containers are put into.
    """

    http = "127.0.0.1:8080"

    def __init__(
        self,
        repository: Path,
        environment: ServerEnvironment,
        *,
        options: Sequence[str] = (),
        cgroup: Path | None = None,
    ) -> None:
        self._repository = repository.resolve()
        self._environment = environment
        self._options = tuple(options)
        self._cgroup = cgroup
        self._folder = Path()
        self._sandbox: subprocess.Popen[str] | None = None
        self._container: subprocess.Popen[bytes] | None = None
        self.pid = 0

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="pod-"))
        (self._folder / "root").mkdir()
        spec = runtime_spec()
        mounts = sandbox.script(self._folder / "root", spec, self._repository, self._environment)
        up = f"{sys.executable} {sandbox.LOOPBACK}\necho up\nexec sleep infinity"
        self._sandbox = subprocess.Popen(
            [
                *("unshare", "--mount", "--net", "--kill-child", "--fork"),
                *("sh", "-euc", f"{mounts}\n{up}"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._sandbox.stdout is not None and self._sandbox.stderr is not None
        if self._sandbox.stdout.readline() != "up\n":
            said = self._sandbox.stderr.read()
            self.close()
            raise AssertionError(f"no sandbox: {said}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends container and sandbox, whose mounts end with it."""
        if self._container is not None and self._container.poll() is None:
            self.kill(signal.SIGKILL)
            self._container.wait()
        if self._sandbox is not None:
            self._sandbox.kill()
            self._sandbox.communicate()
        shutil.rmtree(self._folder)

    @property
    def control(self) -> Control:
        """Triton's API at the declared port; for use within :meth:`network`."""
        return Control(self.http)

    @property
    def log(self) -> str:
        """What the newest container has said, of which the kubelet keeps the end."""
        return (self._folder / "log").read_text(errors="replace")

    def start(self) -> None:
        """Starts a container, as the kubelet does first and again; does not wait for it."""
        assert self._sandbox is not None
        root = self._folder / "root"
        join = f"echo $$ > {self._cgroup}/cgroup.procs; " if self._cgroup else ""
        declared = [each.replace("$(TRITON_ADMIN_KEY)", ADMIN_KEY) for each in container()["args"]]
        with (self._folder / "log").open("wb") as log:
            self._container = subprocess.Popen(
                [
                    *("sh", "-euc", f'{join}exec "$@"', "sh", *self._enter("--mount", "--net")),
                    *("unshare", "--pid", "--mount", "--fork", "--kill-child"),
                    *(f"--mount-proc={root}/proc", "chroot", str(root)),
                    *(*self._as_user(), *declared, *self._options),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 60
        while not self._is_server():
            assert time.monotonic() < deadline and self._container.poll() is None, self.log
            time.sleep(0.01)

    def _is_server(self) -> bool:
        assert self._container is not None
        self.pid = next(iter(processes.children(self._container.pid)), 0)
        return bool(self.pid) and processes.arguments(self.pid)[:1] == ["tritonserver"]

    def _enter(self, *namespaces: str) -> list[str]:
        assert self._sandbox is not None
        (holder,) = processes.children(self._sandbox.pid)
        return ["nsenter", f"--target={holder}", *namespaces, "--"]

    def _as_user(self) -> list[str]:
        context = container()["securityContext"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["allowPrivilegeEscalation"] is False
        variables = sandbox.image_variables(self._environment) | {
            each["name"]: each.get("value", ADMIN_KEY) for each in container()["env"]
        }
        return [
            *("setpriv", f"--reuid={context['runAsUser']}", f"--regid={context['runAsGroup']}"),
            *("--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--"),
            *("env", "-i", "--chdir=/", *(f"{name}={value}" for name, value in variables.items())),
        ]

    def execute(self, command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
        """Runs a command in the container, as the kubelet runs an ``exec`` probe."""
        everything = ["--mount", "--net", "--pid", "--root", "--wd"]
        return subprocess.run(
            ["nsenter", f"--target={self.pid}", *everything, "--", *self._as_user(), *command],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def client(self, command: Sequence[str]) -> subprocess.Popen[str]:
        """Starts a program of the checkout's environment in the pod's network."""
        return subprocess.Popen(
            [*self._enter("--net"), sys.executable, *command],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @contextlib.contextmanager
    def network(self) -> Iterator[None]:
        """Puts this thread, and those that it starts, into the pod's network."""
        assert self._sandbox is not None
        (holder,) = processes.children(self._sandbox.pid)
        own = os.open(f"/proc/{threading.get_native_id()}/ns/net", os.O_RDONLY)
        pods = os.open(f"/proc/{holder}/ns/net", os.O_RDONLY)
        try:
            _set_network(pods)
            yield
        finally:
            _set_network(own)
            os.close(own)
            os.close(pods)

    def kill(self, number: int) -> None:
        """Sends a signal to the container's first process."""
        os.kill(self.pid, number)

    def wait(self, seconds: float) -> int | None:
        """The container's exit code, or None if it has not ended in time."""
        assert self._container is not None
        try:
            return self._container.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def files(self, volume: str) -> Mapping[str, int]:
        """The paths in a volume, and their bytes."""
        assert self._sandbox is not None
        (holder,) = processes.children(self._sandbox.pid)
        folder = Path(f"/proc/{holder}/root{self._folder}/root{volume}")
        return {
            str(each.relative_to(folder)): each.lstat().st_blocks * 512
            for each in folder.rglob("*")
        }


def _set_network(handle: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(handle, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
