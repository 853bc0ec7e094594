"""Which models have to be loaded with a model, as its own code calls them.

In explicit model control Triton loads an ensemble's composing models with it; of what a
Python-backend model calls it knows nothing. Models say that in their config's parameter ``calls``,
by name with commas between. Read without protobuf, so that a server starts in no time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
_STEP = re.compile(r'\bmodel_name\s*:\s*"([^"]*)"')
_CALLS = re.compile(
    r'\bkey\s*:\s*"calls"\s*,?\s*value\s*:?\s*\{\s*string_value\s*:\s*"([^"]*)"', re.DOTALL
)


def with_called(repository: Path, models: Sequence[str], *, steps: bool = False) -> tuple[str, ...]:
    """The models, and before each what it calls, what that calls, and what their steps call.

    Args:
        repository: the model repository.
        models: names; ``*``, for all, stays as it is.
        steps: names ensembles' steps too, which Triton loads by itself.
    """
    found: dict[str, None] = {}
    seen: set[str] = set()

    def add(name: str, *, load: bool) -> None:
        if name not in seen:
            seen.add(name)
            composing, calls = _needs(repository / name / "config.pbtxt")
            for each in composing:
                add(each, load=steps)
            for each in calls:
                add(each, load=True)
        if load:
            found.setdefault(name)

    for name in models:
        add(name, load=True)
    return tuple(found)


def is_ensemble(model: Path) -> bool:
    """Whether a model's folder is that of an ensemble, which runs no process of its own."""
    return bool(_needs(model / "config.pbtxt")[0])


def _needs(config: Path) -> tuple[list[str], list[str]]:
    """The models of an ensemble's steps, and those that a model's code calls."""
    try:
        text = _COMMENT.sub("", config.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return [], []
    calls = [name for match in _CALLS.findall(text) for name in match.split(",") if name]
    return _STEP.findall(text), calls
