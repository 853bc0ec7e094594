"""An engine that answers requests piece by piece, and the answers that it owes.

It stands between a streamed stage and what runs it, Triton or this process; the stage's side is
:class:`builders.kit.graph.PythonModel`'s. What an engine sends is passed on by a thread of its own,
since a response takes Triton's Python backend 0.1 to 0.3 ms, in which an engine can compute.

A copy lies in every streamed stage's version folder, so it keeps to Python 3.10 and the standard
library.
"""

from __future__ import annotations

import contextlib
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Arrays = Mapping[str, Any]

Call = Callable[[str, Sequence[Arrays]], Sequence[Arrays]]
"""Runs a model, by its name, on each of the requests; its answers come in their order."""

LOOK_SECONDS = 0.2
"""How often requests are looked at for having been cancelled, and metrics are passed on."""

MOST_WAITING = 4096
"""Pieces that wait to be passed on; an engine that gives more waits until there is room."""

CLOSE_SECONDS = 10.0
"""How long the last pieces may take to be passed on."""

PREFIX = "tmk_"
"""How the names of metrics begin."""


class ClosedError(RuntimeError):
    """The model is unloaded before the request was answered; the client reads this text."""


class Sink(Protocol):
    """Where one request's answer goes. It is used by one thread at a time."""

    def deliver(self, outputs: Arrays | None, *, final: bool) -> None:
        """Passes a piece on; None is the end alone."""

    def refuse(self, problem: BaseException) -> None:
        """Ends the answer with an error."""

    def is_cancelled(self) -> bool:
        """Whether nobody waits for the answer any more."""


class Surroundings(Protocol):
    """What an engine's host passes on."""

    call: Call | None
    """Runs a declared model; None if none is declared."""

    def log_error(self, text: str) -> None:
        """Writes to the log."""

    def metric(self, kind: str, name: str, words: str) -> Callable[[float], None]:
        """Makes a metric: of a ``gauge`` it gets each value, of a ``counter`` what is added."""


@dataclass(eq=False)
class _Owed:
    """An answer as it is kept here, apart from the :class:`Answer` that the engine holds."""

    sink: Sink
    generation: int = 0
    """Which engine owes it."""
    ended: bool = False
    """The engine has ended it."""
    gone: bool = False
    """Nothing that the engine still gives is wanted."""


@dataclass(frozen=True)
class _Piece:
    owed: _Owed
    outputs: Arrays | None
    final: bool
    problem: BaseException | None


class Answer:
    """The answer to one request, as an engine gives it, from any thread.

    What an engine gives is passed on later: it does not write to those arrays any more. An answer
    that is dropped without an end is answered with an error.
    """

    __slots__ = ("_outbox", "_owed")

    def __init__(self, owed: _Owed, outbox: _Outbox) -> None:
        self._owed = owed
        self._outbox = outbox

    def send(self, outputs: Arrays) -> None:
        """Gives a piece: all outputs by name. After the end it does nothing."""
        self._outbox.put(_Piece(self._owed, outputs, final=False, problem=None))

    def end(self, outputs: Arrays | None = None) -> None:
        """Ends the answer, with a last piece if there is one."""
        self._outbox.put(_Piece(self._owed, outputs, final=True, problem=None))

    def fail(self, problem: BaseException) -> None:
        """Ends the answer with an error, told as one that the stage raises."""
        self._outbox.put(_Piece(self._owed, None, final=True, problem=problem))

    def cancelled(self) -> bool:
        """Whether nobody waits for it any more, or it has failed; known within a third of a
        second. It still has to be ended."""
        return self._owed.gone

    def __del__(self) -> None:
        # It may run within any call, holding any lock: a deque takes it without one.
        if not self._owed.ended:
            self._outbox.dropped.append(self._owed)


