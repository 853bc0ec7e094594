"""The server as a process: whether it lives, and what it holds."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from runtime import processes
from runtime.watch import leftovers, stubs

SHARED_MEMORY = Path("/dev/shm")
MIB = 2**20


class NoServer(Exception):
    """No such process on this machine; the message is a sentence."""


def newest(running: Iterable[stubs.Stub]) -> dict[str, int]:
    """Instance -> the process of its newest stub; an older one is of a model that was replaced."""
    found: dict[str, tuple[float, int]] = {}
    for stub in running:
        with contextlib.suppress(psutil.NoSuchProcess):
            made = psutil.Process(stub.pid).create_time()
            found[stub.instance] = max(found.get(stub.instance, (0.0, 0)), (made, stub.pid))
    return {instance: pid for instance, (_, pid) in found.items()}


@dataclass(frozen=True)
class Figures:
    """What a server holds; sizes in bytes.

    Attributes:
        server_memory: its own memory, in no file and not shared.
        descriptors: its open files.
        stubs: those that run.
        stub_memory: resident in all of them, what they share counted in each.
        regions: of those stubs.
        shared_memory: the memory of those regions.
        zombies: stubs that have ended and that the server has not taken note of.
        left_regions: regions of stubs that are gone.
        left_memory: the memory of those.
    """

    server_memory: int
    descriptors: int
    stubs: int
    stub_memory: int
    regions: int
    shared_memory: int
    zombies: int
    left_regions: int
    left_memory: int

    def __str__(self) -> str:
        return (
            f"server {self.server_memory / MIB:.0f} MiB, {self.descriptors} descriptors, "
            f"{self.stubs} stubs with {self.stub_memory / MIB:.0f} MiB, "
            f"/dev/shm {self.shared_memory / MIB:.1f} MiB in {self.regions} regions; left of stubs "
            f"that are gone: {self.zombies} zombies, {self.left_memory / MIB:.1f} MiB in "
            f"{self.left_regions} regions"
        )


class Server:
    """The ``tritonserver`` that has an HTTP port.

    Raises:
        NoServer: there is none.
    """

    def __init__(self, http_port: int) -> None:
        wanted = f"--http-port={http_port}"
        for process in psutil.process_iter(["cmdline"]):
            arguments = process.info["cmdline"] or []
            if arguments and Path(arguments[0]).name == "tritonserver" and wanted in arguments:
                self._process = process
                self.pid: int = process.pid
                # Each backend's own ends with the backend's name.
                pattern = r"--backend-config=(\w+),shm-region-prefix-name=([^,\s]+)"
                named = re.search(pattern, "\n".join(arguments))
                self._prefix = (
                    named[2].removesuffix(named[1])
                    if named
                    else "triton_python_backend_shm_region_"
                )
                return
        raise NoServer(
            f"no tritonserver with {wanted} on this machine, whose process could be watched; "
            "start one with `make serve`"
        )

    def is_alive(self) -> bool:
        """Whether it is the process that it was; a zombie is none."""
        try:
            return self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def stubs(self) -> dict[str, int]:
        """Instance -> the process of its newest stub."""
        return newest(stubs.running(self.pid))

    def figures(self) -> Figures:
        """What it holds now.

        Raises:
            psutil.NoSuchProcess: it has ended.
        """
        running = stubs.running(self.pid)
        left = leftovers.measure(self.pid, self._prefix, SHARED_MEMORY)
        sizes = [
            size
            for region in SHARED_MEMORY.glob(f"{self._prefix}*")
            if (size := _blocks(region)) is not None
        ]
        return Figures(
            server_memory=processes.private_bytes(self.pid),
            descriptors=self._process.num_fds(),
            stubs=len(running),
            stub_memory=sum(_resident(stub.pid) for stub in running),
            regions=len(sizes) - left.regions,
            shared_memory=sum(sizes) - left.region_bytes,
            zombies=left.zombies,
            left_regions=left.regions,
            left_memory=left.region_bytes,
        )


def _blocks(region: Path) -> int | None:
    try:
        return region.stat().st_blocks * 512
    except FileNotFoundError:
        return None


def _resident(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
