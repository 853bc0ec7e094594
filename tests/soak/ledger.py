"""What a soak saw: written to a file as it happens, counted, and held to the first answers."""

from __future__ import annotations

import collections
import hashlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

_LAST = 40
"""So many of the last requests are told when the server has gone."""

_SHOWN = 20
"""So many faults of a kind are printed; the file has all."""


class Ledger:
    """Takes what all threads see.

    Args:
        file: gets one JSON object a line, each at once.
        show: prints a line.
    """

    def __init__(self, file: Path, show: Callable[[str], None]) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = file.open("w", encoding="utf-8")
        self._show = show
        self._lock = threading.RLock()
        self._first: dict[str, str] = {}
        self._under_way: dict[int, tuple[str, float]] = {}
        self._last: collections.deque[dict[str, Any]] = collections.deque(maxlen=_LAST)
        self.counts: collections.Counter[str] = collections.Counter()
        self.faults: collections.Counter[str] = collections.Counter()

    def close(self) -> None:
        self._file.close()

    def write(self, event: str, **facts: Any) -> None:
        """One line of the file."""
        told = {"at": time.strftime("%Y-%m-%dT%H:%M:%S"), "event": event, **facts}
        with self._lock:
            self._file.write(json.dumps(told, ensure_ascii=False, default=str) + "\n")
            self._file.flush()

    def tell(self, text: str) -> None:
        """Prints a line, with the time."""
        self._show(f"{time.strftime('%H:%M:%S')} {text}")

    def fault(self, kind: str, text: str, **facts: Any) -> None:
        """Something that must not be."""
        with self._lock:
            self.faults[kind] += 1
            number = self.faults[kind]
        self.write(kind, text=text, **facts)
        if number <= _SHOWN:
            self.tell(f"FAULT, {kind}: {text}")

    def hold(self, request: str, asked: str, answer: object) -> None:
        """Compares an answer with the first one to the same, which is in the file too."""
        digest = hashlib.sha256(repr(answer).encode()).hexdigest()
        with self._lock:
            is_first = asked not in self._first
            first = self._first.setdefault(asked, digest)
            self.counts["answers"] += 1
        if is_first:
            self.write("first", request=request, asked=asked, answer=answer)
        if first != digest:
            text = f"the answer to {asked}, {request}, is not the first one"
            self.fault("changed", text, asked=asked, answer=answer)

    def began(self, worker: int, request: str) -> None:
        with self._lock:
            self._under_way[worker] = (request, time.monotonic())

    def ended(self, worker: int, how: str) -> float:
        """The request of a worker is over; how many seconds it took."""
        with self._lock:
            request, since = self._under_way.pop(worker)
            seconds = time.monotonic() - since
            self._last.append(
                {
                    "request": request,
                    "how": how,
                    "seconds": round(seconds, 2),
                    "ended": time.monotonic(),
                }
            )
        return seconds

    def under_way(self) -> list[dict[str, Any]]:
        """The requests that have no answer yet, and for how many seconds."""
        now = time.monotonic()
        with self._lock:
            return [
                {"request": request, "seconds": round(now - since, 2)}
                for request, since in self._under_way.values()
            ]

    def last(self) -> list[dict[str, Any]]:
        """The last requests that are over, the newest last, and how many seconds ago."""
        now = time.monotonic()
        with self._lock:
            return [
                {name: value for name, value in each.items() if name != "ended"}
                | {"ago": round(now - each["ended"], 2)}
                for each in self._last
            ]
