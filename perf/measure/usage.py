"""Processor time and memory of a measurement, by part: server, stubs of a model, gateway, client.

Processor time comes from the kernel's clock of each process, in nanoseconds, and counts threads
that have ended (clock_getcpuclockid(3)); the ticks of ``/proc/<pid>/stat`` are a hundredth of a
second, more than a step takes for a request.
"""

from __future__ import annotations

import functools
import os
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from perf.result import ProcessUse
from runtime import processes
from runtime.server.server import LocalServer
from runtime.watch import stubs

Pids = Callable[[], list[int]]
"""The process ids of a part, now."""


@dataclass(frozen=True)
class ProcessState:
    """One process at one moment.

    Attributes:
        cpu_seconds: the processor time it has used since it was started.
        resident_bytes: its resident memory.
        proportional_bytes: the same with shared pages divided among those who share them.
    """

    cpu_seconds: float
    resident_bytes: int
    proportional_bytes: int


@dataclass(frozen=True)
class UsageSnapshot:
    """All parts at one moment.

    Attributes:
        parts: part -> (process id, when it was started) -> its state. The time of its start, in
            the kernel's ticks since boot, tells a process from a later one with its id.
        children_seconds: the processor time of this process's children that have ended.
    """

    parts: Mapping[str, Mapping[tuple[int, int], ProcessState]]
    children_seconds: float


class Usage:
    """Looks at the processes of some parts.

    Args:
        parts: part -> its process ids now. Those of processes that have ended are skipped.
    """

    def __init__(self, parts: Mapping[str, Pids]) -> None:
        self._parts = dict(parts)
        self._spent = 0.0  # processor time of this process in earlier snapshots

    def snapshot(self) -> UsageSnapshot:
        """The parts now. The time for looking is not counted as this process's."""
        began = time.process_time()
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = UsageSnapshot(
            parts={
                part: _states(pids(), began - self._spent) for part, pids in self._parts.items()
            },
            children_seconds=ended.ru_utime + ended.ru_stime,
        )
        self._spent += time.process_time() - began
        return found


def _states(pids: list[int], own_seconds: float) -> dict[tuple[int, int], ProcessState]:
    found = {}
    for pid in pids:
        if not processes.is_running(pid):
            continue
        try:
            found[pid, _started(pid)] = ProcessState(
                cpu_seconds=(
                    own_seconds if pid == os.getpid() else time.clock_gettime(_cpu_clock(pid))
                ),
                resident_bytes=processes.resident_bytes(pid),
                proportional_bytes=_proportional_bytes(pid),
            )
        except OSError:  # it has ended since
            continue
    return found


def _cpu_clock(pid: int) -> int:
    """The kernel's clock of a process's processor time, as clock_getcpuclockid(3) makes it."""
    return (~pid << 3) | 2


def _started(pid: int) -> int:
    text = Path(f"/proc/{pid}/stat").read_text()
    return int(text[text.rindex(")") + 2 :].split()[19])  # field 22 of proc(5)


def _proportional_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def uses(
    before: UsageSnapshot, after: UsageSnapshot, requests: int, *, children: str | None = None
) -> tuple[ProcessUse, ...]:
    """What each part used between two snapshots; memory is that of the second.

    A process that was started in between counts from its start. One that ended in between is left
    out, since its last clock is not known; see :func:`replaced`.

    Args:
        before: taken before the requests were sent.
        after: taken when all were answered.
        requests: of the pipeline, with those of a warm-up between the snapshots.
        children: the part for children that this process started and waited for in between, such as
            perf_analyzer. By the end they have no process and no memory.

    Raises:
        ValueError: there was no request.
    """
    if requests < 1:
        raise ValueError(f"{requests} requests; expected at least 1")
    found = []
    for part, now in after.parts.items():
        earlier = before.parts.get(part, {})
        seconds = sum(
            state.cpu_seconds - (earlier[key].cpu_seconds if key in earlier else 0.0)
            for key, state in now.items()
        )
        found.append(
            ProcessUse(
                part=part,
                processes=len(now),
                cpu_ms=seconds * 1e3 / requests,
                resident_mib=sum(state.resident_bytes for state in now.values()) / 2**20,
                proportional_mib=sum(state.proportional_bytes for state in now.values()) / 2**20,
            )
        )
    if children is not None:
        seconds = after.children_seconds - before.children_seconds
        found.append(
            ProcessUse(
                part=children,
                processes=0,
                cpu_ms=seconds * 1e3 / requests,
                resident_mib=0.0,
                proportional_mib=0.0,
            )
        )
    return tuple(found)


def replaced(before: UsageSnapshot, after: UsageSnapshot) -> tuple[str, ...]:
    """The parts with a process that ended between two snapshots, so not doing their usual work."""
    return tuple(
        part
        for part, earlier in before.parts.items()
        if earlier.keys() - after.parts.get(part, {}).keys()
    )


def parts_of_server(server: LocalServer) -> dict[str, Pids]:
    """The parts of a started server: ``server``, and by name each model that has stubs.

    Raises:
        runtime.server.control.CallFailed: the server does not answer.
    """
    control = server.control
    ready = [status.name for status in control.index() if status.ready]
    groups = {model: stubs.instance_groups(control.config(model)) for model in ready}

    def of_model(model: str) -> list[int]:
        return [
            stub.pid
            for stub in stubs.running(server.pid)
            if stubs.owner(stub.instance, groups) == model
        ]

    owners = {stubs.owner(stub.instance, groups) for stub in stubs.running(server.pid)}
    parts: dict[str, Pids] = {"server": lambda: [server.pid]}
    return parts | {
        model: functools.partial(of_model, model) for model in sorted(ready) if model in owners
    }
