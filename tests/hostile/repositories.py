"""Repositories that nobody means well with, or that went wrong on their way.

Each is made in an empty folder; what the check has to say of it stands beside it. On a real server
they load, are refused, wait for ever, or end it: ``test_repositories.py`` tries them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.hostile import broken_configs, broken_files, broken_models, broken_names
from tests.hostile.writing import Make

HEAVY = {
    "instances without end",
    "warm-up of terabytes",
    "warm-up for ever",
    "warm-up of the largest batch",
    "model.py is a device",
    "model.py is huge",
    "config is a device",
    "config of a terabyte of zeros",
    "the largest batch in sequence",
    "the most sequences",
    "the most priority levels",
}


@dataclass(frozen=True)
class Hostile:
    """One repository.

    Attributes:
        name: what is wrong with it, in words.
        make: writes it into an empty folder.
        rules: the rules of the check's errors; empty where it is sound, or loads all the same.
        heavy: whether a server that takes it in earnest would strain the machine, so that it is
            shown to the check alone.
    """

    name: str
    make: Make
    rules: frozenset[str]
    heavy: bool = False


def repositories() -> Iterator[Hostile]:
    """All of them."""
    for module in (broken_names, broken_files, broken_configs, broken_models):
        for name, make, rules in module.CASES:
            yield Hostile(name, make, frozenset(rules), heavy=name in HEAVY)
