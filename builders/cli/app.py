"""The command line. It imports nothing heavy: each command loads what it needs."""

from __future__ import annotations

import enum
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from builders.cli.manifests import manifests
from builders.cli.resources import resources, sbom
from repository.cli.exit import failed, report, usage
from repository.cli.sign import REPOSITORY, Repository, sign, verify
from repository.cli.transfer import pull, push
from repository.errors import KitError

if TYPE_CHECKING:
    from builders.kit.build.build import Result
    from repository.findings import Finding

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Build, check and run Triton model repositories. "
    "Exit codes: 0 done, 1 findings or a failed task, 2 wrong usage.",
)

Out = Annotated[Path, typer.Option(help="The model repository to write.")]
ProfileName = Annotated[
    str, typer.Option(help="A profile: a name in builders/profiles/, or the path of a YAML file.")
]


class Form(enum.StrEnum):
    """How `graph` draws."""

    TEXT = "text"
    MERMAID = "mermaid"
    SVG = "svg"


@app.command(
    epilog="Examples: `python -m builders build` · "
    "`python -m builders build --profile mine.yaml --out /srv/models`"
)
def build(
    profile: ProfileName = "demo",
    out: Out = REPOSITORY,
    quiet: Annotated[bool, typer.Option(help="Print the closing table alone.")] = False,
    only: Annotated[
        str | None,
        typer.Option(
            help="Run this task alone, with its full traceback, as 'parity ocr/detector'."
        ),
    ] = None,
) -> None:
    """Build a model repository: export, compare with the sources, check, measure, swap in."""
    from builders.kit.build.build import BuildError, TargetError
    from builders.kit.build.build import build as build_repository
    from builders.kit.recipe.profile import ProfileError, load_profile
    from builders.kit.tasks import progress

    shown = progress.choose(quiet=quiet)
    try:
        wanted = load_profile(profile)
        if only is not None:
            from builders.kit.build.only import reproduce

            reproduce(wanted, only, shown)
            return
        result = build_repository(wanted, out, shown)
    except ProfileError as problem:
        raise usage(problem, {"task": "--only"}) from problem
    except BuildError as problem:
        ended = failed(problem)
        if problem.task is not None:
            again = ("build", "--profile", wanted.origin, "--only", problem.task)
            typer.echo(f"Reproduce it with: python -m builders {shlex.join(again)}", err=True)
        raise ended from problem
    except TargetError as problem:
        raise failed(problem) from problem
    finally:
        shown.close()
    report(result.warnings)
    _print_table(result)


def _print_table(result: Result) -> None:
    import rich

    from builders.kit.build.summary import summary, table

    rich.print(table(summary(result.manifest, result.built)))
    state = "built" if result.changed else "already as it should be"
    typer.echo(f"{result.out}: {state}, {result.seconds:.1f} s")


@app.command(epilog="Example: `python -m builders plan --profile demo`")
def plan(profile: ProfileName = "demo", out: Out = REPOSITORY) -> None:
    """Show what a build would do, task by task and why, without doing it."""
    from builders.kit.build.build import BuildError, TargetError
    from builders.kit.build.dry_run import dry_run
    from builders.kit.recipe.profile import ProfileError, load_profile

    try:
        tasks = dry_run(load_profile(profile), out)
    except ProfileError as problem:
        raise usage(problem) from problem
    except (BuildError, TargetError) as problem:
        raise failed(problem) from problem
    width = max(len(task.name) for task in tasks)
    for task in tasks:
        taken = f"({task.seconds:.1f} s last time)" if task.seconds else ""
        typer.echo(f"{task.action:8} {task.name:{width}}  {task.why or taken}".rstrip())


