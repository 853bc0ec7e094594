"""Every example in help, docstrings and documents is one that the kit would take."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from builders.cli.app import app as builders
from builders.kit.checkout import Checkout
from builders.kit.graph import closure
from builders.kit.onnx.variants import variants
from builders.kit.recipe.profile import load_profile
from repository.cli.app import app as repository
from tests.docs.pages import PAGES

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path for name in ("builders", "repository") for path in (ROOT / name).rglob("*.py")
)
PROGRAMS: dict[str, Any] = {
    "builders": typer.main.get_command(builders),
    "repository": typer.main.get_command(repository),
}


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """Documents whole; of modules, each text that stands in them."""
    return (
        *((page.name, page.text) for page in PAGES),
        *(
            (path.relative_to(ROOT).as_posix(), inspect.cleandoc(node.value))
            for path in SOURCES
            for node in ast.walk(ast.parse(path.read_bytes()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ),
    )


def examples() -> Iterator[tuple[str, str]]:
    """What the help of each command shows."""
    for program, group in PROGRAMS.items():
        for name, command in group.commands.items():
            yield f"python -m {program} {name} --help", command.epilog


def commands() -> list[tuple[str, str, str]]:
    """Where a command stands, its program, and the rest of its line."""
    shown = re.compile(r"python -m (builders|repository) ([a-z-](?:<[^>]*>|[^`\"'#|&\n])*)")
    found = [
        (place, program, each.strip().rstrip("."))
        for place, text in (*texts(), *examples())
        for program, each in shown.findall(text)
    ]
    # A message's example may end where a value is put in.
    return sorted({(place, program, each) for place, program, each in found if each != "parity"})


def profiles() -> list[tuple[str, str]]:
    """Blocks of YAML in docstrings that begin with a release."""
    block = re.compile(
        r"^( *)triton: \"?\d.*\n(?:(?:\1.*)?\n)*?(?=^ *```|^(?!\1)\S|\Z)", re.MULTILINE
    )
    return [
        (place, textwrap.dedent(found.group(0)))
        for place, text in texts()
        if place.endswith(".py")
        for found in block.finditer(text if text.endswith("\n") else f"{text}\n")
    ]


def test_there_are_examples() -> None:
    assert len(commands()) > 30
    assert [place for place, _ in profiles()] == ["builders/kit/recipe/profile.py"]


@pytest.mark.parametrize(("place", "program", "line"), commands(), ids=str)
def test_a_command_is_one_that_is_there(place: str, program: str, line: str) -> None:
    words = shlex.split(re.sub(r"<[^>]*>?|\[[^\]]*\]", "x", line.partition(" > ")[0]))
    command = PROGRAMS[program]
    if words[0].startswith("--"):
        assert words == ["--help"]
        return
    assert words[0] in command.commands, f"{place}: {line}"
    own = command.commands[words[0]]
    known = {option for each in own.params for option in (*each.opts, *each.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= known | {"--help"}
    if place.endswith(" --help"):
        # Parsed whole, and not run; in prose an option that a command needs may be left out.
        own.make_context(words[0], words[1:])


@pytest.mark.parametrize(("place", "text"), profiles(), ids=lambda value: value[:20])
def test_a_profile_is_one_that_would_be_built(tmp_path: Path, place: str, text: str) -> None:
    path = tmp_path / "example.yaml"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "family.py").write_text(
        "from builders.kit.family import Family\n"
        "FAMILY = Family(name='mine', sources={}, pipelines=(), metrics=())\n"
    )
    path.write_text(text)
    profile = load_profile(path)
    models = set()
    for name, options in profile.families.items():
        family = Checkout(code=profile.code).declared(name)
        assert family is not None, place
        assert set(options.sources) <= family.sources.keys(), place
        assert set(options.bounds) <= {metric.name for metric in family.metrics}, place
        models |= {model.name for model in closure(family.pipelines)}
    assert profile.models.keys() <= models, place


def test_a_step_is_one_that_there_is() -> None:
    steps = set()
    declared = {name: Checkout().declared(name) for name in Checkout().families}
    families = {name: family for name, family in declared.items() if family is not None}
    for name, family in families.items():
        exports = variants(each for each in family.exports if each.parity is not None)
        steps |= {f"{kind} {name}/{each}" for kind in ("export", "parity") for each in exports}
        steps |= {f"export {name}/{each.name}" for each in family.exports}
        steps |= {f"metric {name}/{each.name}" for each in family.metrics}
    named = {
        (place, each)
        for place, text in texts()
        for each in re.findall(rf"(?:export|parity|metric) (?:{'|'.join(families)})/[\w.]*\w", text)
    }
    assert len(named) > 3
    assert {each for _, each in named} <= steps, named
