"""What the check and a real server say of each shape."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from repository.check.check import check_repository
from repository.check.files.completed import Target
from repository.check.rules import RULES, Triton
from repository.findings import Finding, errors
from repository.release import release
from runtime.machine.environment import ServerEnvironment
from runtime.server.control import CallFailed
from runtime.server.server import LocalServer
from tests.agreement.corpus import SHAPES
from tests.agreement.writing import Bench

for module in ("completed", "files", "public", "served", "texts"):
    importlib.import_module(f"tests.agreement.shapes_{module}")

RECORDED = Path(__file__).with_name("recorded.json")
COMMAND = "python -m tests.agreement"

LOADS, REFUSES, HANGS = "loads", "refuses", "hangs"

_SHAPES_A_SERVER = 60
"""Each Python model is a process of some 20 MB."""
_WAIT_SECONDS = 20.0

_VERDICTS = {Triton.LOADS: LOADS, Triton.REFUSES: REFUSES, Triton.BREAKS: HANGS}


class Server(LocalServer):
    """A server that completes configs, as Triton does unless it is told not to."""

    def _command(self, *given: Any) -> list[str]:
        return [
            each for each in super()._command(*given) if each != "--disable-auto-complete-config"
        ]


def write(shape: str, repository: Path) -> None:
    """Writes a shape's models."""
    repository.mkdir(exist_ok=True)
    SHAPES[shape](Bench(repository, shape))


def recorded() -> dict[str, dict[str, str]]:
    """What a real server did with each shape: shape -> target -> verdict."""
    return json.loads(RECORDED.read_text()) if RECORDED.exists() else {}


def found(repository: Path, target: Target) -> list[Finding]:
    """What the check finds."""
    return check_repository(repository, release("24.10"), target=target, in_place=False)


def foretold(findings: Sequence[Finding]) -> str:
    """What a server does with the repository, after the check: the worst of all findings.

    The local server has no backend but those of the kit, so that it refuses unknown ones.
    """
    said = {_foretold(each.rule) for each in errors(findings)}
    if any(each.rule == "unknown-backend" for each in findings):
        said.add(REFUSES)
    return next((verdict for verdict in (HANGS, REFUSES) if verdict in said), LOADS)


def _foretold(rule: str) -> str:
    """The rules that have no entry of their own are the onnxruntime backend's refusals."""
    return _VERDICTS[RULES[rule].triton] if rule in RULES else REFUSES


def judge(
    target: Target, folder: Path, environment: ServerEnvironment, shapes: Sequence[str]
) -> Iterator[tuple[str, str, str]]:
    """Each shape, what a real server does with it, and what it says.

    Args:
        target: how the server is started.
        folder: a place for repositories.
        environment: the server's.
        shapes: the shapes' names.
    """
    for number in range(0, len(shapes), _SHAPES_A_SERVER):
        repository = folder / f"{target}-{number}"
        owned = {}
        for shape in shapes[number : number + _SHAPES_A_SERVER]:
            before = set(repository.iterdir()) if repository.is_dir() else set()
            write(shape, repository)
            owned[shape] = sorted(path.name for path in set(repository.iterdir()) - before)
        kind = Server if target is Target.DEFAULT else LocalServer
        with kind(
            repository, load=(), open_groups=("model-repository",), environment=environment
        ) as server:
            for shape, names in owned.items():
                answers = [_load(server, name) for name in names]
                yield shape, *max(answers, key=lambda each: (LOADS, REFUSES, HANGS).index(each[0]))
                assert server.is_running(), f"the server ended with {shape}"


def _load(server: LocalServer, name: str) -> tuple[str, str]:
    try:
        path = f"/v2/repository/models/{quote(name)}/load"
        server.control.request("POST", path, b"{}", timeout_seconds=_WAIT_SECONDS)
    except CallFailed as error:
        return (REFUSES if error.status else HANGS), str(error)
    return LOADS, ""
