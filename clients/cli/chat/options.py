"""Options of the commands that ask a decoder. Nothing heavy is imported."""

from __future__ import annotations

from typing import Annotated, Any

import typer

Model = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The decoder. Without it: the only one that is served."),
]

System = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="What the decoder is told before the first question."),
]

MaxTokens = Annotated[int | None, typer.Option(min=1, help="The most tokens of an answer.")]

Temperature = Annotated[
    float | None,
    typer.Option(min=0, max=2, help="0, the default, takes the likeliest token each time."),
]

TopP = Annotated[
    float | None,
    typer.Option(
        min=0, max=1, help="Choose from the likeliest tokens that have this share together."
    ),
]

Seed = Annotated[int | None, typer.Option(help="The same seed gives the same answer again.")]

Stop = Annotated[
    list[str] | None,
    typer.Option(metavar="TEXT", help="A text that ends an answer. Can be repeated."),
]


def given(**options: Any) -> dict[str, Any]:
    """Those that somebody gave."""
    return {name: value for name, value in options.items() if value not in (None, [], ())}
