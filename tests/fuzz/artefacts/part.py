"""The part of the campaign that needs no server: files and answers, through the kit's commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Self

from tests.fuzz.artefacts import answers, checkpoints, manifests, profiles, repositories, serving
from tests.fuzz.artefacts.artefact import Artefact
from tests.fuzz.artefacts.desk import LANES, Desk
from tests.fuzz.case import Case, Outcome, Part

KINDS: tuple[Callable[[Random], Artefact], ...] = (
    *(repositories.check, repositories.check, manifests.manifest, manifests.manifest),
    *(manifests.manifest, manifests.manifest, manifests.signature, profiles.profile),
    *(profiles.profile, answers.pull, answers.pull, checkpoints.checkpoint),
    *(checkpoints.checkpoint, serving.serve, serving.serve, repositories.run),
)
"""Those that stand here several times come so much more often."""

ALONE = 0.05
"""Of the cases, those that are tried by a process of their own."""


def artefact(random: Random) -> Artefact:
    """One artefact, of any kind."""
    return random.choice(KINDS)(random)


def case(random: Random) -> Case:
    """One artefact, as a case of the campaign."""
    made = artefact(random)
    alone = random.random() < ALONE

    def send(desk: Any) -> list[Outcome]:
        return [desk.attempt(made, alone=alone)[0]]

    return Case(made.what, send, made.content)


class Bench(Desk):
    """Takes the cases, and tries good artefacts, whose commands must say what they said before."""

    def __enter__(self) -> Self:
        super().__enter__()
        self._said: dict[int, bytes] = {}
        self._next = 0
        self._good = good()
        return self

    def check(self) -> str:
        """Tries the next good artefact; "" or what is wrong."""
        number = self._next % len(self._good)
        self._next += 1
        artefact = self._good[number]
        outcome, text = self.attempt(artefact, alone=False)
        before = self._said.setdefault(number, text)
        if outcome.wrong or outcome.kind != "done":
            return f"{artefact.what}: {outcome.wrong or outcome.text}"
        return "" if text == before else f"{artefact.what}: it said {text!r}, not {before!r}"


def good() -> list[Artefact]:
    """One for each command."""
    text = json.dumps(manifests.good()[1]).encode()
    _, public, signature = manifests.keys()

    def put(folder: Path) -> None:
        manifests.put(folder / "models", text, model__sig=signature)
        (folder / "public.pem").write_bytes(public)

    def profile(folder: Path) -> None:
        put(folder)
        (folder / "profile.yaml").write_text(profiles.WHOLE)

    made = []
    for command, makes, judge in manifests.COMMANDS:
        made.append(Artefact(f"a good {command[1]}", put, command, made=makes, judge=judge))
    signed = ("builders", "verify", "models", "--public-key", "public.pem")
    planned = ("builders", "plan", "--profile", "profile.yaml", "--out", "there")
    served = ("runtime", "serve", "models", "--model", "m")
    return [
        *made,
        Artefact("a good signature", put, signed),
        Artefact("a good profile", profile, planned),
        Artefact("a good start", put, served, alone=False),
        answers.good(),
    ]


ARTEFACTS = Part("artefacts", 400, case, place=Bench, at_once=LANES)
