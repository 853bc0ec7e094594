"""What a start has to know from a model's config: the models that it calls, and its file.

In explicit model control Triton loads an ensemble's composing models with it. It does not know what
a Python-backend model calls. Models say that in their config's parameter ``calls``, as names with
commas between. The config is read without protobuf, so a server starts quickly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from runtime.options.config_text import config_text

_COMMENT = re.compile(r"^[ \t]*+#.*$", re.MULTILINE)
_STEP = re.compile(r'\bmodel_name\s*+:\s*+"([^"]*)"')
_FILE = re.compile(r'\bdefault_model_filename\s*+:\s*+"([^"]*)"')
_CALLS = re.compile(
    r'\bkey\s*+:\s*+"calls"\s*+,?+\s*+value\s*+:?+\s*+\{\s*+string_value\s*+:\s*+"([^"]*)"'
)
"""None of them looks twice at a character, whatever stands there."""


def with_called(repository: Path, models: Sequence[str], *, steps: bool = False) -> tuple[str, ...]:
    """The models; before each stand the models that it calls, directly or through others.

    Args:
        repository: the model repository; no config outside it is read.
        models: names; ``*``, for all, stays as it is.
        steps: names ensembles' steps too, which Triton loads by itself.
    """
    found: dict[str, None] = {}
    seen: set[str] = set()
    for model in models:
        # One that was entered comes back when all that it needs was looked at.
        pending = [(model, True, False)]
        while pending:
            name, load, entered = pending.pop()
            if not entered and name not in seen:
                seen.add(name)
                composing, calls = _needs(repository, name)
                below = [(each, steps) for each in composing] + [(each, True) for each in calls]
                pending.append((name, load, True))
                pending += [(each, wanted, False) for each, wanted in reversed(below)]
            elif load:
                found.setdefault(name)
    return tuple(found)


def is_ensemble(model: Path) -> bool:
    """Whether a model is an ensemble, which has no process of its own."""
    return bool(_needs(model.parent, model.name)[0])


def file_name(model: Path) -> str:
    """The model file that a config names; "" if it names none."""
    found = _FILE.search(_text(model))
    return found[1] if found else ""


def _needs(repository: Path, name: str) -> tuple[list[str], list[str]]:
    """The models of an ensemble's steps, and those that a model's code calls."""
    if "/" in name or name in ("", ".", ".."):
        return [], []
    text = _text(repository / name)
    calls = [each for match in _CALLS.findall(text) for each in match.split(",") if each]
    return _STEP.findall(text), calls


def _text(model: Path) -> str:
    """The config of a model's folder, without its comments; "" for one that cannot be read."""
    return _COMMENT.sub("", config_text(model))
