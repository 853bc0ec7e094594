"""What the benchmarks against other software share: readers, throughput runs, memory."""

from __future__ import annotations

import os
import platform
import queue
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from perf.measure.timing import Leg, throughput

RESULTS = Path(__file__).parents[1] / "results"
"""Where the benchmarks write, and the README reads."""

CONCURRENCIES = (1, 4)
RUNS = 5
"""Throughput runs of each leg at each concurrency."""

THREADS = 2
"""Of every leg."""

Rates = dict[str, dict[int, list[float]]]
"""Leg -> concurrency -> answers a second, run by run."""

Memory = dict[str, dict[str, float]]
"""``server`` and ``stubs`` -> how many processes, and their MiB, resident and proportional."""

T = TypeVar("T")


class Pool(Generic[T]):
    """One object for each caller at a time: readers in process are not made for several.

    Args:
        make: makes one.
        count: how many there are before the first is asked for; more are made as needed.
    """

    def __init__(self, make: Callable[[], T], count: int = 0) -> None:
        self._make = make
        self._idle: queue.SimpleQueue[T] = queue.SimpleQueue()
        for _ in range(count):
            self._idle.put(make())

    @contextmanager
    def one(self) -> Iterator[T]:
        """One that nobody else has meanwhile."""
        try:
            mine = self._idle.get_nowait()
        except queue.Empty:
            mine = self._make()
        try:
            yield mine
        finally:
            self._idle.put(mine)


def rates(
    legs: Mapping[str, Leg], requests: int, progress: Callable[[str], None]
) -> tuple[Rates, int]:
    """Answers a second of each leg at each concurrency, in turns, and the errors of all of them.

    Args:
        legs: name -> one request.
        requests: of each run.
        progress: gets a line a run.
    """
    found: Rates = {name: {each: [] for each in CONCURRENCIES} for name in legs}
    errors = 0
    for number in range(RUNS):
        for name, leg in legs.items():
            for concurrency, listed in found[name].items():
                rate, failed = throughput(leg, requests, concurrency)
                listed.append(rate)
                errors += failed
        progress(f"throughput, run {number + 1} of {RUNS}")
    return found, errors


def memory(pid: int) -> Memory:
    """Resident and proportional memory of a server and its stubs, in MiB."""
    import psutil

    server = psutil.Process(pid)
    kinds: dict[str, list[psutil.Process]] = {"server": [server], "stubs": []}
    for child in server.children(recursive=True):
        kinds["stubs"].append(child)
    return {
        kind: {
            "processes": len(processes),
            "resident": sum(each.memory_info().rss for each in processes) / 2**20,
            "proportional": sum(each.memory_full_info().pss for each in processes) / 2**20,
        }
        for kind, processes in kinds.items()
    }


def memory_line(found: Memory) -> str:
    """The memory as a clause of a sentence."""
    return ", ".join(
        f"{kind} {figures['resident']:.0f} MiB resident and {figures['proportional']:.0f} "
        f"proportional in {figures['processes']:.0f} processes"
        for kind, figures in found.items()
    )


def machine() -> str:
    """The machine in a few words: its architecture and how many cores this process may use."""
    return f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores"
