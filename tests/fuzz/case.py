"""What is sent, what came of it, and what is asked of every answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol, Self

from repository.copied import client_text

LONGEST_TEXT = 2000
"""Characters of an error: Triton's own, which name tensors and shapes, are longer than ours."""

LONGEST_SECONDS = 30.0
"""How long an answer may take, on a machine that does other things too."""


@dataclass
class Outcome:
    """What came back.

    Attributes:
        kind: "answered", "refused", "closed" (the connection, without an answer); of a command
            "done" or "exit", with its exit code.
        code: Triton's, as "INVALID_ARGUMENT"; or the status of HTTP.
        text: of the refusal.
        seconds: until then.
        wrong: what is wrong with the answer, if anything is.
    """

    kind: str
    code: str = ""
    text: str = ""
    seconds: float = 0.0
    wrong: str = ""


@dataclass(frozen=True)
class Case:
    """One request, or one conversation.

    Attributes:
        what: in a few words, for the report.
        send: sends it to the part's :class:`tests.fuzz.target.Target` or place; gives what came of
            each request.
        content: the bytes of the file in it, kept when it fails.
        internal: whether the answer may be Triton's own to what is no request at all: INTERNAL,
            with names and ids that it repeats as they were sent.
    """

    what: str
    send: Callable[[Any], list[Outcome]]
    content: bytes = b""
    internal: bool = False


class Place(Protocol):
    """What takes cases in the place of a server."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def check(self) -> str:
        """Tries something good; "" or what is wrong."""
        ...


@dataclass(frozen=True)
class Part:
    """A kind of requests.

    Attributes:
        name: of the part, as ``--only`` takes it.
        count: how many there are.
        make: the request of a generator; equal generators give equal requests.
        place: what takes the cases where that is no server; see :class:`Place`.
        at_once: cases under way at a time.
    """

    name: str
    count: int
    make: Callable[[Random], Case]
    place: Callable[[], Place] | None = None
    at_once: int = 1

    def case(self, seed: int, number: int) -> Case:
        """A request by its number; it depends on no other."""
        return self.make(Random(f"{seed}:{self.name}:{number}"))


@dataclass
class Failure:
    """What must not be: a case, and why."""

    name: str
    what: str
    why: str
    content: bytes = field(default=b"", repr=False)


def complaint(case: Case, outcome: Outcome) -> str:
    """What is wrong with an outcome; "" if nothing is."""
    if outcome.wrong:
        return outcome.wrong
    if outcome.seconds > LONGEST_SECONDS:
        return f"it took {outcome.seconds:.1f} s"
    if outcome.kind != "refused":
        return ""
    text = outcome.text.replace("/v2/", "")
    if case.internal:  # an id may have lines
        text = text.replace("\n", " ")
    if client_text.shows_inside(text):
        return f"the text shows a path or a traceback: {outcome.text!r}"
    if len(outcome.text) > LONGEST_TEXT and not case.internal:
        return f"the text has {len(outcome.text)} characters"
    if outcome.code in ("INTERNAL", "UNKNOWN", "500") and not case.internal:
        return f"answered with {outcome.code}: {outcome.text!r}"
    return ""


Arrays = Mapping[str, Any]
