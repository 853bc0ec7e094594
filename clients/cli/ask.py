"""The command ``ask``. It imports nothing heavy before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clients.cli.options import Families, Patience, Timeout, Url
from clients.connection.bounds import PATIENCE
from repository.cli.naming import complete


def ask(
    pipeline: Annotated[
        str,
        typer.Argument(
            help="A pipeline that is served, as ocr.", autocompletion=complete.pipelines
        ),
    ],
    file: Annotated[
        Path | None,
        typer.Argument(
            help="What to ask it with. Without a file: the question that its family knows."
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            "-o",
            metavar="NAME=VALUE",
            help="An option of the pipeline. Can be repeated, also for several values of one.",
        ),
    ] = None,
    options: Annotated[
        bool, typer.Option("--options", help="List the pipeline's options, and ask nothing.")
    ] = False,
    as_document: Annotated[
        bool, typer.Option("--json", help="Print all outputs as JSON, as KServe v2 writes tensors.")
    ] = False,
    family: Families = None,
    url: Url = "127.0.0.1:8001",
    timeout: Timeout = 60.0,
    patience: Patience = PATIENCE,
) -> None:
    """Ask a pipeline of any family with a file, and print the answer as its family shows it.

    The family's `usage.py` says how a file becomes a request, and which options there are.
    """
    from clients.cli.asked import ask as run
    from clients.cli.asked import list_options

    if options:
        list_options(pipeline, family or ())
        return
    run(
        pipeline,
        file,
        option or (),
        family or (),
        as_document=as_document,
        url=url,
        timeout=timeout,
        patience=patience,
    )
