"""Each command of `tmk` that a page shows is there, with the options that it is shown with."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from tests.docs.pages import PAGES, ROOT, Page
from tmk.commands import app

GROUP: Any = typer.main.get_command(app)


def lines(page: Page) -> Iterator[str]:
    """What follows `tmk` in its blocks and in its text."""
    for language in ("bash", "sh"):
        for block in page.blocks(language):
            yield from re.findall(r"\btmk ([a-z-][^|#\n]*)", block.replace("\\\n", " "))
    for each in re.findall(r"`([^`\n]+)`", page.prose):
        yield from re.findall(r"^tmk ([a-z-].*)", each)


def options(command: Any) -> set[str]:
    """Every spelling of a command's options."""
    return {name for each in command.params for name in (*each.opts, *each.secondary_opts)}


SHOWN = [(page.name, line) for page in PAGES for line in lines(page)]


def test_there_are_commands() -> None:
    assert len(SHOWN) > 80


@pytest.mark.parametrize(("page", "line"), sorted(set(SHOWN)))
def test_a_command_that_is_shown_is_there(page: str, line: str) -> None:
    command, words = GROUP, shlex.split(line.replace("'", ""))
    while words and hasattr(command, "commands") and not words[0].startswith("--"):
        assert words[0] in command.commands, f"{page}: tmk {line}"
        command = command.commands[words.pop(0)]
    given = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert given <= options(command) | {"--help"}, f"{page}: tmk {line}"
    for word in words:
        if word.startswith("clients/"):
            assert (ROOT / word).is_file(), f"{page}: tmk {line}"
