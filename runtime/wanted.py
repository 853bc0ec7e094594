"""Whether a repository has the models that are to be served.

Triton takes no notice of a name that it does not find, and calls itself ready without that model.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from runtime.called import is_ensemble, with_called
from runtime.errors import ServerFailed
from runtime.plain import is_plain


def check(repository: Path, models: Sequence[str]) -> tuple[str, ...]:
    """What to give to Triton's ``--load-model``.

    Args:
        repository: the model repository.
        models: the names asked for; none is all.

    Returns:
        the names; ``("*",)`` for all.

    Raises:
        ServerFailed: there is no repository, no model in it, or not every one of these; the
            message names all that are missing.
    """
    if not repository.is_dir():
        raise ServerFailed(f"There is no model repository at {repository}.")
    there = sorted(
        path.name for path in repository.iterdir() if path.is_dir() and path.name[0] != "."
    )
    if not there:
        raise ServerFailed(f"There is no model in {repository}: it has no folder.")
    if "*" in models and len(set(models)) > 1:
        raise ServerFailed("Either all models (*) or these by name: leave one of the two out.")
    names = tuple(dict.fromkeys(models)) or ("*",)
    missing = [name for name in names if name not in there and name != "*"]
    if not missing:
        called = with_called(repository, there if names == ("*",) else names)
        missing = [name for name in called if name not in there]
    if missing:
        told = " ".join(_told(name, there, asked=name in names) for name in missing)
        raise ServerFailed(f"{told} {repository} has: {', '.join(there)}.")
    return names


def check_names(repository: Path, models: Sequence[str]) -> None:
    """Whether stubs can be started for models on this machine.

    Args:
        repository: the model repository.
        models: what :func:`check` gave.

    Raises:
        ServerFailed: a model's name has a space, a shell's sign or a letter beyond ASCII.
    """
    every = (
        sorted(path.name for path in repository.iterdir() if path.is_dir())
        if "*" in models
        else with_called(repository, models, steps=True)
    )
    wrong = [
        f"'{name}'" for name in every if not is_plain(name) and not is_ensemble(repository / name)
    ]
    if wrong:
        raise ServerFailed(
            f"Triton cannot run {', '.join(wrong)} here: it gives the name to a shell unquoted, "
            "and to an interpreter that knows ASCII only. Rename folder and model, with letters "
            "from a to z, digits, and any of _.-"
        )


def _told(name: str, there: Sequence[str], *, asked: bool) -> str:
    if not name:
        return "A model's name is empty."
    if not asked:
        return f"There is no model '{name}', which another model calls."
    if any(sign in name for sign in "*?["):
        return f"There is no model '{name}', and a name is no pattern; * alone is all models."
    near = difflib.get_close_matches(name, there, n=1)
    return f"There is no model '{name}'" + (f"; did you mean '{near[0]}'?" if near else ".")
