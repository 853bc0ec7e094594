"""The part of the campaign that needs no server: its cases, and its judge."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.artefacts.artefact import (
    LONGEST_SECONDS,
    MOST_BYTES,
    ROOT,
    SECRET,
    Artefact,
    Ran,
    fault,
    listing,
)
from tests.fuzz.artefacts.desk import Desk
from tests.fuzz.artefacts.part import ARTEFACTS, KINDS, artefact, good

PLAIN = Artefact("plain", Path.touch, ("builders", "check"), made=("out",), partly=("half",))
RAN = Ran(1, b"", b"error: no.\n", 1.0, False, 0, "")
DONE = replace(RAN, code=0, err=b"")


def written(made: Artefact, folder: Path) -> Mapping[str, object]:
    for name in ("work", "run", "shm", "temporary"):
        (folder / name).mkdir(parents=True)
    made.write(folder / "work")
    return {
        name: (*facts[:2], facts[3:])
        if facts[0] != 0o100000 or (folder / name).stat().st_size > 1 << 27
        else hashlib.sha256((folder / name).read_bytes()).digest()
        for name, facts in listing(folder).items()
    }


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kind", dict.fromkeys(KINDS), ids=lambda kind: kind.__name__)
def test_an_artefact_depends_on_its_chances_alone(kind: object, tmp_path: Path) -> None:
    for number in range(6):
        one, other = (kind(Random(number)) for _ in range(2))  # type: ignore[operator]
        assert (one.what, one.command, one.content) == (other.what, other.command, other.content)
        first, again = (
            written(each, tmp_path / f"{number}{name}") for each, name in ((one, "a"), (other, "b"))
        )
        assert first == again
    several = [kind(Random(number)) for number in range(6)]  # type: ignore[operator]
    assert len({(each.what, each.content) for each in several}) > 1


def test_there_are_hundreds_and_of_every_kind() -> None:
    assert ARTEFACTS.count >= 300
    commands = [artefact(Random(number)).command[:2] for number in range(150)]
    for name in ("check", "verify", "sbom", "push", "pull", "plan", "serve"):
        assert any(command[1] == name for command in commands), name
    assert {each.command[1] for each in good()} >= {"check", "verify", "sbom", "plan", "serve"}


@pytest.mark.parametrize(
    ("ran", "changed", "told"),
    [
        (RAN, None, ""),
        (DONE, None, ""),
        (DONE, "work/out/a", ""),
        (RAN, "work/half", ""),
        (RAN, "work/out", "work/out changed"),
        (DONE, "work/half", "work/half changed"),
        (DONE, "home/x", "home/x changed"),
        (DONE, "work/outside", "work/outside changed"),
        (replace(RAN, late=True), None, "did not end"),
        (replace(RAN, code=-9), None, "a signal ended it, 9"),
        (replace(RAN, code=3), None, "exit code 3, not 0 or 1 or 2"),
        (replace(RAN, err=b" \n"), None, "without a word"),
        (replace(RAN, err=b"Traceback (most recent call last):"), None, "'Traceback'"),
        (replace(RAN, err=b"a KeyError"), None, "'KeyError'"),
        (replace(RAN, err=b"json.decoder.JSONDecodeError"), None, "'JSONDecodeError'"),
        (replace(RAN, err=b"[Errno 2] no"), None, "'Errno'"),
        (replace(RAN, err=f"in {ROOT}/builders/cli/app.py".encode()), None, "builders/cli/app.py"),
        (replace(RAN, err=SECRET.encode()), None, "shows another file"),
        (replace(RAN, err=b"\xff"), None, "no UTF-8"),
        (replace(RAN, err=b"\x1b[2J"), None, "cannot be printed"),
        (replace(RAN, err=b"x" * 20_000), None, "a line of the output has 20000"),
        (replace(RAN, err=b"x\n" * 600_000), None, "the output has 1200000"),
        (replace(RAN, seconds=LONGEST_SECONDS + 1), None, "s of a processor"),
        (replace(RAN, bytes=MOST_BYTES + 1), None, "1024 MiB of memory"),
        (replace(RAN, log="'open /etc/x'\n"), None, "what it should not: open /etc/x"),
    ],
)
def test_the_judge_finds_every_kind_of_fault(
    ran: Ran, changed: str | None, told: str, tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "kept").touch()
    before = listing(tmp_path)
    if changed is not None:
        (tmp_path / changed).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / changed).touch()
    found = fault(PLAIN, tmp_path, ran, before, listing(tmp_path))
    assert told in found if told else found == ""


def test_a_success_that_is_wrong_is_found(tmp_path: Path) -> None:
    wrong = replace(PLAIN, judge=lambda _folder, _ran: "the sum is another")
    assert fault(wrong, tmp_path, DONE, {}, {}) == "the sum is another"
    assert fault(wrong, tmp_path, RAN, {}, {}) == ""


@pytest.mark.slow
@pytest.mark.parametrize("alone", [False, True])
def test_a_command_that_writes_elsewhere_is_found(alone: bool) -> None:
    (listed,) = [each for each in good() if each.command[1] == "sbom"][:1]
    outside = replace(listed, command=(*listed.command[:-1], "../other.json"))
    with Desk() as desk:
        outcome, text = desk.attempt(listed, alone=alone)
        assert (outcome.wrong, outcome.kind) == ("", "done"), text
        outcome, _ = desk.attempt(replace(listed, made=()), alone=alone)
        assert outcome.wrong == "exit code 0, and work/sbom.json changed"
        outcome, _ = desk.attempt(outside, alone=alone)
        assert "other.json" in outcome.wrong


@pytest.mark.slow
def test_a_command_that_goes_beyond_the_case_is_found(tmp_path: Path) -> None:
    (listed,) = [each for each in good() if each.command[1] == "sbom"][:1]
    far = replace(listed, command=(*listed.command[:-1], str(tmp_path / "far.json")))
    with Desk() as desk:
        outcome, _ = desk.attempt(far, alone=False)
    assert outcome.wrong.startswith("it did what it should not: ")
    assert str(tmp_path) in outcome.wrong