@app.command(epilog="Example: `python -m builders parity ocr detector`")
def parity(
    family: Annotated[str, typer.Argument(help="A family, as ocr.")],
    export: Annotated[str, typer.Argument(help="One of its exports, as detector.")],
    source: Annotated[
        str | None, typer.Option(help="Another checkpoint than the family's own, as path:x.onnx.")
    ] = None,
) -> None:
    """Make one export anew, and compare it with its source at every shape."""
    from builders.errors import NotDeclared
    from builders.kit.build.parity_again import reproduce

    try:
        result = reproduce(family, export, source=source)
    except NotDeclared as problem:
        raise usage(problem) from problem
    except KitError as problem:
        raise failed(problem) from problem
    for difference in result.differences:
        shapes = ", ".join(f"{name} {list(shape)}" for name, shape in difference.inputs.items())
        typer.echo(
            f"{difference.output} for {shapes}: absolute {difference.absolute:.2e}, "
            f"relative {difference.relative:.2e}"
        )
    typer.echo(f"within tolerance: {result.allowed}")


@app.command(epilog="Example: `python -m builders graph ocr --form svg > ocr.svg`")
def graph(
    pipeline: Annotated[str, typer.Argument(help="A pipeline, as ocr.")],
    form: Annotated[Form, typer.Option(help="Text, a Mermaid flowchart, or SVG.")] = Form.TEXT,
) -> None:
    """Show a pipeline's DAG: its steps, and the tensors that join them."""
    from builders.kit.checkout import Checkout
    from builders.kit.graph import Ensemble, as_ensemble, draw

    checkout = Checkout()
    known: dict[str, Ensemble] = {}
    # A family may import what takes seconds: first the one after which pipelines are named so.
    for name in sorted(checkout.families, key=lambda name: not pipeline.startswith(name)):
        try:
            known |= {model.name: as_ensemble(model) for model in checkout.load(name).pipelines}
        except KitError as problem:
            raise failed(problem) from problem
        if pipeline in known:
            break
    else:
        raise usage(f"no pipeline '{pipeline}'; there are: {', '.join(sorted(known))}")
    drawers = {Form.TEXT: draw.text, Form.MERMAID: draw.mermaid, Form.SVG: draw.svg}
    typer.echo(drawers[form](known[pipeline]), nl=form is not Form.SVG)


@app.command(
    epilog="Examples: `python -m builders check` · "
    "`python -m builders check /srv/models --triton 24.10`"
)
def check(
    repository: Repository = REPOSITORY,
    triton: Annotated[
        str | None,
        typer.Option(help="The Triton release to check for; else the manifest's, else 24.10."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            help="How that server is started: `default`, so that it fills in what configs leave "
            "out, or `strict`, with --disable-auto-complete-config, as `runtime serve` does. "
            "Without it: `strict` for what the kit built, else `default`."
        ),
    ] = None,
    strict: Annotated[bool, typer.Option(help="Warnings fail too.")] = False,
) -> None:
    """Check any model repository against Triton's load-time rules, before a server starts."""
    from repository.check.check import check_repository
    from repository.check.files.completed import Target
    from repository.findings import Severity, errors
    from repository.manifest import built_for
    from repository.manifest.schema import MANIFEST
    from repository.release import ReleaseError, release

    if not repository.is_dir():
        raise usage(f"{repository} is not a folder; `make build-repo` builds one")
    unsure: list[Finding] = []
    if triton is None:
        triton, wrong = built_for(repository, "24.10")
        # Triton reads no manifest: what is wrong with it hurts whoever asks what it is for.
        unsure = [replace(each, severity=Severity.WARNING) for each in wrong]
    try:
        served_by = release(triton)
    except ReleaseError as problem:
        raise usage(problem) from problem
    if target is None:
        target = Target.STRICT if (repository / MANIFEST).exists() else Target.DEFAULT
    elif target not in list(Target):
        raise usage(f"expected one of {', '.join(Target)} as --target, found '{target}'")
    findings = [*unsure, *check_repository(repository, served_by, target=Target(target))]
    report(findings)
    failed = findings if strict else errors(findings)
    grave = len(errors(findings))
    typer.echo(
        f"{repository}: {_counted(grave, 'error')}, {_counted(len(findings) - grave, 'warning')} "
        f"for Triton {triton}, target {target}"
    )
    raise typer.Exit(1 if failed else 0)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


