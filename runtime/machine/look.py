"""What this machine has, as plain facts: the part of ``doctor`` that looks."""

from __future__ import annotations

import errno
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from repository.children import ending_with_parent
from runtime.machine.environment import DEFAULT_ENVIRONMENT, ServerEnvironment
from runtime.machine.needs import glibc, has_libpython, libpython_name

PORTS = {8000: "HTTP", 8001: "gRPC", 8002: "metrics"}
"""Triton's own ports."""


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One NVIDIA GPU, as nvidia-smi describes it.

    Attributes:
        name: the product's name.
        memory_mib: its memory in MiB.
        capability: its compute capability, as "9.0".
        driver: the driver's version.
    """

    name: str
    memory_mib: int
    capability: str
    driver: str


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What the checks look at.

    Attributes:
        system: as "Linux x86_64".
        python: the interpreter's version.
        libpython: the file name of the shared library that Triton's Python stub needs.
        has_libpython: whether it is found.
        glibc: its version; None if the C library is another.
        disk_free: bytes free for this user where the project is.
        memory_available: bytes that a new process can have, within a container's limit too.
        shm_free: bytes free in /dev/shm; None if there is no /dev/shm.
        server: the state of the server environment.
        ports_taken: those of :data:`PORTS` that are in use -> by what.
        gpus: the NVIDIA GPUs.
        gpu_problem: why they could not be asked; empty if they could, or there is no driver.
        tensorrt: the version of the installed TensorRT; empty if there is none.
        tensorrt_problem: why it does not import; empty if it does.
    """

    system: str
    python: tuple[int, int, int]
    libpython: str
    has_libpython: bool
    glibc: tuple[int, ...] | None
    disk_free: int
    memory_available: int
    shm_free: int | None
    server: Literal["current", "stale", "absent"]
    ports_taken: Mapping[int, str]
    gpus: tuple[Gpu, ...]
    gpu_problem: str
    tensorrt: str
    tensorrt_problem: str


def look() -> Machine:
    """This machine, now. Takes a fraction of a second; longer where TensorRT is installed."""
    found, gpu_problem = gpus()
    tensorrt, tensorrt_problem = _tensorrt()
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        python=sys.version_info[:3],
        libpython=libpython_name(),
        has_libpython=has_libpython(),
        glibc=glibc(),
        disk_free=shutil.disk_usage(Path(__file__).parent).free,
        memory_available=memory_available(),
        shm_free=_shm_free(Path("/dev/shm")),
        server=_server(DEFAULT_ENVIRONMENT),
        ports_taken={port: holder for port in PORTS if (holder := _holder(port))},
        gpus=found,
        gpu_problem=gpu_problem,
        tensorrt=tensorrt,
        tensorrt_problem=tensorrt_problem,
    )


def memory_available(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes of memory that a new process can have, a container's limit included."""
    available = int(psutil.virtual_memory().available)
    try:
        limit = int((cgroup / "memory.max").read_text())
        used = int((cgroup / "memory.current").read_text())
        # Cached files count as used, and are given up when memory is wanted.
        words = (cgroup / "memory.stat").read_text().split()
        used -= int(words[words.index("inactive_file") + 1])
    except (OSError, ValueError):  # no container, or "max": no limit
        return available
    return min(available, max(0, limit - used))


def _shm_free(path: Path) -> int | None:
    return shutil.disk_usage(path).free if path.is_dir() else None


def _server(folder: Path) -> Literal["current", "stale", "absent"]:
    if not folder.is_dir():
        return "absent"
    return "current" if ServerEnvironment(folder).is_current() else "stale"


def _holder(port: int) -> str:
    """What listens on a port of this machine; empty if it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return error.strerror or "the system"
        else:
            return ""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass  # whose it is may be hidden from this user; that it is taken is not
    return "another process"


def gpus() -> tuple[tuple[Gpu, ...], str]:
    """The NVIDIA GPUs, and why they could not be asked; see :class:`Machine`."""
    fields = "--query-gpu=name,memory.total,compute_cap,driver_version"
    output, problem = _output(["nvidia-smi", fields, "--format=csv,noheader,nounits"], 10)
    try:
        return tuple(_gpu(line) for line in output.splitlines() if line.strip()), problem
    except ValueError:
        return (), f"nvidia-smi says '{output.splitlines()[0]}'"


def _gpu(line: str) -> Gpu:
    name, memory, capability, driver = (part.strip() for part in line.split(","))
    return Gpu(name=name, memory_mib=int(memory), capability=capability, driver=driver)


def _tensorrt() -> tuple[str, str]:
    if importlib.util.find_spec("tensorrt") is None:
        return "", ""
    # In a process of its own: its libraries are large, and a broken one may end the process.
    code = "import tensorrt; print(tensorrt.__version__)"
    output, problem = _output([sys.executable, "-c", code], 60)
    if output:
        return output.split()[-1], ""
    names = importlib.metadata.packages_distributions().get("tensorrt", ["tensorrt"])
    return importlib.metadata.version(names[0]), problem or "it prints no version"


def _output(command: Sequence[str], seconds: float) -> tuple[str, str]:
    """A command's output, and what went wrong; both empty if there is no such command."""
    if shutil.which(command[0]) is None:
        return "", ""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
            preexec_fn=ending_with_parent(signal.SIGKILL),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", f"{Path(command[0]).name}: {error}"
    if done.returncode == 0:
        return done.stdout.strip(), ""
    lines = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
    return "", f"{Path(command[0]).name} ended with code {done.returncode}: {lines[-1]}"
