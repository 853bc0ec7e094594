"""The command ``chat``. It imports nothing heavy before it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from clients.cli.chat.options import MaxTokens, Model, Seed, Stop, System, Temperature, TopP, given
from clients.cli.options import Patience, Timeout, Url
from clients.connection.bounds import PATIENCE


def chat(
    model: Model = None,
    system: System = None,
    max_tokens: MaxTokens = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    seed: Seed = None,
    stop: Stop = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Tell tokens and speed after each answer.")
    ] = False,
    url: Url = "127.0.0.1:8001",
    timeout: Timeout = 60.0,
    patience: Patience = PATIENCE,
) -> None:
    """Keep a conversation with a served decoder, in the terminal.

    `/image FILE` gives an image to the next message, `/new` begins anew, `/system TEXT` says what
    the decoder is told before it, `/quit` or Ctrl-D ends. Ctrl-C stops an answer. From a pipe,
    each line is a message.
    """
    from clients.cli.chat.talk import talk

    talk(
        given(max_tokens=max_tokens, temperature=temperature, top_p=top_p, seed=seed, stop=stop),
        system=system,
        verbose=verbose,
        url=url,
        model=model,
        timeout=timeout,
        patience=patience,
    )
