"""The command line. It imports nothing heavy: each command loads what it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from clients.cli import interrupt
from clients.cli.options import Families
from perf.cli_compare import compare
from perf.cli_exit import failed, usage
from perf.paths import REPOSITORY
from repository.cli.help import App
from repository.cli.naming import complete
from repository.cli.naming.program import named
from repository.cli.show import show

app = App(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    epilog="Examples: `python -m perf compare ocr` · `python -m perf tune recognise`",
    help="Measure what an ensemble buys over other ways to serve a pipeline. "
    "Exit codes: 0 done; 1 a failure, or figures that are missing or too unsteady; "
    "2 wrong usage; 130 interrupted.",
)


@app.command(epilog="Example: `python -m perf install`")
def install() -> None:
    """Get perf_analyzer, installed or pinned, and the environment of KServe's model server."""
    from perf.compare.services import kserve_environment
    from perf.errors import PerfError
    from perf.measure.analyzer import install as make

    def report(line: str) -> None:
        typer.echo(line, err=True)

    try:
        analyzer = make(report)
        found = f"perf_analyzer {analyzer.version}: {analyzer.path} ({analyzer.origin})"
        typer.echo(named(found))
        typer.echo(f"KServe's model server: {kserve_environment.install(report=report)}")
    except PerfError as problem:
        raise failed(problem) from problem


app.command(
    epilog="Examples: `python -m perf compare ocr` · "
    "`python -m perf compare ocr --modes ensemble,services --rounds 3` · "
    "`python -m perf compare mine.yaml --repository /srv/models` · "
    "`python -m perf compare ocr --input image=page.png --quick` · "
    "`python -m perf compare ocr --url 127.0.0.1:8001 --http-url 127.0.0.1:8000`"
)(compare)


@app.command(epilog="Example: `python -m perf report perf/results/ocr/result.json`")
def report(
    result: Annotated[Path, typer.Argument(help="A result.json, or its folder.")],
    out: Annotated[
        Path | None, typer.Option(help="The folder to write; by default the result's own.")
    ] = None,
) -> None:
    """Draw a result: report.html, pictures, tables as CSV; and its verdict in a sentence."""
    from perf.errors import PerfError
    from perf.result import load

    path = result / "result.json" if result.is_dir() else result
    try:
        read = load(path)
    except PerfError as problem:
        raise usage(problem) from problem
    try:
        from perf.judge.verdict import verdict
        from perf.report import write

        for written in write(read, out or path.parent):
            typer.echo(written)
        typer.echo(verdict(read))
    except PerfError as problem:
        raise failed(problem) from problem


@app.command(epilog="Example: `python -m perf gate baseline.json perf/results/ocr/result.json`")
def gate(
    baseline: Annotated[Path, typer.Argument(help="The result.json to compare with.")],
    result: Annotated[Path, typer.Argument(help="The result.json that is judged.")],
    bound: Annotated[float, typer.Option(help="How much worse a ratio may be: 0.1 is 10 %.")] = 0.1,
    strict: Annotated[bool, typer.Option("--strict", help="Unclear ratios fail too.")] = False,
) -> None:
    """Fail if a ratio between legs has become worse than a bound, with confidence."""
    from perf.errors import PerfError
    from perf.judge.gate import conclusion, passed, remarks, table
    from perf.judge.gate import gate as judge
    from perf.result import load

    try:
        then, now = load(baseline), load(result)
        outcomes = judge(then, now, bound)
    except PerfError as problem:
        raise usage(problem) from problem
    show(table(outcomes))
    typer.echo(f"\n{conclusion(outcomes)}")
    for sentence in remarks(then, now):
        typer.echo(sentence, err=True)
    raise typer.Exit(0 if passed(outcomes, strict) else 1)


@app.command(
    epilog="Examples: `python -m perf tune recognise` · "
    "`python -m perf tune detect --pipeline ocr --budget 300 --objective latency`"
)
def tune(
    model: Annotated[
        str,
        typer.Argument(
            help="A model of the repository, as detect.", autocompletion=complete.models
        ),
    ],
    repository: Annotated[Path, typer.Option(help="A built repository.")] = REPOSITORY,
    scenario: Annotated[
        str | None,
        typer.Option(help="Whose requests; by default the first scenario with the model."),
    ] = None,
    pipeline: Annotated[
        str | None, typer.Option(help="Measure through this pipeline, not the model alone.")
    ] = None,
    family: Families = None,
    budget: Annotated[float, typer.Option(min=1, help="Seconds for all of it.")] = 120.0,
    concurrency: Annotated[
        int, typer.Option(min=1, max=256, help="Requests under way at once.")
    ] = 4,
    objective: Annotated[
        Literal["throughput", "latency"], typer.Option(help="What to improve.")
    ] = "throughput",
    out: Annotated[
        Path | None, typer.Option(help="The profile patch to write; else tune-MODEL.yaml.")
    ] = None,
    crowded: Annotated[
        bool, typer.Option("--crowded", help="Try more threads than the cores can carry, too.")
    ] = False,
) -> None:
    """Try instances, threads, batches and queue delays of a model; write the best as a patch."""
    from perf.errors import PerfError, ScenarioError
    from perf.scenario import declared_usages, load_scenario

    out = out or Path(f"tune-{model}.yaml")
    try:
        from perf.tune import find_scenario, refuse_foreign, save
        from perf.tune import tune as search

        refuse_foreign(out)
        wanted = (
            load_scenario(scenario, declared_usages(repository, family or ()))
            if scenario
            else find_scenario(repository, model, pipeline, family or ())
        )
        tuned = search(
            repository,
            model,
            wanted,
            pipeline=pipeline,
            budget_seconds=budget,
            concurrency=concurrency,
            objective=objective,
            crowded=crowded,
            report=lambda line: typer.echo(line, err=True),
        )
        show(tuned.table())
        typer.echo(tuned.verdict())
        for path in save(tuned, out):
            typer.echo(path)
    except ScenarioError as problem:
        raise usage(problem) from problem
    except PerfError as problem:
        raise failed(problem) from problem
    except KeyboardInterrupt:
        typer.echo("Interrupted before anything was measured.", err=True)
        interrupt.told()
        raise typer.Exit(interrupt.CODE) from None
    if not tuned.is_decided:
        if tuned.interrupted:
            interrupt.told()
        raise typer.Exit(interrupt.CODE if tuned.interrupted else 1)
