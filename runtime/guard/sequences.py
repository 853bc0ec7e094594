"""Sequences that were begun and left, for which a stopping Triton would wait.

Triton counts an open sequence as an inference under way, and so waits for one that its client left
until its idle time or the exit timeout is over. Which models it waits for stands in its log. Where
they all take sequences, no data comes or goes and nothing is computed, nothing is under way.

Only the standard library.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path

from runtime import processes
from runtime.guard import connections
from runtime.options.config_text import config_text

ALONE_SECONDS = 1.0
"""How long it has to be quiet when no client is connected: an answer would reach nobody."""

CONNECTED_SECONDS = 4.0
"""How long it has to be quiet while clients are connected: a stage may wait for something that
computes elsewhere."""

BUSY = 0.05
"""The part of a processor that the stubs use at least while a request is worked on."""

WINDOW_SECONDS = 0.5
"""Over how long their use is measured."""

_FOUND = re.compile(rb"Found (\d+) model versions that have in-flight inferences")
_MODEL = re.compile(rb"Model '([^']+)' \(version \d+\) has \d+ in-flight inferences")
_BATCHING = re.compile(r"^[^#\n]*\bsequence_batching\s*[:{]", re.MULTILINE)


class OpenSequences:
    """What a stopping server waits for.

    Args:
        repository: its model repository, whose configs say which models take sequences.
    """

    def __init__(self, repository: Path) -> None:
        self._repository = repository
        self._rest = b""
        self._expected = 0
        self._models: set[str] = set()
        self._quiet_since: float | None = None
        self._measured = (0.0, 0.0)

    def read(self, output: bytes) -> None:
        """Takes the server's output as it comes."""
        *lines, self._rest = (self._rest + output).split(b"\n")
        for line in lines:
            if found := _FOUND.search(line):
                self._expected, self._models = int(found[1]), set()
            elif model := _MODEL.search(line):
                self._models.add(model[1].decode(errors="replace"))

    def are_left(self, pid: int, ports: Sequence[int]) -> bool:
        """Whether the server waits only for sequences that no client continues.

        Ask again and again: it needs some quiet time to tell.

        Args:
            pid: the server.
            ports: those that its clients are connected to.
        """
        waits_for_sequences_alone = 0 < self._expected == len(self._models) and all(
            map(self._takes_sequences, self._models)
        )
        now = time.monotonic()
        if not waits_for_sequences_alone or self._busy(pid, now):
            self._quiet_since = None
            return False
        clients, since = connections.traffic(pid, ports)
        if self._quiet_since is None:
            self._quiet_since = now
        quiet = now - self._quiet_since
        if not clients:
            return quiet >= ALONE_SECONDS
        return min(quiet, since) >= CONNECTED_SECONDS

    def _busy(self, pid: int, now: float) -> bool:
        """Whether the stubs compute; True until it was measured."""
        then, before = self._measured
        if now - then < WINDOW_SECONDS:
            return self._quiet_since is None
        used = sum(map(processes.processor_seconds, processes.children(pid)))
        self._measured = (now, used)
        return then == 0.0 or used - before > BUSY * (now - then)

    def _takes_sequences(self, model: str) -> bool:
        return _BATCHING.search(config_text(self._repository / model)) is not None
