"""The commands of `tmk`: those of every program, in groups. Nothing heavy is imported."""

from __future__ import annotations

import copy
import inspect
from typing import Annotated

import typer
from typer.models import CommandInfo

from clients.cli import interrupt
from repository.cli.app import new_app
from repository.cli.help import App
from repository.cli.naming.panels import PANELS
from repository.cli.naming.program import named
from repository.manifest import VERSION
from tmk.programs import NAMES, PROGRAMS, Program


def _as_ours(info: CommandInfo, program: Program) -> CommandInfo:
    """A program's command as `tmk` has it: its texts name commands of `tmk`."""
    ours = copy.copy(info)
    ours.rich_help_panel = info.rich_help_panel or program.panel
    ours.epilog = info.epilog and named(info.epilog, NAMES)
    says = info.help or inspect.getdoc(info.callback) or ""
    ours.help = named(says, NAMES) or None
    return ours


def _group(program: Program) -> typer.Typer:
    group = App(rich_markup_mode="markdown", no_args_is_help=True)
    group.registered_commands = [
        _as_ours(each, program) for each in program.app.registered_commands
    ]
    return group


def _name(info: CommandInfo) -> str:
    return info.name or typer.main.get_command_name(getattr(info.callback, "__name__", ""))


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tmk {VERSION}")
        raise typer.Exit


def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    program = _OWNERS[context.invoked_subcommand or ""]
    interrupt.end_after(program.grace)
    if program.asks:
        interrupt.quiet_grpc()


def _made() -> typer.Typer:
    made = new_app(
        "From a checkpoint to a model repository that Triton serves: build, check, serve, ask, "
        "measure, deploy.",
        completion=True,
        epilog="Start with `tmk build`, then `tmk serve`. In another terminal: `tmk ocr page.png`.",
    )
    made.callback()(_root)
    found = [
        _as_ours(info, program)
        for program in PROGRAMS
        if not program.group
        for info in program.app.registered_commands
    ]
    made.registered_commands = sorted(found, key=lambda info: _place(info.rich_help_panel))
    for program in PROGRAMS:
        if program.group:
            made.add_typer(
                _group(program),
                name=program.group,
                help=program.app.info.help,
                epilog=named(str(program.app.info.epilog or ""), NAMES),
                rich_help_panel=program.panel,
            )
    return made


def _place(panel: str | None) -> int:
    """Where a panel stands in the help; one that nobody knows comes last."""
    return PANELS.index(panel) if panel in PANELS else len(PANELS)


_OWNERS = {
    program.group or _name(info): program
    for program in PROGRAMS
    for info in program.app.registered_commands
}
"""A command of `tmk` -> the program that it is of."""

app = _made()
