"""The remote engine of ``generate``: a server with OpenAI's API answers.

Its inputs are those of :mod:`.asking.request`. Each request is forwarded as it is, always as a
stream. ``slots`` of them are under way at once, and further ones wait. A thread of its own forwards
a request, and one thread looks after all of them: whether a client went away, and whether the
server takes too long.
"""

from __future__ import annotations

import contextlib
import os
import re
import ssl
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from builders.kit.invalid_argument import InvalidArgument
from builders.kit.unavailable import Unavailable

from .reaching.address import address_of
from .reaching.faults import RemoteFault
from .reaching.forward import Forwarder, Limits, Question
from .reaching.question import asked
from .reaching.reply import Answer, Reply
from .reaching.turns import Cancelled, Turn
from .reaching.wire import KEPT, Pool

LOOK = 0.05
"""Seconds between two looks after the requests."""

HELD_BYTES = 256 << 20
"""Bytes of all requests together: each holds its images until it is answered."""

CLOSING = 5.0
"""Seconds that requests have to end when the model is unloaded."""

_KEY = re.compile(r"[!-~]{1,4096}")


class Metric(Protocol):
    """A gauge or a counter of Triton's."""

    def set(self, value: float) -> None:
        """Of a gauge."""

    def add(self, value: float) -> None:
        """Of a gauge or a counter."""


class Host(Protocol):
    """What surrounds the stage; see :class:`builders.kit.graph.PythonModel`."""

    def gauge(self, name: str, words: str) -> Metric:
        """A metric that goes up and down."""

    def counter(self, name: str, words: str) -> Metric:
        """A metric that goes up."""

    def thread(self, work: Callable[[], object], name: str) -> threading.Thread:
        """Starts a thread, and gives the engine up if that fails."""

    def log_error(self, text: str) -> None:
        """A line of the server's log."""


def prepare(folder: Path, parameters: Mapping[str, str], host: Host) -> Remote:
    """The stage.

    Its parameters are those of :class:`builders.decoder.remote_options.RemoteOptions`, as
    strings, and ``slots``, ``waiting`` and ``max_tokens``.

    Raises:
        ValueError: the variable is not set, or holds something else than a key.
    """
    return Remote(parameters, host)


@dataclass(frozen=True)
class _Job:
    question: Question
    answer: Answer
    turn: Turn


