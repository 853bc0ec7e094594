"""The command ``compare``. It imports nothing heavy before it runs."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clients.cli import interrupt
from clients.cli.options import Families
from perf.cli_exit import failed, usage
from perf.paths import REPOSITORY, RESULTS
from repository.cli.naming.program import named
from repository.pip_commands import install_command

if TYPE_CHECKING:
    from perf.errors import PerfError
    from perf.result import Result
    from perf.scenario import Scenario

QUICK = {"rounds": 2, "count": 6, "cold_starts": 1, "request_rate": [], "variants": []}
"""What ``--quick`` sets; single options still override it."""


def compare(
    pipeline: Annotated[
        str,
        typer.Argument(
            help="A pipeline, with the requests that its family declares or those of --input; "
            "or the path of a scenario, a YAML file."
        ),
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            help="NAME=FILE, instead of a scenario; can be repeated. A name given several times "
            "makes several requests.",
        ),
    ] = None,
    modes: Annotated[
        str | None,
        typer.Option(
            help="Some of ensemble, fused, bls, chained, services, services-kserve, in-process; "
            "commas between them."
        ),
    ] = None,
    concurrency: Annotated[
        str | None, typer.Option(help="Requests under way at once, as 1,4.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="How often every leg is measured.")] = None,
    count: Annotated[int | None, typer.Option(help="Requests of one measurement.")] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="A first look: 2 rounds of 6 requests, no rates or variants."),
    ] = False,
    repository: Annotated[
        Path | None, typer.Option(help="A built repository; by default model_repository.")
    ] = None,
    family: Families = None,
    url: Annotated[
        str | None,
        typer.Option(
            help="The gRPC address of a server that runs already, to be measured instead of one "
            "that is started; modes with processes of their own need --repository too."
        ),
    ] = None,
    http_url: Annotated[str | None, typer.Option(help="That server's HTTP address.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder to write; by default perf/results/PIPELINE.")
    ] = None,
) -> None:
    """Measure a pipeline in every mode, under the same requests, and write result.json.

    A result is there after every measurement, whatever ends the command.
    """
    from perf.compare import comparison, progress
    from perf.compare.legs.start import Address
    from perf.errors import PerfError

    if http_url and not url:
        raise usage("--http-url is the second address of a server: give --url too")
    for option, given in (("--url", url), ("--http-url", http_url)):
        if given and not re.fullmatch(r"[^/:]+:\d+|\[[^/]+\]:\d+", given):
            raise usage(f"{option}: expected HOST:PORT, found '{given}'; as in 127.0.0.1:8001")
    shown = progress.choose()
    try:
        built = repository or (None if url else REPOSITORY)
        scenario = _scenario(pipeline, inputs or [], built, family or []).but(
            **(QUICK if quick else {}) | _given(modes, concurrency, rounds, count)
        )
        folder = out or RESULTS / scenario.pipeline
        address = Address(url, http_url) if url else None
        subject = comparison.Subject(built, address)
        result = comparison.compare(scenario, subject, folder, shown)
    except (PerfError, OSError, KeyboardInterrupt) as problem:
        shown.close()
        raise _ended(problem) from problem
    shown.close()
    _conclude(result, folder)


def _ended(problem: PerfError | OSError | KeyboardInterrupt) -> typer.Exit:
    """The exit for a comparison that did not come to its end, after a sentence."""
    from perf.compare.record import Interrupted
    from perf.errors import ScenarioError

    if isinstance(problem, Interrupted | KeyboardInterrupt):
        typer.echo(str(problem) or "Interrupted before anything was measured.", err=True)
        interrupt.told()
        return typer.Exit(interrupt.CODE)
    if isinstance(problem, ScenarioError):
        return usage(problem)
    if isinstance(problem, OSError):
        return failed(f"{problem.filename}: {problem.strerror}; choose another folder with --out")
    return failed(problem)


def _scenario(pipeline: str, inputs: list[str], built: Path | None, code: list[str]) -> Scenario:
    from perf.scenario import declared_usages, load_scenario, scenario_of

    if inputs:
        return scenario_of(pipeline, inputs)
    return load_scenario(pipeline, declared_usages(built, code))


def _given(
    modes: str | None, concurrency: str | None, rounds: int | None, count: int | None
) -> dict[str, object]:
    """The options that were given, as a scenario has them."""

    def listed(text: str) -> list[str]:
        return [each.strip() for each in text.split(",")]

    given: dict[str, object] = {"rounds": rounds, "count": count}
    if modes is not None:
        given["modes"] = listed(modes)
    if concurrency is not None:
        given["concurrency"] = [
            int(each) if each.isdecimal() else each for each in listed(concurrency)
        ]
    return {name: value for name, value in given.items() if value is not None}


def _needs() -> str:
    """What is to be installed before a report can be drawn."""
    if importlib.util.find_spec("matplotlib") is not None:
        return ""
    return f", once matplotlib is installed: {install_command('figures')}"


def _conclude(result: Result, folder: Path) -> None:
    """Says what is there, and what is not; exits with 1 if a leg has no figure."""
    from perf.judge.verdict import verdict

    doubts = [(leg.leg, why) for leg in result.legs if (why := result.doubt(leg)) is not None]
    for leg, why in doubts:
        typer.echo(named(f"{leg}: {why}"), err=True)
    path = folder / "result.json"
    typer.echo(
        named(
            f"{len(result.legs) - len(doubts)} of {len(result.legs)} legs have figures: {path}. "
            f"`python -m perf report {path}` draws them{_needs()}."
        )
    )
    typer.echo(verdict(result))
    raise typer.Exit(1 if doubts else 0)
