"""The command `tmk` has every command of the house, under its own name."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from repository.cli.naming.panels import PANELS
from repository.cli.naming.program import call_commands, named
from tests.structure.errors import PACKAGES
from tests.structure.rooms import ROOT
from tmk.commands import app
from tmk.programs import NAMES

MAINTAINERS = {"training.asr.cli", "training.vision.cli"}
"""Command lines of those who make what the project ships, and of nobody else."""

COMMAND = typer.main.get_command(app)


def command_lines() -> Iterator[str]:
    """Modules that make an app of typer's, and are no part of `tmk`."""
    for package in sorted({*PACKAGES} - {"tmk"}):
        for path in sorted((ROOT / package).rglob("*.py")):
            makes = any(
                isinstance(each, ast.Assign)
                and isinstance(each.value, ast.Call)
                and ast.unparse(each.value.func) in ("App", "commands", "new_app")
                for each in ast.parse(path.read_text("utf-8")).body
            )
            if makes:
                yield ".".join(path.relative_to(ROOT).with_suffix("").parts)


def leaves(command: Any, *names: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by how it is called."""
    for name, each in getattr(command, "commands", {}).items():
        if hasattr(each, "commands"):
            yield from leaves(each, *names, name)
        else:
            yield " ".join((*names, name)), each


def test_no_command_of_the_house_is_missing() -> None:
    modules = set(command_lines())
    assert modules >= {"builders.cli.app", "clients.smoke", "perf.cli", *MAINTAINERS}
    ours = {each.callback.__wrapped__ for _, each in leaves(COMMAND)}
    names = {name.split()[-1] for name, _ in leaves(COMMAND)}
    for module in sorted(modules - MAINTAINERS):
        for info in importlib.import_module(module).app.registered_commands:
            # `sbom` is made anew for each program.
            made_here = "<locals>" in info.callback.__qualname__
            found = info.callback.__name__ in names if made_here else info.callback in ours
            assert found, f"{module}: {info.callback.__name__}"


def test_every_command_stands_in_a_group_and_says_what_it_does() -> None:
    for name, each in leaves(COMMAND):
        assert each.rich_help_panel in PANELS, name
        assert each.help, name


@pytest.mark.sampled(8)
@pytest.mark.parametrize("name", [name for name, _ in leaves(COMMAND)])
def test_help_names_no_other_program(name: str) -> None:
    result = CliRunner().invoke(app, [*name.split(), "--help"], prog_name="tmk")
    said = " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.output).split())
    assert result.exit_code == 0
    assert f"tmk {name}" in said
    assert "python -m" not in said


def test_a_name_is_not_a_part_of_a_longer_one() -> None:
    names = {"python -m perf": "tmk perf", "python -m clients.smoke": "tmk smoke"}
    assert named("`python -m perf report x`", names) == "`tmk perf report x`"
    assert named("Run python -m perf.readme.", names) == "Run python -m perf.readme."
    assert named("python -m performance", names) == "python -m performance"
    assert named("python -m clients.smoke.", names) == "tmk smoke."


def test_errors_name_the_program_that_runs(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    try:
        call_commands(NAMES)
        ours = CliRunner().invoke(app, ["verify", str(tmp_path)])
        call_commands({})
        theirs = CliRunner().invoke(app, ["verify", str(tmp_path)])
    finally:
        call_commands({})
    assert ours.exit_code == theirs.exit_code == 1
    assert "tmk build" in ours.output and "python -m" not in ours.output
    assert "python -m builders build" in theirs.output


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tmk", *arguments], cwd=ROOT, capture_output=True, text=True
    )


def test_a_wrong_command_is_usage_and_a_version_is_told() -> None:
    wrong = run("biuld")
    assert wrong.returncode == 2 and "Did you mean 'build'?" in wrong.stderr
    assert re.fullmatch(r"tmk \d+\.\d+\.\d+\n", run("--version").stdout)


def test_nothing_heavy_is_imported_for_the_help() -> None:
    code = (
        "import sys, tmk.start\n"
        "heavy = {'numpy', 'torch', 'onnx', 'onnxruntime', 'grpc', 'pydantic', 'google.protobuf'}\n"
        "print(sorted(heavy & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
