"""The client's command line: ``python -m clients``, with a command of each family that has one."""

from __future__ import annotations

import typer

from clients.cli.ask import ask
from clients.cli.infer import infer
from repository.cli.help import App
from repository.cli.naming.panels import ASK
from repository.errors import KitError
from repository.usage import Command
from repository.usage.found import usages

_CODES = "Exit codes: 0 answered, 1 refused or no server, 2 wrong usage, 130 interrupted."

app = App(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Ask a served pipeline or model, and print its answer.",
)


def _commands() -> list[Command]:
    """Those of the families that can be found; what cannot be read keeps no other from running."""
    try:
        declared = usages().declared
    except KitError as problem:
        typer.echo(f"warning: {problem}", err=True)
        return []
    return [each.command for each in declared.values() if each.command is not None]


for _command in _commands():
    app.command(rich_help_panel=ASK, epilog=f"Examples: {_command.examples}. {_CODES}")(
        _command.run
    )
app.command(
    rich_help_panel=ASK,
    epilog="Examples: `python -m clients ask 'How many circles?' --image scene.png` · "
    "`python -m clients ask ocr page.png` · "
    "`python -m clients ask ocr page.png -o minimum_score=0.9 --json` · "
    f"`python -m clients ask mine file --family path:./mine`. {_CODES}",
)(ask)
app.command(
    rich_help_panel=ASK,
    epilog="Examples: `python -m clients infer scorer --input x=data.npy` · "
    "`python -m clients infer scorer -i 'x=[[0.5, 1, 2]]' --json` · "
    f"`python -m clients infer scorer --random --shape x=4,16`. {_CODES}",
)(infer)
