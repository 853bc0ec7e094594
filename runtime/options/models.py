"""Which models of a repository are loaded, and whether it has them.

Triton takes no notice of a name that it does not find, and calls itself ready without that model.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from repository.files.plain import is_plain
from repository.findings import shortened
from runtime.errors import ServerFailed
from runtime.options.calls import file_name, is_ensemble, with_called

MOST_TOLD = 40
"""The most names in a message, of missing models and of existing ones."""


def folders(repository: Path) -> list[str]:
    """The names of its models, sorted; hidden folders, as ``.git``, are not taken for models."""
    return sorted(
        path.name for path in repository.iterdir() if path.is_dir() and path.name[0] != "."
    )


def to_load(repository: Path, models: Sequence[str]) -> tuple[str, ...]:
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
    there = folders(repository)
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
        told = " ".join(_told(name, there, asked=name in names) for name in missing[:MOST_TOLD])
        more = f" So it is with {len(missing) - MOST_TOLD} more." if missing[MOST_TOLD:] else ""
        raise ServerFailed(f"{told}{more} {repository} has: {_listed(there)}.")
    return names


def check_names(repository: Path, models: Sequence[str]) -> None:
    """Whether stubs can be started for models on this machine.

    Args:
        repository: the model repository.
        models: what :func:`to_load` gave.

    Raises:
        ServerFailed: a model's name, or that of its file, has a space, a shell's sign or a letter
            beyond ASCII.
    """
    every = folders(repository) if "*" in models else with_called(repository, models, steps=True)
    wrong = [
        f"'{name}'" for name in every if not is_plain(name) and not is_ensemble(repository / name)
    ]
    if wrong:
        raise ServerFailed(
            f"Triton cannot run {_listed(wrong)} here: it gives the name to a shell unquoted, "
            "and to an interpreter that knows ASCII only. Rename folder and model, with letters "
            "from a to z, digits, and any of _.-"
        )
    files = {name: file_name(repository / name) for name in every}
    wrong = [f"'{file}' of '{name}'" for name, file in files.items() if not is_plain(file or "-")]
    if wrong:
        raise ServerFailed(
            f"Triton cannot run {', '.join(wrong)} here: it gives the name of a model's file "
            "(default_model_filename) to a shell unquoted. Rename the file, with letters from a to "
            "z, digits, and any of _.-"
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_TOLD} more" if names[MOST_TOLD:] else ""
    return ", ".join(map(shortened, names[:MOST_TOLD])) + more


def _told(name: str, there: Sequence[str], *, asked: bool) -> str:
    if not name:
        return "A model's name is empty."
    shown = shortened(name)
    if not asked:
        return f"There is no model '{shown}', which another model calls."
    if any(sign in name for sign in "*?["):
        return f"There is no model '{shown}', and a name is no pattern; * alone is all models."
    near = difflib.get_close_matches(name, there, n=1)
    return f"There is no model '{shown}'" + (f"; did you mean '{near[0]}'?" if near else ".")
