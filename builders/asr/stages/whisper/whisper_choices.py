"""The language and the task that a request asks for, as numbers; unknown ones are refused."""

from __future__ import annotations

import numpy as np

from builders.kit.invalid_argument import InvalidArgument

from .whisper_tokens import Settings

UNKNOWN = -1
"""The number of a language that is to be told from the sound."""

AUTO = "auto"
"""What asks for a language that is to be told from the sound, as none does of most models."""

SHOWN = 8
"""Languages that an error lists."""


def language(given: np.ndarray | None, settings: Settings) -> int:
    """The language's number: :data:`UNKNOWN` for "auto", the model's default without one.

    Raises:
        InvalidArgument: not one text, or a language that the model does not know.
    """
    wanted = _one(given, "language")
    if wanted is None:
        return settings.language
    if wanted == AUTO:
        return UNKNOWN
    code = settings.names.get(wanted, wanted)
    if not settings.languages:
        if code == "en":
            return 0
        raise InvalidArgument(
            f"language {_quoted(wanted)} is unknown: this model knows English only"
        )
    if code in settings.languages:
        return settings.languages.index(code)
    more = len(settings.languages) - SHOWN
    known = ", ".join(settings.languages[:SHOWN]) + (f" and {more} more" if more > 0 else "")
    raise InvalidArgument(
        f"language {_quoted(wanted)} is unknown: send one of {known}, or {AUTO} to have it detected"
    )


def task(given: np.ndarray | None, settings: Settings) -> int:
    """The task's number; without one the model's default.

    Raises:
        InvalidArgument: not one text, or a task that the model does not know.
    """
    wanted = _one(given, "task")
    tasks = settings.tasks or ["transcribe"]
    if wanted is None:
        return settings.task
    if wanted in tasks:
        return tasks.index(wanted)
    raise InvalidArgument(f"task {_quoted(wanted)} is unknown: send {' or '.join(tasks)}")


def _one(given: np.ndarray | None, name: str) -> str | None:
    if given is None:
        return None
    values = given.reshape(-1)
    if values.size != 1:
        raise InvalidArgument(f"{name} must be one text, found {values.size}")
    value = values[0]
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.strip().lower() or None


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
