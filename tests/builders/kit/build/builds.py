"""Builds of the toy family in a process of their own, for tests that kill it or fill its disk.

Usage: builds.py FOLDER build [NAME=VALUE …]
       builds.py FOLDER kill FIRST STEP

``FOLDER`` holds ``weights.json``; ``cache`` and ``repository`` are written there. ``build`` prints
a line of JSON. ``kill`` builds again and again after a change of the weights, each time killed
(SIGKILL) before another of the file operations that Python's audit hooks tell of: at number FIRST,
FIRST + STEP, and so on to the last; it prints what it found after each as a line of JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from builders.kit.build.build import BuildError, TargetError, build
from builders.kit.checkout import Checkout
from builders.kit.recipe.profile import FamilyOptions, Profile
from builders.kit.tasks.cache import Cache
from builders.kit.tasks.progress import Lines, Outcome
from repository.manifest import ManifestError, read_manifest, verify

# Loaded before any fork, so that a fork is cheap.
for _name in (
    "build.checking",
    "build.parity",
    "build.swapping",
):
    importlib.import_module(f"builders.kit.{_name}")

TOYS = Path(__file__).resolve().parent / "toys"
EVENTS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.utime")


class Counting(Lines):
    """Lines, and the names of the tasks that ran."""

    def __init__(self) -> None:
        super().__init__()
        self.ran: list[str] = []

    def finished(self, outcome: Outcome) -> None:
        super().finished(outcome)
        if outcome.action == "built" and not outcome.name.startswith("model "):
            self.ran.append(outcome.name)


def run(folder: Path, out: Path | None = None) -> dict[str, Any]:
    profile = Profile.model_construct(
        triton="24.10",
        device="cpu",
        precision="fp32",
        families={"toy": FamilyOptions(sources={"weights": f"path:{folder / 'weights.json'}"})},
        hub=False,
        bls=False,
        models={},
    )
    told = Counting()
    try:
        result = build(
            profile,
            out or folder / "repository",
            told,
            cache=Cache(folder / "cache"),
            checkout=Checkout(TOYS, "toykit"),
        )
    except (BuildError, TargetError) as error:
        return {"error": str(error), "rules": [finding.rule for finding in error.findings]}
    return {"digest": result.manifest.digest, "changed": result.changed, "ran": sorted(told.ran)}


def killed_at(folder: Path, number: int) -> bool:
    """Build in a fork that dies before its file operation of that number; whether it died."""
    child = os.fork()
    if child == 0:
        left = number

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event in EVENTS and str(arguments[0]).startswith(str(folder)):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        run(folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def forked(folder: Path) -> dict[str, Any]:
    """Build in a fork, so that no thread of onnxruntime's is alive when the next one is made."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, json.dumps(run(folder)).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    os.waitpid(child, 0)
    return dict(json.loads(text))


def state(folder: Path) -> str:
    """The digest of the repository if it is whole."""
    try:
        problems = [str(finding) for finding in verify(folder / "repository")]
        return "; ".join(problems) or read_manifest(folder / "repository").digest
    except ManifestError as error:
        return str(error)


def kill(folder: Path, first: int, step: int) -> None:
    weights = folder / "weights.json"
    forked(folder)
    kept = folder.with_name(f"{folder.name}.kept")
    shutil.copytree(folder, kept)
    number = first
    while True:
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        weights.write_text(json.dumps({"factor": 2.0, "shift": 1.25}))
        died = killed_at(folder, number)
        after = state(folder)
        resumed = forked(folder)
        found = {
            "number": number,
            "died": died,
            "after": after,
            "resumed": resumed,
            "whole": state(folder),
            "left": sorted(
                str(path.relative_to(folder))
                for path in [*folder.glob(".*"), *(folder / "cache").glob("*/work/*")]
            ),
        }
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
        if not died:
            return
        number += step


if __name__ == "__main__":
    place = Path(sys.argv[1])
    if sys.argv[2] == "kill":
        kill(place, int(sys.argv[3]), int(sys.argv[4]))
    else:
        given = dict(word.split("=", 1) for word in sys.argv[3:])
        target = Path(given["out"]) if "out" in given else None
        sys.stdout.write(json.dumps(run(place, target)) + "\n")
