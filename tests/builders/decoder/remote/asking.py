"""What stands around the engine in these tests: a client that waits, and metrics in memory."""

from __future__ import annotations

import threading
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from builders.decoder.engines.contract import NAME
from builders.decoder.stages.remote import Remote, prepare
from runtime.server.server import LocalServer
from tests.waiting import SECONDS

QUICK = {
    "model": "toy",
    "connect_seconds": "5",
    "first_token_seconds": "30",
    "idle_seconds": "30",
    "retries": "0",
    "slots": "2",
    "waiting": "2",
    "waiting_seconds": "30",
    "max_tokens": "64",
}
"""Parameters with which nothing is too slow."""


class Client:
    """One request's client: it keeps what comes.

    Args:
        gate: a response is taken once it is set.
    """

    def __init__(self, gate: threading.Event | None = None) -> None:
        self.responses: list[dict[str, Any]] = []
        self.error: BaseException | None = None
        self.gone = False
        self._over = threading.Event()
        self._gate = gate

    def send(self, outputs: Mapping[str, np.ndarray]) -> None:
        if self._gate is not None:
            assert self._gate.wait(SECONDS)
        self.responses.append({name: array[0] for name, array in outputs.items()})

    def end(self, outputs: Mapping[str, np.ndarray] | None = None) -> None:
        assert not self._over.is_set(), "ended twice"
        if outputs is not None:
            self.send(outputs)
        self._over.set()

    def fail(self, error: BaseException) -> None:
        assert not self._over.is_set(), "ended twice"
        self.error = error
        self._over.set()

    def cancelled(self) -> bool:
        return self.gone

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    def wait(self) -> None:
        assert self._over.wait(SECONDS), "no answer"

    def answer(self) -> str:
        """The whole text, once it is there."""
        self.wait()
        if self.error is not None:
            raise self.error
        return "".join(each["text_output"].decode() for each in self.responses)

    def last(self) -> dict[str, Any]:
        self.answer()
        return self.responses[-1]

    def refused(self) -> BaseException:
        """The error, once it is there."""
        self.wait()
        assert self.error is not None, self.responses
        return self.error


class Metric:
    """A metric in memory."""

    value = 0.0

    def set(self, value: float) -> None:
        self.value = value

    def add(self, value: float) -> None:
        self.value += value


class Host:
    """Metrics and a log in memory."""

    def __init__(self) -> None:
        self.metrics: dict[str, Metric] = defaultdict(Metric)
        self.log: list[str] = []

    def gauge(self, name: str, words: str) -> Metric:
        return self.metrics[name]

    counter = gauge

    def log_error(self, text: str) -> None:
        self.log.append(text)

    def thread(self, work: Callable[[], object], name: str) -> threading.Thread:
        thread = threading.Thread(target=work, name=name, daemon=True)
        thread.start()
        return thread

    def __getitem__(self, name: str) -> float:
        return self.metrics[f"tmk_decoder_{name}"].value


class Engine:
    """The engine for one server, with its host.

    Args:
        url: the server's.
        parameters: in place of :data:`QUICK`'s.
    """

    def __init__(self, url: str, **parameters: object) -> None:
        self.host = Host()
        given = {name: str(value) for name, value in parameters.items()}
        self.remote: Remote = prepare(Path(), QUICK | {"url": url} | given, self.host)

    def ask(self, text: str = "?", client: Client | None = None, **inputs: Any) -> Client:
        """Sends a text."""
        client = client or Client()
        given = {"text_input": text, "stream": True} | inputs
        arrays = {name: _array(value) for name, value in given.items() if value is not None}
        self.remote.start(arrays, client)
        return client


def _array(value: Any) -> np.ndarray:
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, str | bytes):
        return np.array([value.encode() if isinstance(value, str) else value], np.object_)
    array = np.array([value])
    return array.astype({"i": np.int32, "f": np.float32}.get(array.dtype.kind, array.dtype))


def metric(triton: LocalServer, name: str) -> float:
    """A metric of ``generate`` in a Triton; -1 if it is not there."""
    with urllib.request.urlopen(f"http://{triton.metrics}/metrics", timeout=60) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(f'tmk_decoder_{name}{{model="{NAME}"}}'):
                return float(line.rpartition(" ")[2])
    return -1.0
