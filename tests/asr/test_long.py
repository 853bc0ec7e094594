"""Long sound: memory of server, stubs and client while it is heard, and after."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pytest

from clients.asr.client import AsrClient
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.asr import sounds

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MEGABYTE = 2**20


@dataclass
class Watched:
    """Megabytes over time, in seconds: the server with its stubs, a client, and shared memory."""

    times: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)
    client: list[float] = field(default_factory=list)
    shared: list[float] = field(default_factory=list)

    def between(self, series: list[float], start: float, end: float) -> float:
        """The most in a stretch, given as shares of the whole."""
        first, last = self.times[0], self.times[-1]
        low, high = (first + share * (last - first) for share in (start, end))
        return max(v for at, v in zip(self.times, series, strict=True) if low <= at <= high)


def unique(process: psutil.Process) -> float:
    """Megabytes of a process and its children, what they share counted once."""
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        try:
            total += each.memory_full_info().pss / MEGABYTE
        except psutil.Error:
            continue
    return total


@contextmanager
def watching(server: LocalServer, client: int | None = None) -> Iterator[Watched]:
    watched, stop = Watched(), threading.Event()

    def watch() -> None:
        process = psutil.Process(server.pid)
        own = psutil.Process(client) if client else None
        began = time.monotonic()
        while not stop.is_set():
            try:
                client_now = unique(own) if own else 0.0
            except psutil.Error:
                return
            watched.times.append(time.monotonic() - began)
            watched.server.append(unique(process))
            watched.client.append(client_now)
            watched.shared.append(psutil.disk_usage("/dev/shm").used / MEGABYTE)
            stop.wait(0.5)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield watched
    finally:
        stop.set()
        thread.join()


@pytest.fixture(scope="module")
def server(asr_repository: Path, server_environment: ServerEnvironment) -> Iterator[LocalServer]:
    """A server of its own, which nothing was sent to yet."""
    with LocalServer(
        asr_repository, load=("asr", "asr_stream"), environment=server_environment
    ) as server:
        yield server


def talks(minutes: float) -> np.ndarray:
    """The talk again and again, INT16."""
    sound = np.round(sounds.talk() * 32767).astype(np.int16)
    return np.resize(sound, round(60 * minutes * sounds.RATE))


def test_memory_does_not_grow_with_the_length_of_a_streamed_file(
    server: LocalServer, tmp_path: Path
) -> None:
    """An hour by default; the first fifth has all that the rest has."""
    minutes = float(os.environ.get("MINUTES", "60"))
    file = tmp_path / "talks.flac"
    file.write_bytes(sounds.encoded(talks(minutes), form="FLAC"))
    began = time.monotonic()
    with (tmp_path / "out.txt").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "clients", "asr", str(file), "--url", server.grpc], stdout=out
        )
        with watching(server, process.pid) as watched:
            assert process.wait() == 0
    took = time.monotonic() - began
    lines = (tmp_path / "out.txt").read_text().splitlines()
    assert len(lines) > 10 * minutes and lines[-1] > f"{int(minutes - 1) // 60:02d}"
    for name in ("server", "client", "shared"):
        series = getattr(watched, name)
        early, late = watched.between(series, 0, 0.2), watched.between(series, 0.2, 1)
        print(f"{name}: {early:.0f} MB in the first fifth, {late:.0f} MB later, {took:.0f} s")
        assert late < early + 30, f"{name} grew from {early:.0f} to {late:.0f} MB"


def test_five_minutes_in_one_request_need_bounded_memory(server: LocalServer) -> None:
    sound = talks(5)
    with AsrClient(server.grpc) as client, watching(server) as watched:
        client.transcribe_samples(sounds.talk(), sounds.RATE)
        time.sleep(1)
        before, shared = watched.server[-1], watched.shared[-1]
        began = time.monotonic()
        segments = client.transcribe(sounds.encoded(sound))
        took = time.monotonic() - began
    most, shared_most = max(watched.server), max(watched.shared)
    print(
        f"{took:.1f} s, server {before:.0f} to {most:.0f} MB, /dev/shm +{shared_most - shared:.0f}"
    )
    assert segments[-1].end > 290
    assert most - before < 2500
