"""The command ``infer``. It imports nothing heavy before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clients.cli.options import Patience, Timeout, Url
from clients.connection.bounds import PATIENCE
from repository.cli.naming import complete


def infer(
    model: Annotated[
        str,
        typer.Argument(
            help="A model that the server serves, as scorer.", autocompletion=complete.models
        ),
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            "-i",
            metavar="NAME=VALUE",
            help="An input: JSON, as 'x=[[1, 2]]', or a file: .npy, .json, or bytes. Without "
            "NAME=, an .npz with inputs by their names. Can be repeated.",
        ),
    ] = None,
    random: Annotated[
        bool, typer.Option("--random", help="Give random values to inputs that are not given.")
    ] = False,
    shapes: Annotated[
        list[str] | None,
        typer.Option(
            "--shape",
            metavar="NAME=2,3",
            help="The shape of a random input, or of a file of bytes; sizes that are not given "
            "are 1. Can be repeated.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="For --random: the same seed gives the same values.")
    ] = 0,
    as_document: Annotated[
        bool, typer.Option("--json", help="Print all values as JSON, as KServe v2 writes tensors.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Also write the outputs to this .npz, for numpy.load.")
    ] = None,
    version: Annotated[
        str,
        typer.Option(
            "--model-version", help="A version of the model. Without it the server chooses."
        ),
    ] = "",
    url: Url = "127.0.0.1:8001",
    timeout: Timeout = 60.0,
    patience: Patience = PATIENCE,
) -> None:
    """Ask any served model once, and print the tensors that it answers.

    The server says what the model takes and gives. If inputs are missing, the error names all of
    them.
    """
    from clients.cli.tensors import ask

    ask(
        model,
        inputs or (),
        shapes or (),
        seed if random else None,
        as_document=as_document,
        out=out,
        version=version,
        url=url,
        timeout=timeout,
        patience=patience,
    )
