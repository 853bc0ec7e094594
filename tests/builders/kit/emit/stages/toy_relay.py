"""A streamed stage for tests: it passes on what another one answers, until it is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class _Engine:
    def __init__(self, parameters: Mapping[str, str], host: Any) -> None:
        self.host, self.callee = host, parameters["callee"]
        self.closed = host.counter("tmk_toy_closed_total", "Calls that were closed early.")

    def start(self, inputs: Mapping[str, Any], answer: Any) -> None:
        threading.Thread(target=self.relay, args=(inputs, answer)).start()

    def relay(self, inputs: Mapping[str, Any], answer: Any) -> None:
        pieces = self.host.stream(self.callee, inputs, ("word", "number"))
        try:
            for piece in pieces:
                if answer.cancelled() or piece["word"][0] == b"enough":
                    self.closed.add(1)
                    break
                answer.send(piece)
            answer.end()
        except BaseException as problem:
            answer.fail(problem)
        finally:
            pieces.close()


def prepare(folder: Path, parameters: Mapping[str, str], host: Any) -> _Engine:
    return _Engine(parameters, host)
