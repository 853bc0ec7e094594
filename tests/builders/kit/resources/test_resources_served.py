"""The computed resources hold for a real Triton under its largest requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpcclient

from builders.kit.resources.measure import measure
from builders.kit.resources.total import MIB, resources
from builders.ocr.largest import page_of_text
from repository.manifest import read_manifest
from runtime import processes
from runtime.server.server import LocalServer
from runtime.watch import stubs

ROOT = Path(__file__).resolve().parents[3]
BUILT = ROOT / "model_repository"
CONCURRENCY = 4
SHARED_MEMORY = Path("/dev/shm")


class Watch(threading.Thread):
    """Keeps the most that a server and its stubs take, memory and /dev/shm, in bytes."""

    def __init__(self, server: LocalServer) -> None:
        super().__init__(daemon=True)
        self.pid = server.pid
        option = "shm-region-prefix-name="
        self.prefixes = [
            each.partition(option)[2] for each in processes.arguments(self.pid) if option in each
        ]
        assert self.prefixes
        self.memory = self.shared = 0
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            self.look()
            time.sleep(0.1)

    def look(self) -> None:
        regions = sum(
            path.stat().st_blocks * 512
            for prefix in self.prefixes
            for path in SHARED_MEMORY.glob(f"{prefix}*")
        )
        pids = [self.pid, *(stub.pid for stub in stubs.running(self.pid))]
        self.shared = max(self.shared, regions)
        self.memory = max(self.memory, sum(map(proportional_bytes, pids)))


def proportional_bytes(pid: int) -> int:
    """A process's memory, with what it shares, /dev/shm too, divided among those who share it."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) << 10
    raise AssertionError(pid)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_server_under_its_largest_requests_takes_no_more_and_not_much_less(
    serve: Callable[..., LocalServer],
) -> None:
    load = measure(BUILT, {"ocr": None})
    needed = resources(BUILT, read_manifest(BUILT), load, concurrency=CONCURRENCY)
    server = serve(BUILT)
    page = np.frombuffer(page_of_text(), np.uint8)
    watch = Watch(server)
    watch.start()

    def read(pipeline: str) -> Any:
        client = grpcclient.InferenceServerClient(server.grpc)
        tensor = grpcclient.InferInput("image", list(page.shape), "UINT8")
        tensor.set_data_from_numpy(page)
        return client.infer(pipeline, [tensor], client_timeout=300).as_numpy("text")

    with ThreadPoolExecutor(CONCURRENCY) as pool:
        answers = list(pool.map(read, ["ocr", "ocr_bls"] * CONCURRENCY))
    watch.ended.set()
    watch.join()
    watch.look()
    assert all(len(answer) > 50 for answer in answers)
    told = (
        f"memory {watch.memory / MIB:.0f} of {needed.memory / MIB:.0f} MiB, /dev/shm "
        f"{watch.shared / MIB:.0f} of {needed.shared_memory / MIB:.0f} MiB"
    )
    print(told)
    assert needed.memory / 3 < watch.memory < needed.memory, told
    assert needed.shared_memory / 3 < watch.shared < needed.shared_memory, told
