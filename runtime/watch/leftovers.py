"""What a server keeps of stubs that are gone.

A request that fails on a dead stub leaves its response factory in Triton, and with it the model,
its shared memory, its sockets and the entries of the dead processes, until the server ends
(``ModelInstanceState::ProcessRequests`` returns before it deletes the factory; r24.10 to r26.07).
Nothing outside the server can give these back, so a server that holds too much is exchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runtime import processes
from runtime.watch import stubs

_STUB_REGION_ARGUMENT = 2
"""The place of the shared memory's name among a stub's arguments (stub_launcher.cc, 24.10)."""


@dataclass(frozen=True)
class Leftovers:
    """What was found.

    Attributes:
        zombies: processes that have ended, and that the server has not waited for.
        regions: shared memory regions without a stub.
        region_bytes: the memory that those take.
        private_bytes: the server's own memory, in no file and not shared.
    """

    zombies: int
    regions: int
    region_bytes: int
    private_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.zombies} ended stubs, {self.regions} regions of shared memory "
            f"({self.region_bytes / 2**20:.0f} MiB) and {self.private_bytes / 2**20:.0f} MiB of "
            "its own"
        )


@dataclass(frozen=True)
class Bounds:
    """How much a server may hold before it is exchanged.

    Attributes:
        zombies: ended processes.
        regions: regions without a stub.
        region_bytes: their memory.
        private_bytes: the server's own memory.
    """

    zombies: int = 64
    regions: int = 64
    region_bytes: int = 512 * 2**20
    private_bytes: int = 2 * 2**30

    def exceeded(self, found: Leftovers) -> bool:
        """Whether any of them is exceeded."""
        return (
            found.zombies > self.zombies
            or found.regions > self.regions
            or found.region_bytes > self.region_bytes
            or found.private_bytes > self.private_bytes
        )


DEFAULT = Bounds()


def measure(server_pid: int, region_prefix: str, shared_memory: Path) -> Leftovers:
    """Looks at a server.

    Args:
        server_pid: the server.
        region_prefix: how the names of its regions begin.
        shared_memory: where they lie.
    """
    children = processes.children(server_pid)
    used = {
        arguments[_STUB_REGION_ARGUMENT].lstrip("/")
        for stub in stubs.running(server_pid)
        if len(arguments := processes.arguments(stub.pid)) > _STUB_REGION_ARGUMENT
    }
    sizes = []
    for region in shared_memory.glob(f"{region_prefix}*"):
        try:
            facts = region.stat()
        except FileNotFoundError:
            continue
        if region.name not in used:
            sizes.append(facts.st_blocks * 512)
    return Leftovers(
        zombies=sum(not processes.is_running(pid) for pid in children),
        regions=len(sizes),
        region_bytes=sum(sizes),
        private_bytes=processes.private_bytes(server_pid),
    )
