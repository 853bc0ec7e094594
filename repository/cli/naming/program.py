"""What the running program is called in texts that name a command.

Texts name commands as ``python -m builders build``, which works wherever the packages lie. A
program that has the same commands under its own name says so once, and :func:`named` puts it into
what is printed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_names: dict[str, str] = {}


def call_commands(names: Mapping[str, str]) -> None:
    """Says how commands are called from now on.

    Args:
        names: how a program is called in texts -> how it is called here, as
            ``{"python -m perf": "tmk perf"}``. None: as in the texts.
    """
    _names.clear()
    _names.update(names)


def named(text: str, names: Mapping[str, str] | None = None) -> str:
    """A text with its commands called as the program that runs calls them.

    Args:
        text: names commands, as ``python -m builders build``.
        names: as for :func:`call_commands`; None: what was said there.
    """
    known = _names if names is None else names
    if not known:
        return text
    longest_first = sorted(known, key=len, reverse=True)
    # A name is not a part of a longer one: python -m perf is not python -m perf.readme.
    programs = re.compile(rf"({'|'.join(map(re.escape, longest_first))})(?!\w|\.\w)")
    return programs.sub(lambda found: known[found[1]], text)
