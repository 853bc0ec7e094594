"""Asks the pipelines of a deployed Triton what families know the answer of."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clients.deployed.server import Deployed, Wrong
from repository.cli.flags import told
from repository.layout import BLS_SUFFIX
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
        seconds: that it took; None where it was not asked.
        error: a sentence; empty where nothing is wrong.
    """

    pipeline: str
    result: str
    seconds: float | None = None
    error: str = ""


@dataclass(frozen=True)
class Questions:
    """Questions whose answers are known.

    Attributes:
        by_pipeline: those that families declare.
    """

    by_pipeline: Mapping[str, Question]

    def of(self, model: str) -> Question | None:
        """The question to a pipeline, or to a BLS twin of one; None if there is none."""
        own = self.by_pipeline.get(model)
        return own or self.by_pipeline.get(model.removesuffix(BLS_SUFFIX))


def questions(declared: Usages) -> Questions:
    """The questions that families declare."""
    asked = {name: each.question for name, each in sorted(declared.declared.items())}
    return Questions({name: each for name, each in asked.items() if each is not None})


def built(repository: Path, known: Questions) -> list[str]:
    """The pipelines of a built repository whose answers are known, and their twins.

    Raises:
        ManifestError: it has no manifest that can be read.
    """
    return sorted(name for name in read_manifest(repository).models if known.of(name))


def ask_all(deployed: Deployed, known: Questions, required: Sequence[str] = ()) -> Iterator[Asked]:
    """How each pipeline does.

    Args:
        deployed: the server.
        known: questions.
        required: whom to ask, each with a question; empty: all that are served and have one, and
            then what is not asked, and why.

    Raises:
        Unreachable: nothing answers.
    """
    served = [] if required else deployed.models()
    for name in required or served:
        if question := known.of(name):
            yield _asked(deployed, name, question)
    if required:
        return
    for name in sorted(known.by_pipeline.keys() - set(served)):
        yield Asked(name, "not served")
    for name in served:
        if known.of(name) is None and deployed.is_ensemble(name):
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
