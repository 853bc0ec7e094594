"""The command ``ask``. It imports nothing heavy before it runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from clients.cli.chat.options import MaxTokens, Model, Seed, Stop, System, Temperature, TopP, given
from clients.cli.options import Families, Patience, Timeout, Url
from clients.connection.bounds import PATIENCE
from repository.cli.naming import complete

STANDARD_INPUT = "-"
"""Stands for a question that is read from there."""

_WORD = re.compile(r"[\w./~:\\-]+", re.ASCII)
"""A name, or the path of a file: what is anything else, as with a blank in it, is a question."""


def ask(
    asked: Annotated[
        str,
        typer.Argument(
            metavar="QUESTION|PIPELINE",
            help="A question to a decoder, as 'How many?', or - for one on standard input. Or a "
            "pipeline that is served, as ocr.",
            autocompletion=complete.pipelines,
        ),
    ],
    file: Annotated[
        Path | None,
        typer.Argument(
            help="What to ask a pipeline with. Without a file: the question that its family knows."
        ),
    ] = None,
    image: Annotated[
        list[Path] | None,
        typer.Option(help="An image that the question is about. Can be repeated."),
    ] = None,
    model: Model = None,
    system: System = None,
    max_tokens: MaxTokens = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    seed: Seed = None,
    stop: Stop = None,
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
        bool,
        typer.Option(
            "--json",
            help="Print one JSON document: the answer, why it ended, and its tokens; of a "
            "pipeline all outputs, as KServe v2 writes tensors.",
        ),
    ] = False,
    family: Families = None,
    url: Url = "127.0.0.1:8001",
    timeout: Timeout = 60.0,
    patience: Patience = PATIENCE,
) -> None:
    """Ask a decoder a question, or a pipeline of any family with a file.

    A decoder's answer is printed as it comes. That of a pipeline is shown as its family's
    `usage.py` says, which also says how a file becomes a request, and which options there are.
    """
    sampling = given(
        max_tokens=max_tokens, temperature=temperature, top_p=top_p, seed=seed, stop=stop
    )
    of_question = given(image=image, model=model, system=system) | sampling
    if _names_pipeline(asked, list(of_question), family or ()):
        from clients.cli.asked import ask as run
        from clients.cli.asked import list_options

        if options:
            list_options(asked, family or ())
            return
        run(
            asked,
            file,
            option or (),
            family or (),
            as_document=as_document,
            url=url,
            timeout=timeout,
            patience=patience,
        )
        return
    if file is not None:
        raise _misplaced("FILE", "a pipeline; what a question is about is given by --image")
    for name in given(option=option, options=options or None, family=family):
        raise _misplaced(f"--{name}", "a pipeline, and a question was asked")
    from clients.cli.chat.answered import answer

    answer(
        asked,
        image or (),
        sampling,
        system=system,
        as_document=as_document,
        url=url,
        model=model,
        timeout=timeout,
        patience=patience,
    )


def _names_pipeline(asked: str, of_question: Sequence[str], code: Sequence[str]) -> bool:
    """Whether a pipeline is asked, and not a decoder.

    Args:
        asked: what was written: a pipeline's name, or a question.
        of_question: the options of a question that were given.
        code: families that lie elsewhere.

    Raises:
        typer.Exit: a family cannot be read; it was said why.
        typer.BadParameter: a pipeline was given options of a question.
    """
    if asked == STANDARD_INPUT or not _WORD.fullmatch(asked):
        return False
    from clients.cli.asked import is_declared

    if not is_declared(asked, code):
        # A word that nobody knows is a pipeline's, misspelt, unless something says otherwise.
        return not of_question
    for name in of_question:
        flag = f"--{name.replace('_', '-')}"
        raise _misplaced(flag, f"a question to a decoder, and '{asked}' is a pipeline")
    return True


def _misplaced(option: str, whose: str) -> typer.BadParameter:
    return typer.BadParameter(f"{option} is of {whose}")
