"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

from clients.connection.address import VARIABLE

_DAY = 86_400.0

Url = Annotated[str, typer.Option(envvar=VARIABLE, help="The server's gRPC address.")]

Timeout = Annotated[
    float,
    typer.Option(min=0.001, max=_DAY, metavar="SECONDS", help="How long to wait for an answer."),
]

Patience = Annotated[
    float,
    typer.Option(
        min=0,
        max=_DAY,
        metavar="SECONDS",
        help="How long to keep asking if no server listens, as while one starts.",
    ),
]

Families = Annotated[
    list[str] | None,
    typer.Option(
        "--family",
        metavar="path:DIR",
        help="The folder of a family that is neither the kit's nor installed. Can be repeated.",
    ),
]
