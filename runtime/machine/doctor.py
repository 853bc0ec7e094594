"""``doctor``: whether this machine can build and serve, and what to do where it cannot."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from repository.pip_commands import install_command
from runtime.machine.look import PORTS, Machine, look
from runtime.machine.needs import GLIBC, PYTHONS

MIB = 2**20
GIB = 2**30

DISK_NEEDED = 1 * GIB
"""The server environment (0.6 GB), a build's temporary files, and the repository."""

DISK_WANTED = 5 * GIB
"""Both environments (2.2 GB), the cache of builds, and packages while they are installed."""

MEMORY_NEEDED = 1 * GIB
"""The smallest pipeline's models in one process each."""

MEMORY_WANTED = 4 * GIB
"""Several instances of each model, and a build beside them."""

SHM_NEEDED = 16 * MIB
"""A region of 1 MB for every Python stub, and room to grow."""

SHM_WANTED = 256 * MIB
"""Regions grow to a stub's largest tensors and stay; Docker's default of 64 MB has run out."""


class Outcome(enum.StrEnum):
    """What a check says."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing looked at.

    Attributes:
        name: what, in a word or two.
        outcome: an error stops a build or a server; a warning may.
        found: what there is.
        remedy: how to mend it, as a sentence; empty if nothing needs mending.
    """

    name: str
    outcome: Outcome
    found: str
    remedy: str = ""

    def sentence(self) -> str:
        """What there is, and how to mend it."""
        return f"{self.found}. {self.remedy}" if self.remedy else self.found

    def __str__(self) -> str:
        return f"{self.outcome}: {self.name}: {self.sentence()}"


def run_checks(machine: Machine | None = None) -> list[Check]:
    """Every check, in the order of what depends on what.

    Args:
        machine: the facts to judge; None looks at this machine.
    """
    facts = look() if machine is None else machine
    return [check(facts) for check in _CHECKS]


def _python(machine: Machine) -> Check:
    version = ".".join(map(str, machine.python))
    known = " or ".join(f"{major}.{minor}" for major, minor in PYTHONS)
    if machine.python[:2] in PYTHONS:
        return Check(name="Python", outcome=Outcome.OK, found=version)
    return Check(
        name="Python",
        outcome=Outcome.ERROR,
        found=f"{version}, which not all pinned packages exist for",
        remedy=f"Set the project up with Python {known}.",
    )


def _system(machine: Machine) -> Check:
    if machine.system == "Linux x86_64":
        return Check(name="system", outcome=Outcome.OK, found=machine.system)
    return Check(
        name="system",
        outcome=Outcome.ERROR,
        found=f"{machine.system}, which the local Triton does not run on",
        remedy="Build here, and serve in a container, with Docker or Podman.",
    )


def _glibc(machine: Machine) -> Check:
    needed = ".".join(map(str, GLIBC))
    if machine.glibc is not None and machine.glibc >= GLIBC:
        return Check(name="glibc", outcome=Outcome.OK, found=".".join(map(str, machine.glibc)))
    found = "another C library" if machine.glibc is None else ".".join(map(str, machine.glibc))
    return Check(
        name="glibc",
        outcome=Outcome.ERROR,
        found=f"{found}, where the local Triton needs glibc {needed}",
        remedy="Use Debian 12, Ubuntu 22.04 or newer, or serve in a container.",
    )


def _libpython(machine: Machine) -> Check:
    if machine.has_libpython:
        return Check(name="libpython", outcome=Outcome.OK, found=machine.libpython)
    major, minor = machine.python[:2]
    return Check(
        name="libpython",
        outcome=Outcome.ERROR,
        found=f"no {machine.libpython}, which Triton's Python stub needs",
        remedy=f"Install it (apt-get install libpython{major}.{minor}), or use a Python built "
        "with --enable-shared.",
    )


def _amount(
    name: str, free: int, needed: int, wanted: int, remedy: str, *, kind: str = "free"
) -> Check:
    unit, size = ("GiB", GIB) if max(free, wanted) >= GIB else ("MiB", MIB)
    found = f"{free / size:.1f} {unit} {kind}"
    if free >= wanted:
        return Check(name=name, outcome=Outcome.OK, found=found)
    return Check(
        name=name,
        outcome=Outcome.WARNING if free >= needed else Outcome.ERROR,
        found=f"{found}, where {wanted // size} {unit} are wanted",
        remedy=remedy,
    )


