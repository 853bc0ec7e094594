"""The help of every command fits a terminal of 80 columns, and cuts nothing that is to be typed."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from tests.tmk.test_commands import COMMAND, leaves
from tmk.commands import app

COMMANDS = {"": COMMAND, "perf": COMMAND.commands["perf"]} | dict(leaves(COMMAND))  # type: ignore[attr-defined]


def rows(name: str) -> list[str]:
    """The lines of a command's help."""
    asked = [*name.split(), "--help"]
    done = CliRunner().invoke(app, asked, prog_name="tmk", env={"COLUMNS": "80"})
    assert done.exit_code == 0
    return done.output.splitlines()


@pytest.mark.sampled(8)
@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_no_name_of_an_option_is_cut_and_a_flag_takes_no_value(name: str) -> None:
    lines = rows(name)
    assert max(map(len, lines)) <= 80
    options: list[Any] = COMMANDS[name].params
    for option in options:
        if option.param_type_name != "option" or option.hidden:
            continue
        for each in (*option.opts, *option.secondary_opts):
            # The first word of its row: behind a border, and a star if it is required.
            assert any(each in line.strip("│* ").split()[:2] for line in lines), each
    assert "<bool>" not in "\n".join(lines)
    for line in lines:
        words = line.strip("│ ").split()
        assert words[:1] not in (["]"], [">"], ["|"]), f"a type is broken: {line}"


def test_a_default_of_two_names_and_a_range_are_told() -> None:
    said = " ".join(" ".join(rows("serve")).replace("│", " ").split())
    assert "[default: verify]" in said
    assert "PORT 0 to 65535" in said
    assert "<=x<=" not in said
