"""The command line: ``python -m runtime install | serve``."""

from __future__ import annotations

import enum
import math
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from repository.cli.help import App, Command
from repository.errors import KitError
from runtime.errors import EnvironmentUnfit, RuntimeFailure
from runtime.machine.environment import DEFAULT_ENVIRONMENT
from runtime.machine.needs import has_gpu
from runtime.options.admin import GROUPS
from runtime.server.program import DEFAULT_MESSAGE_BYTES, MOST_MESSAGE_BYTES

app = App(
    help="Run a model repository on a real Triton server, on this machine or in a container. "
    "Exit codes: 0 done, or ended as asked; 1 a failure; 2 wrong usage.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
DEFAULT_REPOSITORY = Path("model_repository")
DAY = 86_400.0
"""Seconds: the longest wait that can be asked for, so infinity cannot."""

DEFAULT_RELEASE = "24.10"
"""The local server's own."""

FLAGS = {"models": "--model", "repository": "the command's own argument"}
"""What errors name -> the option for it, where that is called otherwise."""


class _Command(Command):
    """A command whose failures are sentences."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KitError as failure:
            from repository.cli.flags import told
            from repository.findings import printable

            typer.echo(f"error: {printable(told(failure, FLAGS))}", err=True)
            raise typer.Exit(1) from failure


class _Serve(_Command):
    """The command ``serve``: what stands after ``--`` is tritonserver's."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        ctx.obj = args[at + 1 :]
        return super().parse_args(ctx, args[:at])


@app.command(cls=_Command, epilog="Example: `python -m runtime install`")
def install(
    folder: Annotated[
        Path, typer.Option("--folder", help="Where to make it.", show_default=False)
    ] = DEFAULT_ENVIRONMENT,
) -> None:
    """Set up the environment that the local Triton runs in (about 0.5 GB).

    If it is there already, this takes no time. Needs Python 3.11 or 3.12, its shared library
    (libpython), glibc 2.35 and a package index that pip can reach.
    """
    from rich.console import Console

    from runtime.machine.install import install as make

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if console.is_terminal:
        with console.status("server environment: looking") as status:
            made = make(folder, progress=lambda text: status.update(f"server environment: {text}"))
    else:
        made = make(folder, progress=lambda text: console.print(f"server environment: {text}"))
    console.print(f"server environment: {made.folder} is complete")


class Engine(enum.StrEnum):
    """Where Triton runs."""

    LOCAL = "local"
    DOCKER = "docker"
    PODMAN = "podman"


class Group(enum.StrEnum):
    """Groups of calls that change a server (:data:`runtime.options.admin.GROUPS`)."""

    MODEL_REPOSITORY = "model-repository"
    SHARED_MEMORY = "shared-memory"
    TRACE = "trace"
    LOGGING = "logging"


OPEN_HELP = (
    "DANGEROUS; can be repeated. Lets everybody who reaches a port make the calls of a group, web "
    "pages in this machine's browsers included. With "
    + "; with ".join(f"{name} they {what}" for name, what in GROUPS.items())
    + "."
)

LISTENING, KEEPING = "Where it listens, and to whom", "When something dies"
IN_A_CONTAINER = "With --engine docker or podman"
SECONDS, DAY = "SECONDS", 86_400.0


def _port(what: str) -> Any:
    return typer.Option(
        min=0,
        max=65535,
        metavar="PORT",
        help=f"{what} 0 takes a free one.",
        rich_help_panel=LISTENING,
    )


class Log(enum.StrEnum):
    """How much of Triton's log is shown."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    RAW = "raw"


@app.command(
    cls=_Serve,
    epilog="Examples: `python -m runtime serve` · "
    "`python -m runtime serve /srv/models --http-port 0 --log warning` · "
    "`python -m runtime serve --engine docker --dry-run` · "
    "`python -m runtime serve -- --log-verbose=1 --rate-limit=off`",
)
def serve(
    context: typer.Context,
    repository: Annotated[Path, typer.Argument(help="The model repository; it is only read.")] = (
        DEFAULT_REPOSITORY
    ),
    engine: Annotated[
        Engine, typer.Option(help="This machine's own Triton, or a container.")
    ] = Engine.LOCAL,
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Load only this one; can be repeated."),
    ] = None,
    verify: Annotated[
        bool, typer.Option(help="Refuse a repository that differs from its manifest.")
    ] = True,
    log: Annotated[Log, typer.Option(help="What to show of Triton's log (local).")] = Log.INFO,
    exit_seconds: Annotated[
        float,
        typer.Option(
            min=0,
            max=DAY,
            callback=_number,
            metavar=SECONDS,
            help="How long requests in flight may take at the end.",
        ),
    ] = 30.0,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="The address to listen on, or its name.",
            rich_help_panel=LISTENING,
        ),
    ] = "127.0.0.1",
    http_port: Annotated[int, _port("HTTP.")] = 8000,
    grpc_port: Annotated[int, _port("gRPC.")] = 8001,
    metrics_port: Annotated[int, _port("Triton's metrics.")] = 8002,
    runtime_metrics_port: Annotated[
        int | None,
        _port("The server's deaths and restarts, at /metrics (local). Off if not given."),
    ] = None,
    gateway: Annotated[
        bool,
        typer.Option(
            "--gateway",
            help="Serve OpenAI's API beside it (local). Its own options stand in variables, as "
            "GATEWAY_API_KEYS_FILE.",
            rich_help_panel=LISTENING,
        ),
    ] = False,
    gateway_port: Annotated[int, _port("OpenAI's API.")] = 9000,
    grpc_message_bytes: Annotated[
        int,
        typer.Option(
            min=1,
            max=MOST_MESSAGE_BYTES,
            metavar="BYTES",
            help="Refuse larger gRPC requests: each takes its size several times over (local).",
            rich_help_panel=LISTENING,
        ),
    ] = DEFAULT_MESSAGE_BYTES,
    opened: Annotated[
        list[Group] | None,
        typer.Option("--open", metavar="GROUP", help=OPEN_HELP, rich_help_panel=LISTENING),
    ] = None,
    restarts: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="NUMBER",
            help="How often within ten minutes a server that died is started again, on the same "
            "ports: the first three times without a wait, then after longer and longer ones. "
            "0: never.",
            rich_help_panel=KEEPING,
        ),
    ] = 10,
    heal: Annotated[
        bool,
        typer.Option(
            help="Replace Python stubs, the processes of Python models, that die (local).",
            rich_help_panel=KEEPING,
        ),
    ] = True,
    probe_seconds: Annotated[
        float,
        typer.Option(
            min=0.1,
            max=DAY,
            callback=_number,
            metavar=SECONDS,
            help="How often models without requests are asked whether they answer (local).",
            rich_help_panel=KEEPING,
        ),
    ] = 3.0,
    hang_seconds: Annotated[
        float,
        typer.Option(
            min=0,
            max=DAY,
            callback=_number,
            metavar=SECONDS,
            help="Replace a model that neither answers nor computes for so long (local). 0: never.",
            rich_help_panel=KEEPING,
        ),
    ] = 60.0,
    image: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Run this image, not ours.", rich_help_panel=IN_A_CONTAINER
        ),
    ] = "",
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print the engine's commands, and run none.",
            rich_help_panel=IN_A_CONTAINER,
        ),
    ] = False,
) -> None:
    """Serve a model repository until Ctrl-C or SIGTERM; requests in flight are then answered.

    Anyone who can reach a port can ask the models: there is no encryption and no login. Calls that
    change the server (models, shared memory, trace, log) need a key. Each start makes one, and only
    the runtime has it. Options after `--` are passed to tritonserver.
    """
    if verify:
        _verify(repository)
    further: list[str] = context.obj
    if engine is Engine.LOCAL:
        if dry_run or image:
            raise usage("--dry-run and --image go with --engine docker or podman")
        _fits_here(repository)
        from runtime.serve.local import ServeOptions
        from runtime.serve.local import serve as serve_here

        serve_here(
            ServeOptions(
                repository=repository,
                host=host,
                http_port=http_port,
                grpc_port=grpc_port,
                metrics_port=metrics_port,
                grpc_message_bytes=grpc_message_bytes,
                models=tuple(model or ()),
                heal=heal,
                probe_seconds=probe_seconds,
                hang_seconds=hang_seconds,
                restarts=restarts,
                runtime_metrics_port=runtime_metrics_port,
                gateway_port=gateway_port if gateway else None,
                exit_seconds=exit_seconds,
                log=log.value,
                opened=tuple(group.value for group in opened or ()),
                further=further,
            )
        )
        return
    from runtime.serve import container

    release, device = _target(repository)
    asked = container.Container(
        engine=engine.value,
        repository=repository,
        release=release,
        gpu=device == "gpu",
        host=host,
        http_port=http_port,
        grpc_port=grpc_port,
        metrics_port=metrics_port,
        models=tuple(model or ()),
        image=image,
        restarts=restarts,
        exit_seconds=exit_seconds,
        opened=tuple(group.value for group in opened or ()),
        further=further,
    )
    if runtime_metrics_port is not None or gateway:
        raise usage("--runtime-metrics-port and --gateway go with --engine local")
    if 0 in (http_port, grpc_port, metrics_port):
        raise usage("a container's ports must be given; 0 goes with --engine local")
    if dry_run:
        for command in asked.commands():
            typer.echo(shlex.join(command))
        return
    container.serve(asked)


def _verify(repository: Path) -> None:
    from repository.manifest import verify

    if not repository.is_dir():
        raise RuntimeFailure(
            f"{repository} is not a folder; name a model repository "
            "(`python -m builders build` builds one)"
        )
    findings = verify(repository)
    if findings:
        listed = "\n".join(f"  {finding}" for finding in findings)
        raise RuntimeFailure(
            f"{repository} is not as it was built:\n{listed}\n"
            "To serve it all the same, add --no-verify."
        )


def _target(repository: Path) -> tuple[str, str]:
    """The Triton release and the device that a repository was built for."""
    from repository.manifest import ManifestError, read_manifest

    try:
        target = read_manifest(repository).target
    except ManifestError:
        return DEFAULT_RELEASE, "cpu"
    return target.get("triton", DEFAULT_RELEASE), target.get("device", "cpu")


def _fits_here(repository: Path) -> None:
    """Refuses a repository for a GPU on a machine without one; Triton would fail model by model."""
    release, device = _target(repository)
    if device == "gpu" and not has_gpu():
        raise EnvironmentUnfit(
            f"{repository} was built for a GPU and Triton {release} (manifest.json, target), and "
            "this machine has no NVIDIA GPU: serve it on a machine or a node that has one "
            "(docs/deploy/index.md, overlay gpu), or build one for a CPU, as with --profile demo"
        )


def _number(value: float) -> float:
    """Refuses what is between no bounds."""
    if math.isnan(value):
        raise typer.BadParameter("nan is no number of seconds.")
    return value


def usage(sentence: str) -> typer.Exit:
    """The exit for wrong usage, after its sentence."""
    typer.echo(f"error: {sentence}", err=True)
    return typer.Exit(2)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line.

    Exit codes: 0 done, or ended as asked; 1 a failure of the runtime, with a message; 2 wrong
    usage.

    Args:
        arguments: by default the process's own. Those after ``--`` are tritonserver's.
    """
    app(args=list(sys.argv[1:] if arguments is None else arguments), prog_name="python -m runtime")
