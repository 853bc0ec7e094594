"""The command ``check``. It imports nothing heavy before it runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from repository.cli.exit import report, usage
from repository.cli.folder import REPOSITORY, Repository, require_folder
from repository.cli.show import Json, findings_as_json, show_json

if TYPE_CHECKING:
    from repository.findings import Finding


def check(
    repository: Repository = REPOSITORY,
    triton: Annotated[
        str | None,
        typer.Option(help="The Triton release to check for. Without it: the manifest's, or 24.10."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="<default|strict>",
            help="How that server is started: `default`, so that it fills in what configs leave "
            "out, or `strict`, with --disable-auto-complete-config, as the kit's `serve` does. "
            "Without it: `strict` for what the kit built, else `default`.",
        ),
    ] = None,
    strict: Annotated[bool, typer.Option(help="Warnings fail too.")] = False,
    as_json: Json = False,
) -> None:
    """Check any model repository against Triton's load-time rules, before a server starts.

    With `--json` it prints `repository`, `triton`, `target`, the counts `errors` and `warnings`,
    and the list `findings`, each with `severity`, `rule`, `where`, `tensor`, `expected`, `found`
    and `remedy`.
    """
    from repository.check.check import check_repository
    from repository.check.files.completed import Target
    from repository.findings import Severity, errors
    from repository.manifest import built_for
    from repository.manifest.schema import MANIFEST
    from repository.release import ReleaseError, release

    require_folder(repository)
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
    failed = findings if strict else errors(findings)
    grave = len(errors(findings))
    if as_json:
        about = {"repository": str(repository), "triton": triton, "target": str(target)}
        counts = {"errors": grave, "warnings": len(findings) - grave}
        show_json({**about, **counts, "findings": findings_as_json(findings)})
        raise typer.Exit(1 if failed else 0)
    report(findings)
    typer.echo(
        f"{repository}: {_counted(grave, 'error')}, {_counted(len(findings) - grave, 'warning')} "
        f"for Triton {triton}, target {target}"
    )
    raise typer.Exit(1 if failed else 0)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
