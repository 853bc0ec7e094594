"""Server-sent events whose JSON is made once: what differs is put into its place.

``openai.types`` say what an event is. Marks stand where a stream's own values and a text will be.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any

from openai.types import CompletionUsage
from pydantic import BaseModel

from gateway.answering.kinds import CREATED, IDENTITY, TEXT, Kind
from gateway.errors import ApiError

DONE = b"data: [DONE]\n\n"

_BREAKS = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})
"""Characters that some readers of lines take for a line's end."""


class Events:
    """The events of one stream.

    Args:
        kind: of a chat or of completions, by a model.
        identity: the answer's ``id``.
        created: seconds since 1970.
        usage: counts of tokens come at the end.
    """

    def __init__(self, kind: Kind, identity: str, created: int, *, usage: bool) -> None:
        self._kind, self._usage = kind, usage
        self._identity, self._created = _json(identity), _json(created)
        self._texts: dict[int, tuple[bytes, bytes]] = {}

    def first(self, index: int) -> bytes:
        """What stands before a choice's first text."""
        return self._filled(self._choice(index).first)

    def text(self, index: int, text: str) -> bytes:
        """A piece of a choice's text."""
        halves = self._texts.get(index)
        if halves is None:
            before, after = self._filled(self._choice(index).text).split(_json(TEXT))
            halves = self._texts[index] = before, after
        quoted = encode_basestring(text)
        if not text.isascii():
            quoted = quoted.translate(_BREAKS)
        return b"%b%b%b" % (halves[0], quoted.encode(), halves[1])

    def finish(self, index: int, reason: str) -> bytes:
        """A choice's end."""
        return self._filled(self._choice(index).finish).replace(_json(TEXT), _json(reason))

    def usage(self, usage: CompletionUsage) -> bytes:
        """The counts of tokens, which come last."""
        made = _values(self._kind.made([]))
        return self._filled(_event({**made, "usage": _values(usage)}))

    def _choice(self, index: int) -> _Choice:
        return _choice(self._kind, index, usage=self._usage)

    def _filled(self, event: bytes) -> bytes:
        return event.replace(_json(IDENTITY), self._identity).replace(_json(CREATED), self._created)


def of_error(problem: ApiError) -> bytes:
    """The event that ends a stream which failed."""
    return _event(problem.body)


@dataclass(frozen=True)
class _Choice:
    """The events of one choice, with marks."""

    first: bytes
    text: bytes
    finish: bytes


@functools.lru_cache(maxsize=256)
def _choice(kind: Kind, index: int, *, usage: bool) -> _Choice:
    def event(choice: Any) -> bytes:
        if choice is None:
            return b""
        values = _values(kind.made([choice]))
        return _event({**values, "usage": None} if usage else values)

    return _Choice(event(kind.first(index)), event(kind.text(index)), event(kind.finish(index)))


def _values(made: BaseModel) -> dict[str, Any]:
    return made.model_dump(mode="json", exclude_unset=True, warnings=False)


def _event(values: object) -> bytes:
    return b"data: %b\n\n" % _json(values)


def _json(values: object) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode()
