"""Each command of `tmk` that a page shows is there, with the options that it is shown with."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from tests.docs.pages import PAGES, ROOT, Page, page
from tmk.commands import app

GROUP: Any = typer.main.get_command(app)


def lines(of: Page) -> Iterator[str]:
    """What follows `tmk` in its blocks and in its text."""
    for language in ("bash", "sh", "console"):
        for block in of.blocks(language):
            yield from re.findall(r"\btmk ([a-z-][^|#\n]*)", block.replace("\\\n", " "))
    for each in re.findall(r"`([^`\n]+)`", of.prose):
        yield from re.findall(r"^tmk ([a-z-].*)", each)


def options(command: Any) -> set[str]:
    """Every spelling of a command's options."""
    return {name for each in command.params for name in (*each.opts, *each.secondary_opts)}


SHOWN = [(each.name, line) for each in PAGES for line in lines(each)]


def test_there_are_commands() -> None:
    assert len(SHOWN) > 80


@pytest.mark.parametrize(("place", "line"), sorted(set(SHOWN)))
def test_a_command_that_is_shown_is_there(place: str, line: str) -> None:
    command, words = GROUP, shlex.split(line.replace("'", ""))
    while words and hasattr(command, "commands") and not words[0].startswith("--"):
        assert words[0] in command.commands, f"{place}: tmk {line}"
        command = command.commands[words.pop(0)]
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert given <= options(command) | {"--help"}, f"{place}: tmk {line}"
    for word in words:
        if word.startswith("clients/"):
            assert (ROOT / word).exists(), f"{place}: tmk {line}"


def test_every_command_is_on_the_page_of_commands() -> None:
    shown = {line.split()[0] for line in lines(page("docs/commands.md"))}
    assert GROUP.commands.keys() <= shown