app.command(
    epilog="Examples: `python -m builders verify model_repository` · "
    "`python -m builders verify /mnt/models --require-signature --public-key public.pem`"
)(verify)
app.command(
    epilog="Examples: `python -m builders sign --key private.pem` · "
    "`python -m builders sign /srv/models --keyless`"
)(sign)
app.command(
    epilog="Examples: `python -m builders push s3://models/ocr` · "
    "`python -m builders push /srv/models oci:registry.example/ocr:1`"
)(push)
app.command(
    epilog="Example: `python -m builders pull s3://models/ocr /mnt/models "
    "--require-signature --public-key public.pem`"
)(pull)
app.command(epilog="Example: `python -m builders sbom model_repository --out sbom.json`")(sbom)
app.command(
    epilog="Examples: `python -m builders resources --out patch.yaml` · "
    "`python -m builders resources --request ocr=scan.png --concurrency 8 --out patch.yaml`"
)(resources)
app.command(
    epilog="Examples: `python -m builders manifests --values values.yaml | kubectl apply -f -` · "
    "`python -m builders manifests --values values.yaml --push oci:registry.example/bundle:1`"
)(manifests)


@app.command(epilog="Example: `python -m builders run ocr page.png`")
def run(
    pipeline: Annotated[str, typer.Argument(help="A pipeline of the built repository, as ocr.")],
    file: Annotated[Path, typer.Argument(help="The file that it reads, as an image or a sound.")],
    repository: Annotated[Path, typer.Option(help="A built model repository.")] = REPOSITORY,
) -> None:
    """Run a pipeline in this process, with no server, and print its outputs as JSON."""
    import json

    import numpy as np

    from repository.config.facts import file_input
    from repository.config.text import ConfigError, read_config
    from repository.files.bounded_file import MAXIMUM_FILE, Unreadable, read_bounded
    from runtime.inprocess import InProcess

    config_path = repository / pipeline / "config.pbtxt"
    if not config_path.is_file():
        raise failed(f"{repository} has no model '{pipeline}'; `make build-repo` builds it")
    try:
        name = file_input(read_config(config_path))
    except ConfigError as problem:
        raise failed(problem) from problem
    if name is None:
        raise failed(f"'{pipeline}' takes no file: none of its inputs is UINT8 with one free axis")
    try:
        content = np.frombuffer(read_bounded(file, MAXIMUM_FILE), np.uint8)
    except Unreadable as problem:
        raise failed(f"cannot read {problem}") from problem
    try:
        outputs = InProcess(repository).run(pipeline, {name: content})
    except KitError as problem:
        raise failed(problem) from problem
    except ValueError as problem:  # a stage's, which stands in a repository too
        raise failed(str(problem)) from problem
    except Exception as problem:
        if not (findings := _errors_of(repository)):
            raise
        report(findings)
        raise typer.Exit(1) from problem
    plain = {
        name: [value.decode() if isinstance(value, bytes) else value for value in array.tolist()]
        for name, array in outputs.items()
    }
    typer.echo(json.dumps(plain, ensure_ascii=False, indent=2))


def _errors_of(repository: Path) -> list[Finding]:
    """What is wrong with a repository that does not run."""
    from repository.check.check import check_repository
    from repository.findings import errors
    from repository.manifest import built_for
    from repository.release import release

    release_name, _ = built_for(repository, "24.10")
    return errors(check_repository(repository, release(release_name)))


@app.command(epilog="Example: `python -m builders doctor`")
def doctor() -> None:
    """Look at this machine: can it build and serve, and what to do where it cannot."""
    from runtime.machine.doctor import Outcome, run_checks

    checks = run_checks()
    for check in checks:
        typer.echo(str(check))
    raise typer.Exit(1 if any(check.outcome is Outcome.ERROR for check in checks) else 0)
