"""Where a measurement was made: the machine and the software, without a name or path of either."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path

import psutil

from perf.result import Machine
from repository.places import ROOT
from repository.release import RELEASES
from runtime.machine.environment import DEFAULT_ENVIRONMENT, ServerEnvironment
from runtime.machine.look import gpus

VECTORS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
"""The flags in ``/proc/cpuinfo`` that decide how fast a model is, in each precision."""

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")
_CLIENT_PACKAGES = ("numpy", "onnxruntime", "tritonclient", "grpcio", "kserve")
_SERVER_PACKAGES = ("nvidia-pytriton", "numpy", "onnxruntime")


def machine() -> Machine:
    """This machine as this process has it, now: under another load, it is another machine."""
    return Machine(
        system=_system(),
        processor=processor(),
        cores=_cores(),
        memory_gib=round(_memory() / 2**30, 1),
        gpus=tuple(f"{gpu.name}, {gpu.memory_mib / 1024:.0f} GiB" for gpu in gpus()[0]),
        load_before=round(os.getloadavg()[0], 2),
    )


def software(*, triton: str | None = None) -> dict[str, str]:
    """The versions that a measurement depends on, by name; what is not installed is left out.

    Args:
        triton: the version that the server says of itself, as "2.51.0".
    """
    server = ServerEnvironment(DEFAULT_ENVIRONMENT)
    found = {"python": platform.python_version()}
    for name in _CLIENT_PACKAGES:
        found |= _version(name, importlib.metadata.distributions(name=name))
    if server.folder.is_dir():
        for name in _SERVER_PACKAGES:
            versions = importlib.metadata.distributions(name=name, path=[str(server.packages)])
            found |= _version(name, versions, label=f"{name} (server)")
    if triton is not None:
        release = next((each.name for each in RELEASES.values() if each.server == triton), None)
        found["triton"] = triton if release is None else f"{triton} ({release})"
    kit = "triton-multimodal-kit"
    found |= _version(kit, importlib.metadata.distributions(name=kit))
    if commit := _commit(ROOT):
        found["commit"] = commit
    return found


def _version(
    name: str, found: Iterable[importlib.metadata.Distribution], *, label: str = ""
) -> dict[str, str]:
    first = next(iter(found), None)
    return {} if first is None else {label or name: first.version}


def _commit(root: Path) -> str:
    """The checkout's commit, ``-dirty`` if files were changed; empty without a checkout."""
    if not (root / ".git").exists():  # a folder above it may be a checkout of something else
        return ""
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return said.stdout.strip() if said.returncode == 0 else ""


def _system() -> str:
    name, version = platform.libc_ver()
    library = f", {name} {version}" if name else ""
    kernel = platform.release().partition("-")[0]  # what follows is the builder's own name for it
    return f"{platform.system()} {kernel} {platform.machine()}{library}"


def processor() -> str:
    """The processor's name, else its architecture."""
    return _told_of_processor("model name") or platform.machine()


def vectors() -> tuple[str, ...]:
    """Which of :data:`VECTORS` the processor has, in its order."""
    flags = _told_of_processor("flags").split()
    return tuple(each for each in VECTORS if each in flags)


def _told_of_processor(what: str) -> str:
    for line in _text(Path("/proc/cpuinfo")).splitlines():
        name, _, value = line.partition(":")
        if name.strip() == what:
            return value.strip()
    return ""


def _cores() -> int:
    """The cores that this process may use; a part of a core counts as one."""
    allowed = len(os.sched_getaffinity(0))
    quota = _quota(_CGROUPS, _text(_OWN_CGROUPS))
    return min(allowed, math.ceil(quota)) if quota else allowed


def _memory() -> int:
    """Bytes of memory that this process and its like may have together."""
    total = int(psutil.virtual_memory().total)
    limits = [
        int(said)
        for folder in _folders(_CGROUPS, _text(_OWN_CGROUPS), "memory")
        for name in ("memory.max", "memory.limit_in_bytes")
        if (said := _text(folder / name).strip()).isdigit()
    ]
    return min([total, *limits])


def _quota(root: Path, own: str) -> float | None:
    """The cores' worth of time that the control groups of this process leave it; None if all.

    Args:
        root: where the groups are mounted.
        own: the content of ``/proc/self/cgroup``.
    """
    quotas = []
    for folder in _folders(root, own, "cpu"):
        words = _text(folder / "cpu.max").split() or [
            *_text(folder / "cpu.cfs_quota_us").split(),
            *_text(folder / "cpu.cfs_period_us").split(),
        ]
        if len(words) == 2 and words[0].isdigit() and int(words[1]) > 0:
            quotas.append(int(words[0]) / int(words[1]))
    return min(quotas, default=None)


def _folders(root: Path, own: str, controller: str) -> list[Path]:
    """A process's control group and those above it, for version 2 of control groups and 1.

    A container may see the groups of its own as the root, and the path of its group from outside:
    then only the root is there.
    """
    found = []
    for line in own.splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = root / controller if controllers else root
        folder = top / path.lstrip("/")
        found += [each for each in (folder, *folder.parents) if each.is_relative_to(top)]
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
