"""A Triton that is killed and started again on its port: no answer is lost, none is changed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from clients.asr.captions import line
from clients.asr.client import AsrClient, Heard, Segment
from runtime.machine.environment import ServerEnvironment
from runtime.processes import is_running
from runtime.server.server import LocalServer
from tests.asr import sounds
from tests.ports import kept_port

PATIENCE = 120.0
"""Seconds; a start takes long on a busy machine."""


class Restarted:
    """A server of speech recognition on three ports that stay."""

    def __init__(
        self, repository: Path, environment: ServerEnvironment, ports: tuple[int, int, int]
    ) -> None:
        http, grpc, metrics = ports
        self._make: Callable[[], LocalServer] = lambda: LocalServer(
            repository,
            load=("asr", "asr_stream"),
            environment=environment,
            http_port=http,
            grpc_port=grpc,
            metrics_port=metrics,
        )
        self.server = self._make()
        self.server.start()
        self.address = self.server.grpc

    def kill(self) -> None:
        pid = self.server.pid
        os.kill(pid, signal.SIGKILL)
        while is_running(pid):
            time.sleep(0.01)
        self.server.stop(now=True)

    def start(self) -> None:
        self.server = self._make()
        self.server.start()


@pytest.fixture(scope="module")
def restarted(asr_repository: Path, server_environment: ServerEnvironment) -> Iterator[Restarted]:
    with kept_port() as http, kept_port() as grpc, kept_port() as metrics:
        made = Restarted(asr_repository, server_environment, (http, grpc, metrics))
        yield made
        made.server.stop(now=True)


class Pieces:
    """The talk in pieces, from its start each time; before one of the first time, a restart."""

    def __init__(self, before: int, restart: Callable[[], None]) -> None:
        self._before, self._restart = before, restart
        self.begun = 0

    def __iter__(self) -> Iterator[np.ndarray]:
        self.begun += 1
        for number, piece in enumerate(np.array_split(sounds.talk(), 9)):
            if self.begun == 1 and number == self._before:
                self._restart()
            yield piece


@pytest.mark.slow
def test_requests_and_streams_outlive_a_killed_server(restarted: Restarted) -> None:
    sound = sounds.TALK.read_bytes()
    told: list[str] = []
    with AsrClient(restarted.address, patience=PATIENCE, waiting=told.append) as client:
        segments = client.transcribe(sound)
        heard = list(client.stream(np.array_split(sounds.talk(), 9)))
        answers: list[list[Segment]] = []
        ended = threading.Event()

        def ask() -> None:
            while not ended.is_set():
                answers.append(client.transcribe(sound))

        asking = [threading.Thread(target=ask) for _ in range(2)]
        for each in asking:
            each.start()

        def restart() -> None:
            before = len(answers)
            while len(answers) < before + 2:
                time.sleep(0.01)
            restarted.kill()
            command = subprocess.Popen(
                [
                    *(sys.executable, "-m", "clients", "asr", str(sounds.TALK)),
                    *(f"--url=http://{restarted.address}/", f"--patience={PATIENCE}"),
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            while not told:
                time.sleep(0.01)
            restarted.start()
            commands.append(command)

        commands: list[subprocess.Popen[str]] = []
        pieces = Pieces(4, restart)
        again: list[Heard] = list(client.stream(pieces))
        count = len(answers)
        while len(answers) < count + 2:
            time.sleep(0.01)
        ended.set()
        for each in asking:
            each.join()
        output, errors = commands[0].communicate(timeout=100)
    assert again == heard and pieces.begun == 2
    assert len(answers) >= 4 and all(each == segments for each in answers)
    assert (output.splitlines(), errors) == ([line(each) for each in segments], "")
