"""What a remote server says in words: one bounded sentence of it, or nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from repository.copied.client_text import sentence, shows_inside

LONGEST = 300
"""Characters that a client is shown of it."""


def sentence_in(found: object) -> str:
    """The message of an error, as OpenAI's, TensorRT-LLM's and FastAPI's servers write them.

    Args:
        found: the error, as JSON has it.

    Returns:
        One sentence; "" if there is none, or if it tells of the server's inside.
    """
    text = _message(found)
    if not text or shows_inside(text):
        return ""
    line = sentence(text)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def sentence_of_body(body: bytes) -> str:
    """The same of the body of an answer that is an error; "" if it is something else than JSON."""
    try:
        return sentence_in(json.loads(body))
    except (ValueError, RecursionError):
        return ""


def _message(found: object) -> str:
    if isinstance(found, str):
        return found
    if isinstance(found, Mapping):
        words: Mapping[str, Any] = found
        for key in ("error", "message", "detail"):
            if words.get(key):
                return _message(words[key])
    return ""