class _Outbox:
    """Passes pieces on, in order, by a thread of its own."""

    def __init__(self, name: str, log_error: Callable[[str], None]) -> None:
        self.owed: set[_Owed] = set()
        self.dropped: deque[_Owed] = deque()
        self.meters: dict[str, Meter] = {}
        self._log_error = log_error
        self._lock = threading.Lock()
        self._some = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._waiting: deque[_Piece] = deque()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=f"{name}'s answers", daemon=True)
        self._thread.start()

    def add(self, owed: _Owed) -> None:
        with self._lock:
            self.owed.add(owed)

    def put(self, piece: _Piece) -> None:
        with self._lock:
            if piece.owed.ended or self._closed:
                return
            piece.owed.ended = piece.final
            while len(self._waiting) >= MOST_WAITING and not piece.final:
                self._room.wait()
            self._waiting.append(piece)
            self._some.notify()

    def of(self, generation: int) -> list[_Owed]:
        """The answers that an engine owes."""
        with self._lock:
            return [each for each in self.owed if each.generation == generation]

    def close(self) -> None:
        """Passes on what waits, and ends."""
        with self._lock:
            self._closed = True
            self._some.notify()
        self._thread.join(CLOSE_SECONDS)
        self._pass_on_metrics()

    def _work(self) -> None:
        look = time.monotonic() + LOOK_SECONDS
        while True:
            with self._lock:
                while not self._waiting and not self._closed:
                    if not self._some.wait(max(0.0, look - time.monotonic())):
                        break
                if self._closed and not self._waiting:
                    return
                piece = self._waiting.popleft() if self._waiting else None
                self._room.notify()
            if piece is not None:
                self._pass_on(piece)
            # Whoever gives a piece sees at once that its reader is gone, if it looks.
            del piece
            if time.monotonic() >= look:
                self._look()
                look = time.monotonic() + LOOK_SECONDS

    def _pass_on(self, piece: _Piece) -> None:
        owed = piece.owed
        if owed not in self.owed or (owed.gone and not piece.final):
            return
        try:
            if piece.problem is not None:
                owed.sink.refuse(piece.problem)
            else:
                owed.sink.deliver(None if owed.gone else piece.outputs, final=piece.final)
        except BaseException as problem:
            owed.ended = owed.gone = True
            self._forget(owed)
            try:
                owed.sink.refuse(problem)
            except BaseException:
                self._log_error(f"an answer was lost: {traceback.format_exc()}")
        else:
            if piece.final:
                self._forget(owed)

    def _forget(self, owed: _Owed) -> None:
        with self._lock:
            self.owed.discard(owed)

    def _look(self) -> None:
        with self._lock:
            owed = [each for each in self.owed if not each.gone]
        for each in owed:
            with contextlib.suppress(Exception):
                each.gone = each.sink.is_cancelled()
        while self.dropped:
            problem = RuntimeError("the engine has dropped this request without an answer")
            self.put(_Piece(self.dropped.popleft(), None, final=True, problem=problem))
        self._pass_on_metrics()

    def _pass_on_metrics(self) -> None:
        for meter in list(self.meters.values()):
            try:
                meter.pass_on()
            except Exception:
                self._log_error(f"a metric was lost: {traceback.format_exc()}")


class Meter:
    """A metric, as an engine writes it from any thread; it is passed on by another.

    Args:
        kind: ``gauge``, whose value is set, or ``counter``, which only grows.
        push: gets a gauge's value, or what a counter has grown by.
    """

    def __init__(self, kind: str, push: Callable[[float], None]) -> None:
        self._counts = kind == "counter"
        self._push = push
        self._lock = threading.Lock()
        self._passed_on = 0.0
        self.value = 0.0

    def set(self, value: float) -> None:
        """Sets a gauge.

        Raises:
            TypeError: it is a counter.
        """
        if self._counts:
            raise TypeError("a counter cannot be set; add to it")
        self.value = float(value)

    def add(self, amount: float) -> None:
        """Adds to it.

        Raises:
            ValueError: a counter would shrink.
        """
        if self._counts and amount < 0:
            raise ValueError(f"a counter cannot shrink, by {amount}")
        with self._lock:
            self.value += amount

    def pass_on(self) -> None:
        """Pushes what has changed since the last time."""
        value = self.value
        if value != self._passed_on:
            self._push(value - self._passed_on if self._counts else value)
            self._passed_on = value


