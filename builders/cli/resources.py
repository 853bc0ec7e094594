"""The commands ``sbom`` and ``resources``. They import nothing heavy before they run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from repository.cli.exit import failed, report, usage
from repository.cli.sign import REPOSITORY, Repository
from repository.files.whole_file import write_whole
from repository.manifest import Manifest
from repository.manifest.schema import REBUILD
from repository.manifest.shape import lacking


def sbom(
    out: Annotated[Path, typer.Option(help="The file to write; - is standard output.")],
    repository: Repository = REPOSITORY,
) -> None:
    """List what a built repository and its image hold, as CycloneDX 1.6 in JSON."""
    manifest = _as_built(repository, out)
    from runtime.machine.environment import REQUIREMENTS

    try:
        from repository.bom import sbom as list_contents
        from repository.bom.image import SbomError
    except ModuleNotFoundError as problem:
        raise failed(
            f"no module '{problem.name}': install the packages of the extra 'sbom', "
            "pip install -c constraints.txt -e '.[sbom]'"
        ) from problem
    try:
        text = list_contents(manifest, REQUIREMENTS.read_text("utf-8"))
    except SbomError as problem:
        raise failed(problem) from problem
    _write(out, text)


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
    concurrency: Annotated[
        int, typer.Option(min=1, help="How many largest requests are under way at once.")
    ] = 4,
) -> None:
    """Measure what a repository needs, and write memory, /dev/shm and GPUs as a kustomize patch."""
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", runtime):
        raise usage(f"'{runtime}' is no name of a ServingRuntime; give one as triton-multimodal")
    manifest = _as_built(repository, out)
    from builders.kit.resources import patch
    from builders.kit.resources.measure import measure
    from builders.kit.resources.request import LoadError
    from builders.kit.resources.total import resources as add_up

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
        load = measure(repository, files)
        needed = add_up(repository, manifest, load, concurrency=concurrency)
    except LoadError as problem:
        raise failed(problem, {"files": "--request"}) from problem
    except (KeyError, TypeError) as problem:
        report(lacking(vars(manifest), "target", "families", "models"))
        raise failed(
            f"manifest.json does not say what is counted ({problem}). {REBUILD}"
        ) from problem
    text = patch.patch(needed, runtime=runtime, requests=load.requests, concurrency=concurrency)
    _write(out, text)


def _as_built(repository: Path, out: Path) -> Manifest:
    """The manifest of a repository that is as it was built, and stays so."""
    from repository import manifest as manifests

    if not repository.is_dir():
        raise usage(f"{repository} is not a folder; `make build-repo` builds one")
    if out.resolve().is_relative_to(repository.resolve()):
        raise usage(f"{out} would change the repository; give a path outside {repository}")
    if findings := manifests.verify(repository):
        report(findings)
        raise typer.Exit(1)
    return manifests.read_manifest(repository)


def _write(out: Path, text: str) -> None:
    try:
        if str(out) == "-":
            typer.echo(text, nl=False)
            return
        write_whole(out, text.encode())
    except OSError as problem:
        raise failed(f"cannot write {out}: {problem.strerror}") from problem
    typer.echo(f"{out}: written")
