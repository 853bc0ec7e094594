"""Finding out, by real inferences, whether models that look ready still answer."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from runtime import processes, synthetic
from runtime.server.control import CallFailed, Control

_UNHEALTHY = re.compile(r"Stub process '([^']+)' is not healthy")
IDLE_SHARE = 0.02
"""A stub that uses less of a core than this while requests wait is not working on them."""


@dataclass
class _Watched:
    """What is known of one model."""

    successes: int = -1
    probing: threading.Thread | None = None
    since: float = 0.0
    cpu: float = 0.0
    answer: str | None = None


@dataclass(frozen=True)
class Sick:
    """A model that does not answer.

    Attributes:
        model: its name.
        instances: the instances that are to blame; empty when all of them may be.
        reason: what was seen, as the end of a sentence.
    """

    model: str
    instances: tuple[str, ...]
    reason: str


class Prober:
    """Sends each model a small request when no other request shows that it is well.

    Args:
        control: the server.
        hang_seconds: a model none of whose requests ends within this time, while its stubs do no
            work, hangs; 0 never says so.
    """

    def __init__(self, control: Control, *, hang_seconds: float) -> None:
        self._control = control
        self._hang_seconds = hang_seconds
        self._models: dict[str, _Watched] = {}

    def look(
        self, configs: Mapping[str, Mapping[str, Any]], pids: Mapping[str, Sequence[int]]
    ) -> list[Sick]:
        """Takes up the answers that have come, and sends the next requests.

        Never waits for a model, and asks none that has answered since the last look: the first look
        asks no model, so a server that was just started has its processor for its users.

        Args:
            configs: the models to look after, with their configurations.
            pids: each model's stubs.

        Raises:
            CallFailed: the server does not give its statistics.
        """
        self._models = {name: self._models.get(name, _Watched()) for name in configs}
        successes = self._successes()
        sick = []
        for name, watched in self._models.items():
            own = watched.answer == ""
            progressed = successes.get(name, 0) - own != watched.successes
            watched.successes = successes.get(name, 0)
            found = self._judge(name, watched, progressed, pids.get(name, ()))
            if found is not None:
                sick.append(found)
                self._models[name] = _Watched()
            elif (
                watched.probing is None
                and not progressed
                and synthetic.can_be_probed(configs[name])
            ):
                self._send(name, watched, configs[name], pids.get(name, ()))
        return sick

    def _successes(self) -> dict[str, int]:
        statistics = json.loads(self._control.request("GET", "/v2/models/stats"))
        totals: dict[str, int] = {}
        for entry in statistics["model_stats"]:
            count = int(entry["inference_stats"]["success"]["count"])
            totals[entry["name"]] = totals.get(entry["name"], 0) + count
        return totals

    def _judge(
        self, name: str, watched: _Watched, progressed: bool, pids: Sequence[int]
    ) -> Sick | None:
        now = time.monotonic()
        cpu = sum(map(processes.processor_seconds, pids))
        if watched.answer is not None:
            blamed = _UNHEALTHY.search(watched.answer)
            watched.probing, watched.answer = None, None
            if blamed is not None:
                return Sick(name, (blamed[1],), "does not answer a probe")
        if watched.probing is None or progressed:
            watched.since, watched.cpu = now, cpu
            return None
        waited = now - watched.since
        if self._hang_seconds and waited > self._hang_seconds:
            if cpu - watched.cpu < IDLE_SHARE * waited:
                return Sick(name, (), f"has answered nothing for {waited:.0f} s, and does no work")
            watched.since, watched.cpu = now, cpu
        return None

    def _send(
        self, name: str, watched: _Watched, config: Mapping[str, Any], pids: Sequence[int]
    ) -> None:
        body, headers = synthetic.request(config)
        path = f"/v2/models/{quote(name)}/infer"

        def ask() -> None:
            try:
                self._control.request("POST", path, body, headers, timeout_seconds=3600.0)
                watched.answer = ""
            except CallFailed as failure:
                watched.answer = str(failure)

        watched.since = time.monotonic()
        watched.cpu = sum(map(processes.processor_seconds, pids))
        watched.probing = threading.Thread(target=ask, name=f"probe {name}", daemon=True)
        watched.probing.start()
