"""The library names no option of a command: only the command knows how it is called."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from builders.cli.app import app as builders
from clients.cli.app import app as clients
from clients.smoke import app as smoke
from gateway.cli import app as gateway
from perf.cli import app as perf
from runtime.cli import app as runtime
from tests.structure.errors import PACKAGES
from tests.structure.rooms import ROOT

COMMANDS = re.compile(r"(^|/)(cli|cli_\w+|__main__)(\.py|/)")
"""Modules that are a command line, or a part of one."""

TRITON = {"--http-port", "--grpc-port", "--metrics-port", "--log-verbose"}
"""Options of ours that tritonserver has too, which texts may name as Triton's."""

OTHERS = re.compile(r"`[^`]*`|'[^']*'|\b(docker|kubectl|pip) [^.;,]*|--shm-size=1g")
"""Quoted, or of another program."""


def options(command: Any) -> Iterator[str]:
    """Every long option of a command, and of those below it."""
    for parameter in command.params:
        yield from (each for each in (*parameter.opts, *parameter.secondary_opts) if "--" in each)
    for each in getattr(command, "commands", {}).values():
        yield from options(each)


OURS = {
    option
    for app in (builders, clients, smoke, gateway, perf, runtime)
    for option in options(typer.main.get_command(app))
} - TRITON


def sentences(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of what a module may say: strings with a space in them, docstrings apart."""
    parsed = ast.parse(path.read_text("utf-8"))
    silent = {each.value for each in ast.walk(parsed) if isinstance(each, ast.Expr)}
    for each in ast.walk(parsed):
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and each not in silent:
            yield from [(each.lineno, each.value)] if " " in each.value.strip() else []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_sentence_of_the_library_names_none(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {option}"
        for path in sorted((ROOT / package).rglob("*.py"))
        if not COMMANDS.search(str(path.relative_to(ROOT)))
        for line, text in sentences(path)
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", OTHERS.sub("", text))
        if option in OURS
    ]
    assert found == []


def test_the_commands_options_are_known() -> None:
    assert {"--delete", "--only", "--engine", "--http-url", "--markdown"} <= OURS
