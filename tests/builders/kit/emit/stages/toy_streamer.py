"""A streamed stage for tests: it gives the words of a text, and fails in whatever way it is told.

Its engine has one thread, which works on all requests in turns, as a decoder does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from builders.kit.invalid_argument import InvalidArgument
from builders.kit.unavailable import Unavailable


class _Work:
    def __init__(self, inputs: Mapping[str, Any], answer: Any) -> None:
        self.words = [each.decode() for each in inputs["text"]]
        self.pause = float(inputs["pause"][0]) if "pause" in inputs else 0.0
        self.given = 0
        self.next = 0.0
        self.answer = answer


class _Engine:
    def __init__(self, folder: Path, parameters: Mapping[str, str], host: Any) -> None:
        self.host = host
        self.folder = folder
        self.callee = parameters.get("callee")
        self.most = int(parameters.get("most", "1000"))
        self.work: list[_Work] = []
        self.some = threading.Condition()
        self.closed = False
        self.under_way = host.gauge("tmk_toy_under_way", "Requests that are answered.")
        self.given = host.counter("tmk_toy_pieces_total", "Pieces that were given.")
        self.thread = host.thread(self.run)

    def start(self, inputs: Mapping[str, Any], answer: Any) -> None:
        work = _Work(inputs, answer)
        if not work.words:
            raise InvalidArgument("send a word")
        if work.words[0] == "crash":
            raise RuntimeError(f"a secret of {self.folder}")
        if work.words[0] == "drop":
            return
        with self.some:
            if len(self.work) >= self.most:
                raise Unavailable("all places are taken; try again later")
            self.work.append(work)
            self.some.notify()

    def close(self) -> None:
        with self.some:
            self.closed = True
            self.some.notify()
        self.thread.join(10)

    def run(self) -> None:
        while True:
            with self.some:
                while not self.work and not self.closed:
                    self.some.wait()
                if self.closed:
                    return
                works = list(self.work)
            self.under_way.set(len(works))
            now = time.monotonic()
            for work in works:
                if work.answer.cancelled():
                    work.answer.end()
                    self.leave(work)
                elif work.next <= now:
                    self.step(work)
            time.sleep(0.001)

    def step(self, work: _Work) -> None:
        word, answer = work.words[work.given], work.answer
        work.given += 1
        work.next = time.monotonic() + work.pause
        if word == "die":
            raise RuntimeError(f"a secret of {self.folder}")
        if word == "fail":
            answer.fail(InvalidArgument("not this word"))
        elif word == "broken":
            answer.fail(ValueError(f"a secret of {self.folder}"))
        elif word == "lacking":
            answer.send({"word": np.array([b"x"], np.object_)})
        elif word == "call":
            work.next = float("inf")
            threading.Thread(target=self.call, args=(work,)).start()
        piece = {
            "word": np.array([word.encode()], np.object_),
            "number": np.array([work.given], np.int32),
        }
        self.given.add(1)
        if word == "end" or work.given == len(work.words):
            answer.end(piece)
        elif word != "call":
            answer.send(piece)
        if word in ("fail", "broken", "end") or work.given == len(work.words):
            self.leave(work)
            answer.send(piece)  # after its end it does nothing

    def leave(self, work: _Work) -> None:
        with self.some:
            self.work.remove(work)
            self.under_way.set(len(self.work))

    def call(self, work: _Work) -> None:
        try:
            (got,) = self.host.call(self.callee, [{"x": np.array([work.given], np.float32)}])
            word = f"called {got['y'][0]:g}".encode()
            work.answer.send(
                {"word": np.array([word], np.object_), "number": np.array([0], np.int32)}
            )
        except BaseException as problem:
            work.answer.fail(problem)
        work.next = 0.0


def prepare(folder: Path, parameters: Mapping[str, str], host: Any) -> _Engine:
    return _Engine(folder, parameters, host)