def _disk(machine: Machine) -> Check:
    remedy = "Free some space, or put the project on a larger disk."
    return _amount("disk", machine.disk_free, DISK_NEEDED, DISK_WANTED, remedy)


def _memory(machine: Machine) -> Check:
    remedy = "End other programs, raise the container's limit, or lower the profile's instances."
    available = machine.memory_available
    return _amount("memory", available, MEMORY_NEEDED, MEMORY_WANTED, remedy, kind="available")


def _shm(machine: Machine) -> Check:
    remedy = "Raise it: 'mount -o remount,size=1G /dev/shm', or --shm-size=1g for a container."
    if machine.shm_free is None:
        return Check(
            name="/dev/shm",
            outcome=Outcome.ERROR,
            found="none, and Triton passes tensors to Python models through it",
            remedy="Mount it: 'mount -t tmpfs -o size=1G tmpfs /dev/shm'.",
        )
    return _amount("/dev/shm", machine.shm_free, SHM_NEEDED, SHM_WANTED, remedy)


def _server(machine: Machine) -> Check:
    found = {
        "current": "installed",
        "stale": "incomplete, or made from other requirements or another Python",
        "absent": "not installed yet",
    }[machine.server]
    if machine.server == "current":
        return Check(name="server environment", outcome=Outcome.OK, found=found)
    return Check(
        name="server environment",
        outcome=Outcome.WARNING,
        found=found,
        remedy="Run 'python -m runtime install'.",
    )


def _ports(machine: Machine) -> Check:
    free = ", ".join(map(str, PORTS))
    if not machine.ports_taken:
        return Check(name="ports", outcome=Outcome.OK, found=f"{free} are free")
    taken = [
        f"{port} ({PORTS[port]}) is taken by {holder}"
        for port, holder in sorted(machine.ports_taken.items())
    ]
    options = [f"--{PORTS[port].lower()}-port" for port in sorted(machine.ports_taken)]
    return Check(
        name="ports",
        outcome=Outcome.WARNING,
        found="; ".join(taken),
        remedy=f"End it, or choose others: 'python -m runtime serve {' 0 '.join(options)} 0'.",
    )


def _gpu(machine: Machine) -> Check:
    if machine.gpu_problem:
        return Check(
            name="GPU",
            outcome=Outcome.WARNING,
            found=machine.gpu_problem,
            remedy="Mend the NVIDIA driver, or use CPU profiles only.",
        )
    if not machine.gpus:
        return Check(name="GPU", outcome=Outcome.OK, found="none; CPU profiles work")
    found = "; ".join(
        f"{gpu.name}, {gpu.memory_mib} MiB, compute capability {gpu.capability}, "
        f"driver {gpu.driver}"
        for gpu in machine.gpus
    )
    return Check(name="GPU", outcome=Outcome.OK, found=found)


def _tensorrt(machine: Machine) -> Check:
    install = install_command("tensorrt")
    if machine.tensorrt_problem:
        return Check(
            name="TensorRT",
            outcome=Outcome.WARNING,
            found=f"{machine.tensorrt}, which does not import: {machine.tensorrt_problem}",
            remedy=f"Install it again with its libraries: {install}.",
        )
    if machine.tensorrt:
        return Check(name="TensorRT", outcome=Outcome.OK, found=machine.tensorrt)
    if machine.gpus:
        return Check(
            name="TensorRT",
            outcome=Outcome.WARNING,
            found="none, so GPU profiles cannot make plans",
            remedy=f"Install it: {install}.",
        )
    return Check(name="TensorRT", outcome=Outcome.OK, found="none; only GPU profiles need it")


_CHECKS: tuple[Callable[[Machine], Check], ...] = (
    _system,
    _python,
    _libpython,
    _glibc,
    _disk,
    _memory,
    _shm,
    _server,
    _ports,
    _gpu,
    _tensorrt,
)