@dataclass(eq=False)
class Host:
    """What a streamed stage's ``prepare`` is given.

    Attributes:
        call: as of a stage that calls models; it raises LookupError if the model declares none.
        log_error: writes a text to the server's log, in the model's name.
    """

    call: Call
    log_error: Callable[[str], None]
    _streaming: Streaming = field(repr=False)
    _generation: int

    def stream(self, name: str, inputs: Arrays, outputs: Sequence[str] = ()) -> Iterator[Arrays]:
        """Runs a declared streamed model on one request; its pieces come as they are given.

        An iterator that is closed early cancels the request. It is for servers from release 25.04
        on: older ones cannot cancel, and lose an error that comes after a piece. In process all
        pieces come joined, as one.

        Args:
            name: the model.
            inputs: the request.
            outputs: those that are wanted; all if there are none.
        """
        pieces = getattr(self.call, "stream", None)
        if pieces is None:
            yield from self.call(name, [inputs])
        else:
            yield from pieces(name, inputs, outputs)

    def gauge(self, name: str, words: str) -> Meter:
        """A metric that goes up and down: ``set(x)``, ``add(x)``. Its label says the model.

        Args:
            name: begins with :data:`PREFIX`.
            words: what it is, in a sentence.
        """
        return self._streaming.meter("gauge", name, words)

    def counter(self, name: str, words: str) -> Meter:
        """Likewise, of what is counted: ``add(x)``. Its name ends with ``_total``."""
        return self._streaming.meter("counter", name, words)

    def thread(self, work: Callable[[], object], name: str = "engine") -> threading.Thread:
        """Starts a thread of the engine's.

        If the work raises, the engine is given up: every request that it owes an answer is
        answered with an error, and the next request prepares another.
        """

        def supervised() -> None:
            try:
                work()
            except BaseException as problem:
                self._streaming.give_up(self._generation, problem)

        thread = threading.Thread(target=supervised, name=name, daemon=True)
        thread.start()
        return thread


class Streaming:
    """A stage's engine, and another one if that dies.

    Args:
        name: the model's.
        prepare: makes an engine for a host; called at once.
        surroundings: what the host passes on.
    """

    def __init__(
        self, name: str, prepare: Callable[[Host], Any], surroundings: Surroundings
    ) -> None:
        self._name = name
        self._prepare = prepare
        self._surroundings = surroundings
        self._outbox = _Outbox(name, self._log_error)
        self._lock = threading.Lock()
        self._generation = 0
        self._given_up = 0
        self._engine: Any = None
        try:
            self._engine = self._prepared()
        except BaseException:
            self._outbox.close()
            raise

    def begin(self, inputs: Arrays, sink: Sink) -> None:
        """Gives a request to the engine; whatever comes of it goes to the sink."""
        owed = _Owed(sink)
        self._outbox.add(owed)
        answer = Answer(owed, self._outbox)
        try:
            with self._lock:
                if self._engine is None or self._given_up == self._generation:
                    self._engine = self._prepared()
                engine, owed.generation = self._engine, self._generation
            engine.start(inputs, answer)
            if self._given_up >= owed.generation:
                raise _dead()
        except BaseException as problem:
            answer.fail(problem)

    def give_up(self, generation: int, problem: BaseException) -> None:
        """Ends an engine of which a thread has failed."""
        told = "".join(traceback.format_exception(problem))
        self._log_error(f"the engine has failed, and the next request prepares another: {told}")
        with self._lock:
            self._given_up = max(self._given_up, generation)
            engine = self._engine if self._generation == generation else None
            if engine is not None:
                self._engine = None
        for owed in self._outbox.of(generation):
            self._outbox.put(_Piece(owed, None, final=True, problem=_dead()))
        # Elsewhere, as it may wait for the thread that has failed, which this is.
        threading.Thread(target=self._close, args=(engine,), daemon=True).start()

    def meter(self, kind: str, name: str, words: str) -> Meter:
        """The metric of that name, made at its first use."""
        if not name.startswith(PREFIX):
            raise ValueError(f"expected a metric's name that begins with {PREFIX}, found '{name}'")
        meters = self._outbox.meters
        if name not in meters:
            meters[name] = Meter(kind, self._surroundings.metric(kind, name, words))
        return meters[name]

    def close(self) -> None:
        """Ends the engine, and every answer that it still owes."""
        with self._lock:
            engine, self._engine = self._engine, None
        self._close(engine)
        problem = ClosedError(f"{self._name} is being unloaded; try again later")
        for owed in list(self._outbox.owed):
            self._outbox.put(_Piece(owed, None, final=True, problem=problem))
        self._outbox.close()

    def _prepared(self) -> Any:
        self._generation += 1
        call = self._surroundings.call or self._calls_nothing
        host = Host(call, self._log_error, self, self._generation)
        return self._prepare(host)

    def _calls_nothing(self, name: str, requests: Sequence[Arrays]) -> list[Arrays]:
        raise KeyError(f"'{self._name}' declares no call of '{name}'")

    def _close(self, engine: Any) -> None:
        try:
            if hasattr(engine, "close"):
                engine.close()
        except BaseException:
            self._log_error(f"the engine failed as it was closed: {traceback.format_exc()}")

    def _log_error(self, text: str) -> None:
        with contextlib.suppress(Exception):  # it is no reason for a thread to end
            self._surroundings.log_error(text)


def _dead() -> RuntimeError:
    return RuntimeError("the engine that was to answer this request has failed")
