"""What the benches share: an option, throughput runs, memory, and how figures are written."""

from __future__ import annotations

import json
import os
import queue
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Generic, TypeVar

import typer

from perf.measure import machine as processors
from perf.measure.timing import Leg, throughput

Repository = Annotated[Path, typer.Option(help="A built repository.")]
"""The option of every bench."""

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
    legs: Mapping[str, Leg],
    requests: int,
    progress: Callable[[str], None],
    concurrencies: Sequence[int] = CONCURRENCIES,
) -> tuple[Rates, int]:
    """Answers a second of each leg at each concurrency, in turns, and the errors of all of them.

    Args:
        legs: name -> one request.
        requests: of each run.
        progress: gets a line a run.
        concurrencies: how many requests are under way at once.
    """
    found: Rates = {name: {each: [] for each in concurrencies} for name in legs}
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


def memory_table(found: Memory) -> list[str]:
    """The memory as lines of Markdown."""
    return [
        "| memory | processes | resident, MiB | proportional, MiB |",
        "|---|---|---|---|",
        *(
            f"| {kind} | {figures['processes']:.0f} | {figures['resident']:.0f} "
            f"| {figures['proportional']:.0f} |"
            for kind, figures in found.items()
        ),
    ]


def machine() -> str:
    """The machine in a few words: its processor, and how many cores this process may use."""
    vectors = ", ".join(processors.vectors()) or "no vector instructions that are known"
    return f"{processors.processor()} ({vectors}), {len(os.sched_getaffinity(0))} cores"


def write(folder: Path, name: str, table: str, record: Mapping[str, object] | None = None) -> None:
    """Writes a bench's table as ``NAME.md``, and its raw figures as ``NAME.json``.

    Args:
        folder: it is made if it is missing.
        name: of both files.
        table: Markdown.
        record: what the JSON holds; without it there is no such file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(table, encoding="utf-8")
    if record is not None:
        text = json.dumps(record, indent=1) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def say(line: str) -> None:
    """A line on standard error."""
    typer.echo(line, err=True)
