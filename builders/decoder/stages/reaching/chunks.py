"""What one event of a completion says: text, why it ended, token counts, or an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .faults import RemoteFault
from .spoken import sentence_in

DONE = "[DONE]"
"""The data of the last event of a stream."""

MOST_TOKENS = 2**31 - 1
"""What a count may be: the outputs are INT32."""

AGAIN = (408, 429, 502, 503, 504)
"""Statuses of a server that may answer the next attempt."""


@dataclass(frozen=True)
class Usage:
    """Counts of tokens of a whole answer.

    Attributes:
        prompt: of the prompt, images included.
        cached: of those, the ones that the server had computed before.
        generated: of the answer.
    """

    prompt: int
    cached: int
    generated: int


@dataclass(frozen=True)
class Chunk:
    """A part of an answer.

    Attributes:
        text: what it adds; maybe nothing.
        thought: whether it adds to what the model thinks before it answers, which is not passed on.
        finish: "stop" or "length" if it is the last part.
        usage: the counts, where it has them.
    """

    text: str = ""
    thought: bool = False
    finish: str = ""
    usage: Usage | None = None

    @property
    def goes_on(self) -> bool:
        """Whether the answer is longer, or ended, by it."""
        return bool(self.text or self.thought or self.finish)


def read_chunk(data: str) -> Chunk:
    """Reads the data of an event, of a chat's completion or a text's.

    Raises:
        RemoteFault: it is an error that the server tells, or is not what a completion has.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise _mistaken("an event that is not JSON", data) from None
    if not isinstance(found, dict):
        raise _mistaken("an event that is not a JSON object", data)
    if found.get("error") or found.get("object") == "error":
        raise _told(found)
    choices = found.get("choices")
    if not isinstance(choices, list):
        raise _mistaken("an event without choices", data)
    usage = _usage(found["usage"]) if found.get("usage") is not None else None
    if not choices:
        return Chunk(usage=usage)
    choice = choices[0]
    if len(choices) > 1 or not isinstance(choice, dict) or choice.get("index", 0) != 0:
        raise _mistaken("an event of another choice than the one that was asked for", data)
    text, thought = _texts(choice, data)
    return Chunk(text, thought, _finish(choice.get("finish_reason"), data), usage)


def _texts(choice: Mapping[str, Any], data: str) -> tuple[str, bool]:
    if "text" in choice:
        text, thoughts = choice["text"], (None, None)
    else:
        delta = choice.get("delta") or {}
        if not isinstance(delta, dict):
            raise _mistaken("an event with a delta that is not an object", data)
        text = delta.get("content")
        thoughts = (delta.get("reasoning_content"), delta.get("reasoning"))
    if text is not None and not isinstance(text, str):
        raise _mistaken("an event with a text that is not a string", data)
    return text or "", any(thoughts)


def _finish(reason: object, data: str) -> str:
    if reason is None or reason == "":
        return ""
    if not isinstance(reason, str):
        raise _mistaken("an event with a finish_reason that is not a string", data)
    if reason == "content_filter":
        raise RemoteFault("withheld the rest of the answer by a content filter of its own")
    # What else a server may say, as "eos" or "tool_calls", is an end of the model's own choice.
    return "length" if reason == "length" else "stop"


def _usage(found: object) -> Usage:
    if not isinstance(found, dict):
        raise _mistaken("a usage that is not an object", str(found))
    details = found.get("prompt_tokens_details")
    if details is not None and not isinstance(details, dict):
        raise _mistaken("a usage with details that are not an object", str(found))
    return Usage(
        _count(found.get("prompt_tokens"), found),
        _count((details or {}).get("cached_tokens"), found),
        _count(found.get("completion_tokens"), found),
    )


def _count(found: object, usage: object) -> int:
    if found is None:
        return 0
    if type(found) is not int or not 0 <= found <= MOST_TOKENS:
        raise _mistaken(
            "a usage with a count that is not a whole number from 0 to 2^31 - 1", str(usage)
        )
    return found


def _told(found: Mapping[str, Any]) -> RemoteFault:
    error = found.get("error")
    code = (error if isinstance(error, dict) else found).get("code")
    text = sentence_in(found)
    return RemoteFault(
        f"stopped with an error: {text}" if text else "stopped with an error",
        str(found)[:500],
        again=type(code) is int and code in AGAIN,
    )


def _mistaken(what: str, found: str) -> RemoteFault:
    return RemoteFault(f"sent {what}", found[:200])
