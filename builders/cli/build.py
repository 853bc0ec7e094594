"""The commands ``build``, ``plan`` and ``parity``. They import nothing heavy before they run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repository.cli.exit import failed, report, usage
from repository.cli.folder import REPOSITORY
from repository.cli.program import named
from repository.errors import KitError

if TYPE_CHECKING:
    from builders.kit.build.build import Result

Out = Annotated[Path, typer.Option(help="The model repository to write.")]
ProfileName = Annotated[
    str, typer.Option(help="A profile: a name in builders/profiles/, or the path of a YAML file.")
]


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
            command = f"python -m builders {shlex.join(again)}"
            typer.echo(named(f"Reproduce it with: {command}"), err=True)
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
