"""A question to the remote server, and its answer back: attempts, time limits, and the end."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPResponse

from .chunks import DONE, read_chunk
from .events import Events
from .faults import ClosedEarly, ConnectionLost, RemoteFault
from .refusals import check
from .reply import Reply
from .turns import Turn
from .wire import Connection, Pool, pieces

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0
"""Seconds before the second attempt, and before any; the pause doubles."""

COUNTS = 2.0
"""Seconds that a server may take for the counts of tokens, once its answer is complete."""

REST = 0.5
"""Seconds, and :data:`REST_BYTES`, that a complete answer may take to its last byte; if it takes
more, its connection is not used again."""
REST_BYTES = 1 << 16


@dataclass(frozen=True)
class Question:
    """What is sent.

    Attributes:
        path: below the server's address.
        body: JSON.
        stream: our client wants the answer piece by piece.
        most: tokens of the answer.
    """

    path: str
    body: bytes
    stream: bool
    most: int


@dataclass(frozen=True)
class Limits:
    """How long a server may take.

    Attributes:
        connect: seconds for a connection.
        first: seconds up to the first token, with all attempts.
        idle: seconds from one token to the next.
        retries: attempts after the first one.
    """

    connect: float
    first: float
    idle: float
    retries: int


class CountsMissing(RemoteFault):
    """The counts of tokens did not come: the answer is complete without them."""


class Forwarder:
    """Asks one server.

    Args:
        pool: the connections to it.
        headers: of each request.
        limits: how long it may take.
    """

    def __init__(self, pool: Pool, headers: Mapping[str, str], limits: Limits) -> None:
        self._pool = pool
        self._headers = {"Accept": "text/event-stream", **headers}
        self._limits = limits

    def run(self, question: Question, turn: Turn, reply: Reply) -> None:
        """Asks, as often as need be before the first token, and ends the reply.

        Raises:
            InvalidArgument: the server refused the question.
            RemoteFault: it did not answer, or not as it should.
            Exception: what the turn was stopped for.
        """
        limits = self._limits
        late = f"did not begin to answer within {limits.first:g} s; try again later"
        turn.limit(limits.first, RemoteFault(late))
        for attempt in range(limits.retries + 1):
            try:
                self._attempt(question, turn, reply)
                return
            except RemoteFault as fault:
                turn.check()
                longest = min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE)
                # Not all that were refused at once come back at once.
                pause = max(fault.after, longest * random.uniform(0.5, 1))
                last = attempt == limits.retries or pause >= turn.left
                if last or not fault.again or reply.begun:
                    raise
            turn.pause(pause)

    def _attempt(self, question: Question, turn: Turn, reply: Reply) -> None:
        kept = self._pool.kept()
        if kept is not None:
            try:
                self._exchange(kept, question, turn, reply)
                return
            except ConnectionLost:
                # A server may close an idle connection at any time. That is no attempt.
                pass
        self._exchange(self._pool.new(), question, turn, reply, is_new=True)

    def _exchange(
        self,
        connection: Connection,
        question: Question,
        turn: Turn,
        reply: Reply,
        *,
        is_new: bool = False,
    ) -> None:
        keep = False
        try:
            response = None
            try:
                with turn.using(connection):
                    if is_new:
                        connection.open(min(self._limits.connect, turn.left))
                    response = connection.ask(question.path, self._headers, question.body)
                    check(response)
                    self._read(response, turn, reply)
            except (ClosedEarly, CountsMissing):
                if not reply.finish:
                    raise
            turn.end()
            with turn.unlimited():
                reply.end()
            keep = response is not None and _at_its_end(response, connection, turn)
        finally:
            if keep:
                self._pool.keep(connection)
            else:
                connection.close()

    def _read(self, response: HTTPResponse, turn: Turn, reply: Reply) -> None:
        events = Events()
        idle = self._limits.idle
        slow = RemoteFault(f"sent nothing for {idle:g} s")
        missing = CountsMissing("did not send the counts of tokens")
        for piece in pieces(response):
            reply.weigh(len(piece))
            for data in events.take(piece):
                if data.strip() == DONE:
                    if not reply.finish:
                        raise RemoteFault("ended its answer without a reason", again=True)
                    return
                chunk = read_chunk(data)
                reply.add(chunk)
                if reply.finish:
                    turn.limit(COUNTS, missing)
                elif chunk.goes_on:
                    turn.limit(idle, slow)
            if reply.complete:
                return
            turn.check()
            with turn.unlimited():
                reply.flush()
        if not reply.finish:
            raise ClosedEarly()


def _at_its_end(response: HTTPResponse, connection: Connection, turn: Turn) -> bool:
    """Whether the rest of an answer comes soon, so that the next request can follow it."""
    turn.limit(REST, RemoteFault("did not end its answer"))
    read = 0
    with contextlib.suppress(Exception), turn.using(connection):
        for piece in pieces(response):
            read += len(piece)
            if read > REST_BYTES:
                return False
        return response.isclosed() and not response.will_close
    return False