class Remote:
    """The engine: it takes requests, and has them answered.

    Args:
        parameters: see :func:`prepare`.
        host: for metrics and the log.
    """

    def __init__(self, parameters: Mapping[str, str], host: Host) -> None:
        address = address_of(parameters["url"])
        self._key = _key(parameters.get("api_key_env", ""))
        self._model = parameters["model"]
        self._default = int(parameters["max_tokens"])
        self._slots = int(parameters["slots"])
        self._most_waiting = int(parameters["waiting"])
        self._patience = float(parameters["waiting_seconds"])
        # As many again as are in use: a connection is not used again at once.
        self._pool = Pool(
            address, ssl.create_default_context() if address.tls else None, 2 * self._slots
        )
        headers = {"Content-Type": "application/json", "User-Agent": "triton-multimodal-kit"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        self._forwarder = Forwarder(
            self._pool,
            headers,
            Limits(
                connect=float(parameters["connect_seconds"]),
                first=float(parameters["first_token_seconds"]),
                idle=float(parameters["idle_seconds"]),
                retries=int(parameters["retries"]),
            ),
        )
        self._host = host
        self._running_gauge = host.gauge("tmk_decoder_running", "Requests that are being answered")
        self._waiting_gauge = host.gauge("tmk_decoder_waiting", "Requests that wait for a slot")
        host.gauge("tmk_decoder_slots", "Requests that can be answered at once").set(self._slots)
        self._prompt = host.counter("tmk_decoder_prompt_tokens_total", "Tokens of prompts")
        self._cached = host.counter(
            "tmk_decoder_cached_tokens_total", "Tokens of prompts that were computed before"
        )
        self._generated = host.counter("tmk_decoder_generated_tokens_total", "Tokens of answers")
        self._changed = threading.Condition()
        self._waiting: deque[_Job] = deque()
        self._running: list[_Job] = []
        self._workers = 0
        self._closing = threading.Event()
        self._watch = host.thread(self._look_after, "remote-watch")

    def start(self, inputs: Mapping[str, np.ndarray], answer: Answer) -> None:
        """Takes a request.

        Raises:
            InvalidArgument: it is mistaken.
            Unavailable: too many wait.
        """
        question = asked(inputs, self._model, self._default)
        turn = Turn(answer)
        late = f"the request waited for {self._patience:g} s without being begun; try again later"
        turn.limit(self._patience, Unavailable(late))
        with self._changed:
            if self._closing.is_set():
                raise Unavailable("the model is being unloaded")
            if self._is_full(question):
                raise Unavailable(
                    f"the decoder is full: {self._workers} being answered, {self._queued} waiting; "
                    "try again later"
                )
            if self._workers < self._slots:
                self._hire()
            self._waiting.append(_Job(question, answer, turn))
            self._tell()
            self._changed.notify_all()

    def close(self) -> None:
        """Stops all requests, and closes the connections."""
        with self._changed:
            self._closing.set()
            jobs = (*self._waiting, *self._running)
            self._changed.notify_all()
        for job in jobs:
            job.turn.stop(Unavailable("the model is being unloaded"))
        with self._changed:
            self._changed.wait_for(lambda: not self._workers and not self._waiting, CLOSING)
        self._watch.join(CLOSING)
        self._pool.expire(0)

    @property
    def _queued(self) -> int:
        """Requests that no worker is about to take."""
        return max(len(self._waiting) - (self._workers - len(self._running)), 0)

    def _is_full(self, question: Question) -> bool:
        held = [len(each.question.body) for each in (*self._waiting, *self._running)]
        if held and sum(held) + len(question.body) > HELD_BYTES:
            return True
        return self._workers == self._slots and self._queued >= self._most_waiting

    def _hire(self) -> None:
        try:
            self._host.thread(self._work, "remote")
        except RuntimeError:
            raise Unavailable("no thread is left for the request; try again later") from None
        self._workers += 1

    def _tell(self) -> None:
        self._running_gauge.set(len(self._running))
        self._waiting_gauge.set(self._queued)

    def _work(self) -> None:
        """Answers requests until none waits."""
        while True:
            with self._changed:
                if not self._waiting:
                    self._workers -= 1
                    self._changed.notify_all()
                    return
                job = self._waiting.popleft()
                self._running.append(job)
                self._tell()
            try:
                self._answer(job)
            except BaseException as problem:
                self._host.log_error(f"a request could not be answered: {problem!r}")
            with self._changed:
                self._running.remove(job)
                self._tell()

    def _answer(self, job: _Job) -> None:
        reply = Reply(job.answer, stream=job.question.stream, most=job.question.most)
        try:
            job.turn.check()
            self._forwarder.run(job.question, job.turn, reply)
        except BaseException as problem:
            self._fail(job, problem)
        finally:
            usage = reply.usage
            self._prompt.add(usage.prompt)
            self._cached.add(usage.cached)
            self._generated.add(usage.generated)

    def _fail(self, job: _Job, problem: BaseException) -> None:
        if isinstance(problem, RemoteFault):
            self._host.log_error(self._shown(f"{problem}: {problem.detail}"))
        if isinstance(problem, Cancelled):
            job.answer.end()
        elif isinstance(problem, InvalidArgument):
            job.answer.fail(InvalidArgument(self._shown(str(problem))))
        elif isinstance(problem, Unavailable):
            job.answer.fail(Unavailable(self._shown(str(problem))))
        else:
            job.answer.fail(problem)

    def _shown(self, text: str) -> str:
        """The text without the key, which a server may repeat."""
        return text.replace(self._key, "[key]") if self._key else text

    def _look_after(self) -> None:
        """Looks after the requests, until the model is unloaded and none is left."""
        while True:
            with self._changed:
                jobs = (*self._waiting, *self._running)
                if not jobs:
                    if self._closing.is_set():
                        return
                    self._changed.wait(KEPT)
            self._pool.expire()
            for job in jobs:
                # Whatever goes wrong with one, the others are looked after.
                with contextlib.suppress(Exception):
                    job.turn.look()
            self._let_go()
            if jobs:
                self._closing.wait(LOOK)

    def _let_go(self) -> None:
        """Tells those that were stopped while they waited."""
        with self._changed:
            stopped = [(each, each.turn.reason) for each in self._waiting if each.turn.reason]
            for job, _ in stopped:
                self._waiting.remove(job)
            if stopped:
                self._tell()
                self._changed.notify_all()
        for job, reason in stopped:
            self._fail(job, reason)


def _key(variable: str) -> str:
    """The key in an environment variable; "" if none is named."""
    if not variable:
        return ""
    found = os.environ.get(variable, "").strip()
    if not found:
        raise RuntimeError(
            f"expected the remote server's key in the environment variable {variable}, found none"
        )
    if not _KEY.fullmatch(found):
        raise RuntimeError(
            f"expected a key in the environment variable {variable}, "
            "found other than ASCII characters, or a space"
        )
    return found
