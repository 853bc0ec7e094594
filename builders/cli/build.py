"""The commands ``build``, ``plan`` and ``parity``. They import nothing heavy before they run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from builders.cli import complete
from builders.cli.outside import FamilyPaths, FromProfile, checkout_with
from repository.cli.exit import failed, report, usage
from repository.cli.folder import REPOSITORY
from repository.cli.naming.program import named
from repository.cli.show import Json, findings_as_json, show, show_json
from repository.errors import KitError
from repository.table import Column, Table

if TYPE_CHECKING:
    from builders.kit.build.build import Result
    from builders.kit.recipe.fusing import Fusing

Out = Annotated[Path, typer.Option(help="The model repository to write.")]
ProfileName = Annotated[
    str,
    typer.Option(
        help="A profile: a name in builders/profiles/, or the path of a YAML file.",
        autocompletion=complete.profiles,
    ),
]


def build(
    profile: ProfileName = "demo",
    out: Out = REPOSITORY,
    quiet: Annotated[bool, typer.Option(help="Print only the closing table.")] = False,
    only: Annotated[
        str | None,
        typer.Option(
            help="Run this task alone, with its full traceback, as 'parity ocr/detector'."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Build a model repository: export, compare with the sources, check, measure, swap in.

    With `--json` it prints `out`, `changed`, `seconds`, `digest`, and a list each of `models`,
    `metrics` and `warnings`.
    """
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
    if as_json:
        from builders.kit.build.summary import as_json as summed_up

        warnings = {"warnings": findings_as_json(result.warnings)}
        built = summed_up(result.manifest, result.built)
        times = {"changed": result.changed, "seconds": round(result.seconds, 1)}
        show_json({"out": str(result.out), **times, **built, **warnings})
        return
    report(result.warnings)
    _print_table(result)


def _print_table(result: Result) -> None:
    from builders.kit.build.summary import gates, summary, table

    show(table(summary(result.manifest, result.built)))
    if result.manifest.metrics:
        typer.echo("")
        show(gates(result.manifest))
    state = "built" if result.changed else "already as it should be"
    typer.echo(f"{result.out}: {state}, {result.seconds:.1f} s")


def plan(profile: ProfileName = "demo", out: Out = REPOSITORY, as_json: Json = False) -> None:
    """Show what a build would do, task by task and why, without doing it.

    The actions: `build` runs a task; `cached` has its result; `depends` is decided by the tasks
    that it needs; `write` and `keep` are about a model's folder; `leave` leaves out what
    needs a checkpoint that nobody names. With `fuse` in the profile, a second table says which
    neighbouring models are one, and why others stay apart.

    With `--json` it prints `out` and two lists: `tasks`, each with `task`, `action`, `why` and
    `seconds`, the time of its last run; and `fusing`, each with `pipeline`, `neighbours`, `model`,
    which is empty if they stay apart, and `why`.
    """
    from builders.kit.build.build import BuildError, TargetError
    from builders.kit.build.dry_run import dry_run
    from builders.kit.recipe.profile import ProfileError, load_profile

    try:
        planned = dry_run(load_profile(profile), out)
    except ProfileError as problem:
        raise usage(problem) from problem
    except (BuildError, TargetError) as problem:
        raise failed(problem) from problem
    if as_json:
        listed = [
            {"task": each.name, "action": each.action, "why": each.why, "seconds": each.seconds}
            for each in planned.tasks
        ]
        fusing = [
            {"pipeline": pipeline, "neighbours": names, "model": model, "why": why}
            for pipeline, names, model, why in _neighbours(planned.fusing)
        ]
        show_json({"out": str(out), "tasks": listed, "fusing": fusing})
        return
    rows = [
        (
            task.action,
            task.name,
            task.why or (f"({task.seconds:.1f} s last time)" if task.seconds else ""),
        )
        for task in planned.tasks
    ]
    show(Table((Column("action"), Column("task"), Column("why", folds=True)), rows))
    fused = [
        (pipeline, ", ".join(names), f"one model: {model}" if model else f"apart: {why}")
        for pipeline, names, model, why in _neighbours(planned.fusing)
    ]
    if fused:
        typer.echo("")
        show(Table((Column("pipeline"), Column("neighbours"), Column("", folds=True)), fused))


def _neighbours(fusing: Fusing) -> Iterator[tuple[str, list[str], str, str]]:
    """Pipeline, neighbouring models, the one that they are or "", and why they stay apart or ""."""
    for fused in fusing.fused:
        yield fused.pipeline, list(fused.parts), fused.model, ""
    for apart in fusing.apart:
        both = [" + ".join(each) for each in (apart.first, apart.second)]
        yield apart.pipeline, both, "", apart.why


def parity(
    family: Annotated[
        str, typer.Argument(help="A family, as ocr.", autocompletion=complete.families)
    ],
    export: Annotated[str, typer.Argument(help="One of its exports, as detector.")],
    source: Annotated[
        str | None,
        typer.Option(help="A checkpoint to use instead of the family's own, as path:x.onnx."),
    ] = None,
    profile: FromProfile = None,
    families: FamilyPaths = None,
) -> None:
    """Make one export anew, and compare it with its source at every shape."""
    from builders.errors import NotDeclared
    from builders.kit.build.parity_again import reproduce, reproduce_of
    from builders.kit.recipe.profile import ProfileError, load_profile

    if profile is not None and (source is not None or families):
        raise usage("expected --profile alone, as it names families and checkpoints too")
    try:
        if profile is not None:
            result = reproduce_of(load_profile(profile), family, export)
        else:
            result = reproduce(family, export, source=source, checkout=checkout_with(families))
    except (NotDeclared, ProfileError) as problem:
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
