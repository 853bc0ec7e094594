"""Continuous batching: requests join and leave between steps.

One thread runs the graph. In each round it takes waiting requests into free slots, puts a piece of
one prompt into the cache, and lets all requests that are being answered go on by a token.

A piece of a prompt is as long as :data:`STALL` steps take, by what they took before: no answer
stands still for longer, whatever prompts come in, unless that is too short to be seen. Prompts that
come together while there is no answer are computed whole, and their answers begin together.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Protocol

import numpy as np

from .graph import Graph, neighbours
from .sampling import Sampler
from .slots import Slot, Slots, gap

STALL = 1.5
"""How many steps' time a piece of a prompt may take while answers are under way. The step behind it
is slower than others; with that step it is about 3."""

UNSEEN = 0.005
"""Seconds for which answers may always stand still. A small model's steps take a tenth of that, and
prompts in pieces as short as those take several times as long as they do alone."""

RECENT = 7
"""How many of the last steps and pieces say how long the next ones take."""

ALONE = 256
"""Tokens of a piece while no answer is under way; between pieces, requests may be cancelled."""

GATHER = 2.0
"""Seconds for which the first token of an answer waits for prompts that came with it."""

FIRST = 8
"""Tokens of the first piece, before it is known what one takes."""

MOVED = 32 << 20
"""Bytes of cache that may be moved to make busy slots neighbours. Moving so many takes a few
milliseconds, and a step is shorter for each slot between them that it need not compute."""


class Job(Protocol):
    """A request, as the scheduler sees it. Its functions are called by the scheduler's thread.

    Attributes:
        keys: INT64 [tokens], the prompt, as :class:`.slots.Slot` has it.
        sampler: chooses its tokens.
    """

    keys: np.ndarray
    sampler: Sampler

    def rows(self, first: int, last: int) -> np.ndarray:
        """FP32 [last - first, hidden], the embeddings of a part of the prompt."""

    def began(self, cached: int) -> None:
        """Its prompt is begun; that many of its tokens were in the cache."""

    def took(self, token: int) -> bool:
        """A token was generated; false if it is the last."""

    def failed(self, error: BaseException) -> None:
        """It cannot go on."""

    def cancelled(self) -> bool:
        """Whether nobody waits for its answer any more."""


class Running:
    """A request that has a slot.

    Attributes:
        job: the request.
        slot: its slot.
        keys: INT64 [tokens], what its slot will hold, generated tokens too.
        length: how many of them the cache holds.
    """

    def __init__(self, job: Job, slot: Slot, length: int) -> None:
        self.job, self.slot, self.length = job, slot, length
        self.keys = job.keys
        self._generated: list[int] = []

    @property
    def held(self) -> np.ndarray:
        """INT64 [tokens], what the cache holds."""
        generated = np.array(self._generated, np.int64)
        return np.concatenate([self.keys, generated])[: self.length]

    @property
    def missing(self) -> int:
        """Tokens of the prompt that the cache does not hold yet."""
        return max(len(self.keys) - self.length, 0)

    @property
    def last(self) -> int:
        """The token that was generated last."""
        return self._generated[-1]

    def chose(self, token: int) -> None:
        """Notes a token that was generated."""
        self._generated.append(token)


class Scheduler:
    """Runs requests together.

    Args:
        graph: the decoder.
        embed: INT64 [tokens] -> FP32 [tokens, hidden], their embeddings.
        waiting: requests that may wait.
        full: makes the error for one more.
        closed: makes the error for requests that are under way when it is closed.
        watch: gets the numbers of running and of waiting requests whenever they have changed.
        thread: starts one that does the work it gets.
    """

    def __init__(
        self,
        graph: Graph,
        embed: Callable[[np.ndarray], np.ndarray],
        waiting: int,
        full: Callable[[], Exception],
        closed: Callable[[], Exception],
        watch: Callable[[int, int], None],
        thread: Callable[[Callable[[], None]], threading.Thread],
    ) -> None:
        self._graph, self._embed, self._most = graph, embed, waiting
        self._full, self._closed, self._watch = full, closed, watch
        self._slots = Slots(graph.slots)
        self._waiting: deque[Job] = deque()
        self._prompts: deque[Running] = deque()
        self._answers: list[Running] = []
        self._told = (-1, -1)
        self._changed = threading.Condition()
        self._closing = False
        self._pace = _Pace()
        self._thread = thread(self._loop)

    def add(self, job: Job) -> None:
        """Takes a request; any thread may call it.

        Raises:
            Exception: what ``full`` makes, if as many wait as may.
        """
        with self._changed:
            if self._closing:
                raise self._closed()
            if len(self._waiting) >= self._most and not self._room():
                raise self._full()
            self._waiting.append(job)
            self._changed.notify()

    def close(self) -> None:
        """Ends it; requests under way fail."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _room(self) -> bool:
        """Whether all that wait, and one more, find a slot at once."""
        return self._graph.slots - len(self._answers) - len(self._prompts) > len(self._waiting)

    def _loop(self) -> None:
        while True:
            with self._changed:
                while not (self._closing or self._waiting or self._prompts or self._answers):
                    self._tell()
                    self._changed.wait()
                if self._closing:
                    left = [*self._waiting]
                    self._waiting.clear()
                    break
            self._round()
        for running in (*self._prompts, *self._answers):
            running.job.failed(self._closed())
        for job in left:
            job.failed(self._closed())

    def _round(self) -> None:
        """One piece of a prompt, or several short ones, and one step of all answers."""
        self._drop_cancelled()
        self._prefill()
        self._tell()
        if self._answers:
            self._decode()

    def _tell(self) -> None:
        found = (len(self._prompts) + len(self._answers), len(self._waiting))
        if found != self._told:
            self._told = found
            self._watch(*found)

    def _drop_cancelled(self) -> None:
        with self._changed:
            # Those that wait are looked at too: they must not hold a place for nobody.
            kept = [each for each in self._waiting if not each.cancelled()]
            if len(kept) < len(self._waiting):
                self._waiting = deque(kept)
        for running in [each for each in (*self._prompts, *self._answers) if each.job.cancelled()]:
            self._leave(running)

    def _leave(self, running: Running) -> None:
        """Frees a request's slot. What the cache holds of it stays for others."""
        if running in self._answers:
            self._answers.remove(running)
        else:
            self._prompts.remove(running)
        self._slots.leave(running.slot, running.held)

    def _fail(self, running: Running, error: BaseException) -> None:
        running.length = 0
        self._leave(running)
        running.job.failed(error)

    def _prefill(self) -> None:
        """Goes on with prompts: with several while no answer is under way, else for as long as
        answers may stand still."""
        if not self._answers:
            self._gather()
            return
        pause = left = self._pace.pause()
        while self._prompts or self._begin():
            running = self._prompts[0]
            piece = min(running.missing, self._pace.tokens(left))
            began = perf_counter()
            logits = self._extend(running, piece)
            if logits is not None:
                self._answer(running, logits)
            took = perf_counter() - began
            self._pace.extended(took, piece)
            left -= took
            # A piece takes as long as a step at least, as all weights are read for it.
            if left < pause / 2:
                return

    def _gather(self) -> None:
        """Computes a prompt, or a piece of a long one, and short ones that came with it.

        Their answers begin together: if one began before, the others' prompts would go on in
        pieces as short as its steps, which takes several times as long.
        """
        ready: list[tuple[Running, np.ndarray]] = []
        began, computed = perf_counter(), 0
        while True:
            self._drop_cancelled()
            if not self._prompts and not self._begin():
                break
            running = self._prompts[0]
            spent = perf_counter() - began
            expected = spent * (computed + running.missing) / computed if computed else 0
            if ready and expected > GATHER:
                break
            piece = min(running.missing, ALONE)
            logits = self._extend(running, piece)
            computed += piece
            if logits is not None:
                ready.append((running, logits.copy()))
            elif running in self._prompts:
                break
        for running, logits in ready:
            self._answer(running, logits)

    def _begin(self) -> bool:
        """Gives the request that waited longest a slot; false without one."""
        with self._changed:
            if not self._waiting or not self._slots.free:
                return False
            job = self._waiting.popleft()
        place = self._slots.take(job.keys)
        length = len(place.slot.keys)
        running = Running(job, place.slot, length)
        self._prompts.append(running)
        try:
            if place.copied is not None:
                self._graph.copy(place.copied.number, place.slot.number, length)
            job.began(length)
        except Exception as error:
            self._fail(running, error)
        return True

    def _extend(self, running: Running, piece: int) -> np.ndarray | None:
        """Computes a piece of a prompt; the logits behind a prompt that is done by it."""
        last = running.length + piece
        try:
            rows = running.job.rows(running.length, last)
            logits = self._graph.extend(running.slot.number, running.length, rows)
        except Exception as error:
            self._fail(running, error)
            return None
        running.length = last
        running.slot.keys = running.keys[:last]
        if running.missing:
            return None
        self._prompts.remove(running)
        return logits

    def _answer(self, running: Running, logits: np.ndarray) -> None:
        """Begins a request's answer."""
        self._answers.append(running)
        try:
            self._take(running, running.job.sampler.choose(logits))
        except Exception as error:
            self._fail(running, error)

    def _decode(self) -> None:
        """One step of all answers."""
        self._draw_together()
        first, count = neighbours([each.slot.number for each in self._answers])
        tokens = np.zeros(count, np.int64)
        # A slot between them is computed too. What that writes is behind what it holds.
        lengths = np.array([self._idle(first + at) for at in range(count)])
        for running in self._answers:
            at = running.slot.number - first
            tokens[at] = running.last
            lengths[at] = running.length
        answers = list(self._answers)
        began = perf_counter()
        try:
            logits = self._graph.step(first, self._embed(tokens), lengths)
        except Exception as error:
            for running in answers:
                self._fail(running, error)
            return
        self._pace.stepped(perf_counter() - began)
        likeliest = logits.argmax(1)
        for running in answers:
            running.length += 1
            at = running.slot.number - first
            sampler = running.job.sampler
            try:
                self._take(
                    running, int(likeliest[at]) if sampler.greedy else sampler.choose(logits[at])
                )
            except Exception as error:
                self._fail(running, error)

    def _take(self, running: Running, token: int) -> None:
        running.chose(token)
        if not running.job.took(token):
            self._leave(running)

    def _idle(self, number: int) -> int:
        """The tokens of a slot that has no answer under way; there is room for one more."""
        for running in self._prompts:
            if running.slot.number == number:
                return running.length
        slot = self._slots.at(number)
        if not slot.busy and len(slot.keys) >= self._graph.context:
            slot.keys = slot.keys[: self._graph.context - 1]
        return len(slot.keys)

    def _draw_together(self) -> None:
        """Makes the slots of answers neighbours, if that moves little."""
        while True:
            numbers = [each.slot.number for each in self._answers]
            hole = gap(numbers)
            if hole is None:
                return
            edge = max(self._answers, key=lambda each: each.slot.number)
            other = self._slots.at(hole)
            length = max(edge.length, self._idle(hole))
            if 3 * length * self._graph.sizes.token_bytes > MOVED:
                return
            self._graph.swap(edge.slot.number, hole, length)
            self._slots.swap(edge.slot, other)


class _Pace:
    """How long steps and pieces of prompts take: the median of the last ones.

    One that another program held up says nothing about the next, and a median leaves it out.
    """

    def __init__(self) -> None:
        self._steps: deque[float] = deque(maxlen=RECENT)
        self._tokens: deque[float] = deque(maxlen=RECENT)

    def pause(self) -> float:
        """Seconds for which answers may stand still."""
        return max(STALL * median(self._steps), UNSEEN) if self._steps else UNSEEN

    def tokens(self, seconds: float) -> int:
        """Tokens of a prompt in that time, at least one."""
        return max(int(seconds / median(self._tokens)), 1) if self._tokens else FIRST

    def stepped(self, seconds: float) -> None:
        """Notes what a step took."""
        self._steps.append(seconds)

    def extended(self, seconds: float, tokens: int) -> None:
        """Notes what a piece of so many tokens between two steps took. A token of a longer one, as
        they are while there are no steps, takes less."""
        self._tokens.append(seconds / tokens)
