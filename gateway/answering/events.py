"""Server-sent events whose JSON is made once: what differs is put into its place.

``openai.types`` say what an event is. Marks stand where a stream's own values and a text will be.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any

from openai.types import Completion, CompletionChoice, CompletionUsage
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import Choice, ChoiceDelta
from pydantic import BaseModel

from gateway.errors import ApiError

DONE = b"data: [DONE]\n\n"

_IDENTITY, _TEXT, _CREATED = "\x00id", "\x00text", 10**15 + 1
"""Marks: none of them can be in a model's name."""

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
            before, after = self._filled(self._choice(index).text).split(_json(_TEXT))
            halves = self._texts[index] = before, after
        quoted = encode_basestring(text)
        if not text.isascii():
            quoted = quoted.translate(_BREAKS)
        return b"%b%b%b" % (halves[0], quoted.encode(), halves[1])

    def finish(self, index: int, reason: str) -> bytes:
        """A choice's end."""
        return self._filled(self._choice(index).finish).replace(_json(_TEXT), _json(reason))

    def usage(self, usage: CompletionUsage) -> bytes:
        """The counts of tokens, which come last."""
        made = _values(self._kind.made([]))
        return self._filled(_event({**made, "usage": _values(usage)}))

    def _choice(self, index: int) -> _Choice:
        return _choice(self._kind, index, usage=self._usage)

    def _filled(self, event: bytes) -> bytes:
        return event.replace(_json(_IDENTITY), self._identity).replace(
            _json(_CREATED), self._created
        )


@dataclass(frozen=True)
class Kind:
    """What the events of one kind are.

    Attributes:
        model: its name.
    """

    model: str

    def made(self, choices: Any) -> BaseModel:
        """An event with these choices."""
        raise NotImplementedError

    def first(self, index: int) -> Any:
        """A choice that begins; None if that is not told."""
        raise NotImplementedError

    def text(self, index: int) -> Any:
        """A choice with the mark of a text."""
        raise NotImplementedError

    def finish(self, index: int) -> Any:
        """A choice that ends, with a text's mark for its reason."""
        raise NotImplementedError


class ChatKind(Kind):
    """Chats."""

    def made(self, choices: list[Choice]) -> ChatCompletionChunk:
        """An event with these choices."""
        return ChatCompletionChunk(
            id=_IDENTITY,
            object="chat.completion.chunk",
            created=_CREATED,
            model=self.model,
            choices=choices,
        )

    def first(self, index: int) -> Choice:
        """Whose message it is."""
        delta = ChoiceDelta(role="assistant", content="", refusal=None)
        return Choice(index=index, delta=delta, finish_reason=None, logprobs=None)

    def text(self, index: int) -> Choice:
        """A choice with the mark of a text."""
        delta = ChoiceDelta(content=_TEXT)
        return Choice(index=index, delta=delta, finish_reason=None, logprobs=None)

    def finish(self, index: int) -> Choice:
        """A choice that ends."""
        made = Choice(index=index, delta=ChoiceDelta(), finish_reason=None, logprobs=None)
        return made.model_copy(update={"finish_reason": _TEXT})


class CompletionKind(Kind):
    """Completions."""

    def made(self, choices: list[CompletionChoice]) -> Completion:
        """An event with these choices."""
        # Not judged: their reason may be null before the end, though the type says otherwise.
        return Completion.model_construct(
            id=_IDENTITY,
            object="text_completion",
            created=_CREATED,
            model=self.model,
            choices=choices,
        )

    def first(self, index: int) -> None:
        """A completion has no role."""

    def text(self, index: int) -> CompletionChoice:
        """A choice with the mark of a text."""
        return self._choice(index, _TEXT, None)

    def finish(self, index: int) -> CompletionChoice:
        """A choice that ends."""
        return self._choice(index, "", _TEXT)

    def _choice(self, index: int, text: str, reason: Any) -> CompletionChoice:
        return CompletionChoice.model_construct(
            index=index, text=text, finish_reason=reason, logprobs=None
        )


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
