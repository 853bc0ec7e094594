"""A stop does not wait for sequences that were left, and answers what is under way in others."""

from __future__ import annotations

import concurrent.futures
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpc

from repository.places import ROOT
from runtime.guard.sequences import OpenSequences
from runtime.server.server import LocalServer
from tests.conftest import Serve
from tests.runtime.conftest import held_by
from tests.runtime.fixtures import PythonModel, WaitUntil
from tests.taken import wait_until_taken

IDLE_HOURS = "max_sequence_idle_microseconds: 7200000000"
BATCHING = f"sequence_batching {{ {IDLE_HOURS} oldest {{ max_candidate_sequences: 8 }} }}"

CLIENT = """
import sys, time
import numpy as np, tritonclient.grpc as grpc
client = grpc.InferenceServerClient(sys.argv[1])
tensor = grpc.InferInput("x", [1], "FP32")
tensor.set_data_from_numpy(np.array([0], np.float32))
client.infer("talker", [tensor], sequence_id=77, sequence_start=True)
print("begun", flush=True)
time.sleep(600)
"""


@pytest.fixture
def server(serve: Serve, tmp_path: Path, python_model: PythonModel) -> LocalServer:
    """One of a model that takes sequences and sleeps as long as its input says; hours to stop.

    It waits for as long as there is a file ``held``.
    """
    work = held_by(tmp_path / "held")
    python_model(tmp_path / "models", "talker", work=work, rest=BATCHING)
    return serve(tmp_path / "models", exit_grace_seconds=7200.0)


@pytest.fixture
def client(server: LocalServer) -> Iterator[Any]:
    client = grpc.InferenceServerClient(server.grpc)
    yield client
    client.close()


def given(seconds: float) -> list[Any]:
    tensor = grpc.InferInput("x", [1], "FP32")
    tensor.set_data_from_numpy(np.array([seconds], np.float32))
    return [tensor]


def stop(server: LocalServer) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(server.stop)
        try:
            stopping.result(timeout=120)
        except TimeoutError:
            server.ask_to_stop(now=True)
            pytest.fail("sequences that were left held the stop")


def test_a_client_that_closed_its_connection(server: LocalServer, client: Any) -> None:
    for sequence in (1, 2):
        client.infer("talker", given(0), sequence_id=sequence, sequence_start=True)
    client.close()
    stop(server)


@pytest.mark.slow
def test_a_client_whose_process_is_gone(server: LocalServer) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", CLIENT, server.grpc], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    stop(server)


@pytest.mark.thorough
def test_a_client_that_stays_connected_and_sends_no_more(server: LocalServer, client: Any) -> None:
    client.infer("talker", given(0), sequence_id=1, sequence_start=True)
    answers: queue.Queue[Any] = queue.Queue()
    client.start_stream(lambda result, error: answers.put(error or result))
    client.async_stream_infer("talker", given(0), sequence_id=2, sequence_start=True)
    assert answers.get(timeout=60).as_numpy("y").tolist() == [0]
    stop(server)


@pytest.mark.thorough
def test_what_is_under_way_in_a_sequence_is_answered(
    server: LocalServer, client: Any, tmp_path: Path
) -> None:
    for sequence in (1, 2, 3):
        client.infer("talker", given(0), sequence_id=sequence, sequence_start=True)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        # One instance: the second waits in its queue until the first may go on.
        (tmp_path / "held").touch()
        asked = [
            pool.submit(client.infer, "talker", given(1.25), sequence_id=sequence)
            for sequence in (1, 2)
        ]
        wait_until_taken(server.metrics, "talker", 3 + 1)
        (tmp_path / "held").unlink()
        stop(server)
        assert [each.result().as_numpy("y").tolist() for each in asked] == [[1.25], [1.25]]


FOUND = b"Timeout 30: Found %d model versions that have in-flight inferences\n"
MODEL = b"Model '%s' (version 1) has 2 in-flight inferences\n"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (FOUND % 1 + MODEL % b"talker", True),
        (FOUND % 1 + MODEL % b"other", False),
        (FOUND % 2 + MODEL % b"talker" + MODEL % b"other", False),
        (FOUND % 2 + MODEL % b"talker", False),
        (FOUND % 1 + MODEL % b"gone", False),
        (FOUND % 1, False),
        (FOUND % 1 + MODEL % b"other" + FOUND % 1 + MODEL % b"talker", True),
        (b"", False),
    ],
)
def test_only_models_that_take_sequences_are_not_waited_for(
    tmp_path: Path,
    python_model: PythonModel,
    wait_until: WaitUntil,
    monkeypatch: pytest.MonkeyPatch,
    said: bytes,
    left: bool,
) -> None:
    monkeypatch.setattr("runtime.guard.sequences.ALONE_SECONDS", 0.05)
    monkeypatch.setattr("runtime.guard.sequences.WINDOW_SECONDS", 0.02)
    python_model(tmp_path, "talker", rest=BATCHING)
    python_model(tmp_path, "other")
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        sequences = OpenSequences(tmp_path)
        for start in range(0, len(said), 7):  # as a pipe may give it
            sequences.read(said[start : start + 7])
        if left:
            wait_until(lambda: sequences.are_left(sleeper.pid, (1, 2)))
        else:
            assert not any(sequences.are_left(sleeper.pid, (1, 2)) for _ in range(50))
    finally:
        sleeper.kill()
        sleeper.wait()
