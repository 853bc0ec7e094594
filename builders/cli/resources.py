"""The command ``resources``. It imports nothing heavy before it runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from clients.cli.options import Families
from repository.cli.exit import failed, report, usage
from repository.cli.folder import REPOSITORY, Repository, as_built
from repository.cli.out import write_out
from repository.errors import KitError
from repository.manifest.schema import REBUILD
from repository.manifest.shape import lacking


def resources(
    out: Annotated[Path, typer.Option(help="The patch to write; - is standard output.")],
    repository: Repository = REPOSITORY,
    runtime: Annotated[
        str, typer.Option(help="The ServingRuntime that the patch is for.")
    ] = "triton-multimodal",
    request: Annotated[
        list[str] | None,
        typer.Option(
            help="PIPELINE=FILE: its largest request; can be repeated. Without, every pipeline "
            "gets the one that its family declares."
        ),
    ] = None,
    family: Families = None,
    concurrency: Annotated[
        int, typer.Option(min=1, help="How many largest requests are under way at once.")
    ] = 4,
) -> None:
    """Measure what a repository needs, and write memory, /dev/shm and GPUs as a kustomize patch."""
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", runtime):
        raise usage(f"'{runtime}' is no name of a ServingRuntime; give one as triton-multimodal")
    manifest = as_built(repository, out)
    from builders.kit.resources import patch
    from builders.kit.resources.measure import measure
    from builders.kit.resources.total import resources as add_up
    from repository.usage.found import usages

    files: dict[str, Path | None] = {}
    for each in request or ():
        name, given, file = each.partition("=")
        if not given:
            raise usage(f"'{each}' is not PIPELINE=FILE, as ocr=page.png")
        files[name] = Path(file)
    try:
        if not files:
            every = manifest.families.values()
            files = {name: None for each in every for name in each["pipelines"]}
        load = measure(repository, files, usages(repository, family or ()))
        needed = add_up(repository, manifest, load, concurrency=concurrency)
    except KitError as problem:
        raise failed(problem, {"files": "--request"}) from problem
    except (KeyError, TypeError) as problem:
        report(lacking(vars(manifest), "target", "families", "models"))
        raise failed(
            f"manifest.json does not say what is counted ({problem}). {REBUILD}"
        ) from problem
    text = patch.patch(needed, runtime=runtime, requests=load.requests, concurrency=concurrency)
    write_out(out, text.encode())
