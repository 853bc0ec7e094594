"""A graph without weights: what it says depends on all tokens that a slot's cache holds."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from builders.decoder.stages.running.graph import Sizes
from builders.decoder.stages.running.sampling import Sampler, Sampling
from builders.decoder.stages.running.scheduler import Scheduler

VOCAB = 97

STEP, PIECE, TOKEN = 1.0, 0.7, 0.05
"""What the graph's clock says that a step, a piece of a prompt, and each of its tokens takes."""


NOTHING = 7


def folded(found: int, token: int) -> int:
    """What tokens are together: those before, and one more."""
    return (found * 31 + token + 1) % 1_000_003


def said_after(tokens: list[int]) -> int:
    """The token that follows those."""
    found = NOTHING
    for token in tokens:
        found = folded(found, token)
    return found % VOCAB


def answer_alone(prompt: list[int], count: int) -> list[int]:
    tokens = list(prompt)
    for _ in range(count):
        tokens.append(said_after(tokens))
    return tokens[len(prompt) :]


class Remembering:
    """As :class:`builders.decoder.stages.running.graph.Graph`; an embedding is the token itself.

    The cache has what tokens up to each place are together, so that a step takes as long in a long
    answer as in a short one. What stands behind a place that is written means nothing any more.
    """

    sizes = Sizes(layers=1, kv_heads=1, head_dim=1, hidden=1, vocab=VOCAB)

    def __init__(self, slots: int, context: int) -> None:
        self.slots, self.context = slots, context
        self.cache = np.full((slots, context), -1, np.int64)
        self.written = [0] * slots
        self.computed = 0
        self.now = 0.0
        self.stepped: list[float] = []
        self.log: list[tuple[str, int]] = []
        self.broken = 0
        self.held_up: dict[int, float] = {}

    def extend(self, slot: int, length: int, rows: np.ndarray) -> np.ndarray:
        self.now += PIECE + TOKEN * len(rows)
        self.log.append(("extend", len(rows)))
        self.computed += len(rows)
        self._write(slot, length, rows[:, 0])
        return self._logits(slot, length + len(rows))

    def step(self, first: int, rows: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        self.now += STEP + self.held_up.get(len(self.stepped), 0)
        self.stepped.append(self.now)
        self.log.append(("step", len(rows)))
        if self.broken:
            self.broken -= 1
            raise RuntimeError("the graph cannot go on")
        for at, (row, length) in enumerate(zip(rows, lengths, strict=True)):
            self._write(first + at, int(length), row)
        return np.stack(
            [self._logits(first + at, int(each) + 1) for at, each in enumerate(lengths)]
        )

    def copy(self, source: int, target: int, length: int) -> None:
        assert length <= self.written[source], "copied what is overwritten"
        self.cache[target, :length] = self.cache[source, :length]
        self.written[target] = length

    def swap(self, one: int, other: int, length: int) -> None:
        self.cache[[one, other], :length] = self.cache[[other, one], :length]
        before, after = self.written[one], self.written[other]
        self.written[one], self.written[other] = min(after, length), min(before, length)

    def _write(self, slot: int, length: int, tokens: np.ndarray) -> None:
        assert length + len(tokens) <= self.context, "written behind the slot's end"
        found = self._found(slot, length)
        for at, token in enumerate(tokens.tolist()):
            found = folded(found, int(token))
            self.cache[slot, length + at] = found
        self.written[slot] = length + len(tokens)

    def _found(self, slot: int, length: int) -> int:
        assert length <= self.written[slot], "overwritten before it was read"
        return int(self.cache[slot, length - 1]) if length else NOTHING

    def _logits(self, slot: int, length: int) -> np.ndarray:
        logits = np.zeros(VOCAB, np.float32)
        logits[self._found(slot, length) % VOCAB] = 1
        return logits


class Asked:
    """A job, and what came of it."""

    def __init__(self, prompt: list[int], count: int, until: int = -1) -> None:
        self.prompt, self.count, self.until = prompt, count, until
        self.keys = np.array(prompt, np.int64)
        self.sampler = Sampler(Sampling())
        self.tokens: list[int] = []
        self.cached = -1
        self.error: BaseException | None = None
        self.ended = threading.Event()
        self.first = threading.Event()

    def rows(self, first: int, last: int) -> np.ndarray:
        return embed(self.keys[first:last])

    def began(self, cached: int) -> None:
        self.cached = cached

    def took(self, token: int) -> bool:
        self.tokens.append(token)
        self.first.set()
        if len(self.tokens) == self.count:
            self.ended.set()
            return False
        return True

    def failed(self, error: BaseException) -> None:
        self.error = error
        self.ended.set()

    def cancelled(self) -> bool:
        gone = len(self.tokens) == self.until
        if gone:
            self.ended.set()
        return gone


class Full(Exception):
    pass


class Closed(Exception):
    pass


def embed(tokens: np.ndarray) -> np.ndarray:
    return tokens[:, None].astype(np.float32)


def scheduler(graph: Remembering, waiting: int = 1000) -> Scheduler:
    return Scheduler(
        graph,  # type: ignore[arg-type]
        embed,
        waiting,
        full=Full,
        closed=Closed,
        watch=lambda *_: None,
        thread=_started,
    )


def _started(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
