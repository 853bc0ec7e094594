"""Asks the pipelines of a deployed Triton the questions whose answers families know."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from clients.deployed.server import Deployed, Wrong
from repository.cli.flags import told
from repository.manifest import read_manifest
from repository.usage import Question
from repository.usage.found import Usages
from repository.usage.requests import RequestUnfit


@dataclass(frozen=True)
class Asked:
    """How a pipeline did.

    Attributes:
        pipeline: its name.
        result: "ok", or what is wrong in a word or two.
        seconds: how long it took; None if it was not asked.
        error: a sentence; empty if nothing is wrong.
    """

    pipeline: str
    result: str
    seconds: float | None = None
    error: str = ""


def answerable(known: Usages) -> list[str]:
    """The pipelines that families declare a question of, sorted."""
    return sorted(name for name in known.declared if known.question(name))


def built(repository: Path, known: Usages) -> list[str]:
    """The pipelines of a built repository whose answers are known, and their twins.

    Raises:
        ManifestError: it has no manifest that can be read.
    """
    return sorted(name for name in read_manifest(repository).models if known.question(name))


def ask_all(deployed: Deployed, known: Usages, required: Sequence[str] = ()) -> Iterator[Asked]:
    """How each pipeline does.

    Args:
        deployed: the server.
        known: what families declare.
        required: whom to ask, each with a question; empty: all that are served and have one, and
            then what is not asked, and why.

    Raises:
        Unreachable: nothing answers.
    """
    served = [] if required else deployed.models()
    for name in required or served:
        if question := known.question(name):
            yield _asked(deployed, name, question)
    if required:
        return
    for name in [each for each in answerable(known) if each not in served]:
        yield Asked(name, "not served")
    for name in served:
        if known.question(name) is None and deployed.is_ensemble(name):
            yield Asked(name, "no known answer")


def _asked(deployed: Deployed, name: str, question: Question) -> Asked:
    started = time.monotonic()
    result, error = "ok", ""
    try:
        deployed.ask(name, question)
    except Wrong as wrong:
        result, error = wrong.result, told(wrong)
    except RequestUnfit as unfit:
        result, error = "unfit", told(unfit)
    return Asked(name, result, round(time.monotonic() - started, 2), error)
