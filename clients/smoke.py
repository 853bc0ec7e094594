"""Asks every pipeline of a deployed bundle over HTTP, and holds its answer to the known one.

``python -m clients.smoke http://127.0.0.1:8000``, or ``make smoke URL=…``.
"""

from __future__ import annotations

if __name__ == "__main__":
    # Before what takes long to import: Ctrl-C may come while it is imported.
    from clients.cli.interrupt import run

    run("clients.smoke", "python -m clients.smoke")

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from clients.cli.options import Families, Timeout
from repository.cli.exit import failed, tell, usage
from repository.cli.help import App
from repository.cli.show import Json, show, show_json
from repository.errors import KitError
from repository.table import Column, Table

if TYPE_CHECKING:
    from clients.deployed.asking import Asked


def _mistake(url: str) -> str | None:
    """Why a text cannot be a public address; None if it can."""
    expected = "expected http://<host> or https://<host>"
    if not url.startswith(("http://", "https://")):
        return f"{expected}, found '{url}'"
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for one that is no port
    except ValueError:
        return f"{expected}, with a port from 1 to 65535 if any, found '{url}'"
    if "@" in parts.netloc:
        return f"{expected}, without a user or a password"
    if not parts.hostname or re.search(r"\s", url) or parts.query or parts.fragment:
        return f"{expected}, found '{url}'"
    return None


def smoke(
    url: Annotated[str, typer.Argument(help="The public address, as http://127.0.0.1:8000.")],
    host: Annotated[
        str | None, typer.Option(help="The Host header, for a gateway that routes by host name.")
    ] = None,
    pipeline: Annotated[
        list[str] | None,
        typer.Option(
            help="Ask these alone, and all of them; the default is each pipeline that is served "
            "and whose family knows an answer."
        ),
    ] = None,
    family: Families = None,
    repository: Annotated[
        Path | None,
        typer.Option(help="The built repository that is served: all of its pipelines are asked."),
    ] = None,
    timeout: Timeout = 60.0,
    as_json: Json = False,
) -> None:
    """Ask the pipelines of a deployed bundle; exit code 1 unless every answer is the known one.

    With `--json` it prints `url`, `ok`, and the list `pipelines`, each with `pipeline`, `result`,
    `seconds` and `error`.
    """
    if mistake := _mistake(url):
        typer.echo(f"error: {mistake}", err=True)
        raise typer.Exit(2)
    from clients.deployed.asking import answerable, ask_all, built
    from clients.deployed.server import Deployed, Unreachable
    from repository.usage.found import usages

    try:
        known = usages(repository, family or ())
        required = list(pipeline or (built(repository, known) if repository else ()))
    except KitError as problem:
        raise usage(problem) from problem
    for name in required:
        if known.question(name) is None:
            there = ", ".join(answerable(known))
            raise typer.BadParameter(f"no answer of '{name}' is known; there are: {there}")
    try:
        asked = list(ask_all(Deployed(url, host, timeout), known, required))
        if family:
            # Whoever names families does not ask for the others.
            others = set(answerable(usages(repository)))
            asked = [
                each for each in asked if each.result != "not served" or each.pipeline not in others
            ]
    except Unreachable as problem:
        raise failed(problem) from problem
    failures = [each.error for each in asked if each.error]
    if not any(each.seconds is not None for each in asked):
        failures.append(
            f"no pipeline whose answer is known is served at {url}; name the built repository "
            "that is served (`--repository DIR`), and families of your own (`--family path:DIR`)"
        )
    if as_json:
        show_json({"url": url, "ok": not failures, "pipelines": list(map(asdict, asked))})
    else:
        show(_table(asked))
        for sentence in failures:
            tell(sentence)
    if failures:
        raise typer.Exit(1)


def _table(asked: Sequence[Asked]) -> Table:
    columns = (Column("pipeline"), Column("result"), Column("seconds", right=True))
    rows = [
        (each.pipeline, each.result, "-" if each.seconds is None else f"{each.seconds:.2f}")
        for each in asked
    ]
    return Table(columns, rows)


app = App(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")
app.command(
    epilog="Examples: `python -m clients.smoke http://127.0.0.1:8000` · "
    "`python -m clients.smoke https://models.example --repository model_repository`"
)(smoke)
