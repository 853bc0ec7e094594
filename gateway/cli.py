"""The command ``gateway``. It imports nothing heavy before it runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from clients.connection.address import VARIABLE
from repository.cli.exit import failed, usage
from repository.cli.help import App
from repository.errors import KitError

KEYS_VARIABLE = "GATEWAY_API_KEYS"

DAY = 86_400.0
LISTENING, BOUNDS, IMAGES = "Where it listens, and to whom", "Bounds", "Images by URL"

app = App(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")


@app.command(
    # Each option also stands in a variable, as GATEWAY_PORT: whoever starts this may take none.
    context_settings={"auto_envvar_prefix": "GATEWAY"},
    epilog="Examples: `python -m gateway` · "
    "`python -m gateway --triton triton.example:8001 --host 0.0.0.0 --api-keys-file keys.txt`",
)
def gateway(
    triton: Annotated[
        str, typer.Option(envvar=VARIABLE, help="The gRPC address of the server to ask.")
    ] = "127.0.0.1:8001",
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="The address to listen on.", rich_help_panel=LISTENING
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65535,
            metavar="PORT",
            help="The port to listen on. 0 takes a free one.",
            rich_help_panel=LISTENING,
        ),
    ] = 9000,
    api_keys_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="API keys, one in each line, of which a client has to send one. The variable "
            f"{KEYS_VARIABLE} has them too, with commas between. Without keys everybody may ask.",
            rich_help_panel=LISTENING,
        ),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="A web origin whose pages may ask, as https://chat.example (CORS); can be "
            "repeated. `*` is every page.",
            rich_help_panel=LISTENING,
        ),
    ] = None,
    speech: Annotated[
        str, typer.Option(metavar="NAME", help="The pipeline that hears sound in messages.")
    ] = "asr",
    answer_seconds: Annotated[
        float,
        typer.Option(
            min=0.1,
            max=DAY,
            metavar="SECONDS",
            help="How long the server may take for an answer, or for its next piece.",
            rich_help_panel=BOUNDS,
        ),
    ] = 120.0,
    body_bytes: Annotated[
        int,
        typer.Option(
            min=1024, metavar="BYTES", help="Refuse larger bodies.", rich_help_panel=BOUNDS
        ),
    ] = 32 * 2**20,
    requests: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="NUMBER",
            help="Refuse further requests while so many are under way.",
            rich_help_panel=BOUNDS,
        ),
    ] = 256,
    exit_seconds: Annotated[
        float,
        typer.Option(
            min=0,
            max=DAY,
            metavar="SECONDS",
            help="How long requests under way may take at the end.",
            rich_help_panel=BOUNDS,
        ),
    ] = 30.0,
    image_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST",
            help="A host that images may be fetched from, as images.example or *.example; can be "
            "repeated. By default images come as data URIs alone.",
            rich_help_panel=IMAGES,
        ),
    ] = None,
    image_bytes: Annotated[
        int,
        typer.Option(
            min=1024, metavar="BYTES", help="Refuse larger images.", rich_help_panel=IMAGES
        ),
    ] = 10 * 2**20,
) -> None:
    """Serve OpenAI's API in front of a running Triton, until Ctrl-C or SIGTERM.

    It answers `/v1/chat/completions`, `/v1/completions`, `/v1/embeddings`,
    `/v1/audio/transcriptions`, `/v1/ocr`, `/v1/models`, `/health` and `/metrics`. Without API keys
    anyone who can reach the port can ask the models.
    """
    from clients.connection.address import AddressError, parse
    from gateway.settings import Fetching, Limits, Settings
    from repository.pip_commands import install_command

    try:
        from gateway.serving.run import run
    except ModuleNotFoundError as problem:
        raise failed(
            f"the gateway needs the package '{problem.name}', which is not installed here. "
            f"Install what it needs: {install_command('gateway')}."
        ) from problem

    try:
        settings = Settings(
            triton=parse(triton),
            answer_seconds=answer_seconds,
            keys=keys_of(api_keys_file),
            origins=tuple(allow_origin or ()),
            speech=speech,
            fetching=Fetching(hosts=tuple(image_host or ()), maximum_bytes=image_bytes),
            limits=Limits(body_bytes=body_bytes, requests=requests),
        )
    except AddressError as problem:
        raise usage(f"--triton, or the variable {VARIABLE}: {problem}") from problem
    except KitError as problem:
        raise usage(problem) from problem

    def started(url: str) -> None:
        typer.echo(f"The gateway listens at {url}/v1 and asks {settings.triton}; Ctrl-C ends it.")

    try:
        run(settings, host, port, exit_seconds=exit_seconds, started=started)
    except KitError as problem:
        raise failed(problem) from problem


def keys_of(file: Path | None) -> tuple[str, ...]:
    """The keys of a file and of the environment.

    Raises:
        GatewayError: there is a key that cannot be sent in a header, or the file has none.
        Unreadable: the file cannot be read.
    """
    from gateway.errors import GatewayError
    from repository.files.bounded_file import read_bounded

    given = os.environ.get(KEYS_VARIABLE, "").split(",")
    if file is not None:
        lines = read_bounded(file, 2**20).decode("utf-8", "replace").splitlines()
        found = [each.strip() for each in lines if each.strip() and each.strip()[0] != "#"]
        if not found:
            raise GatewayError(f"{file}: expected a key in a line, found none.")
        given += found
    keys = tuple(dict.fromkeys(each.strip() for each in given if each.strip()))
    if not all(each.isascii() and each.isprintable() and " " not in each for each in keys):
        raise GatewayError("An API key has to be printable ASCII without spaces; one is not.")
    return keys
