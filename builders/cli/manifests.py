"""The command ``manifests``. It imports nothing heavy before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repository.cli.exit import failed, report, usage
from repository.cli.out import write_out

if TYPE_CHECKING:
    from builders.bundle.parts import Parts
    from builders.bundle.values import Values


def manifests(
    values: Annotated[
        Path | None, typer.Option("--values", "-f", help="The values file; kserve/values has some.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the objects go; - is standard output.")] = Path(
        "-"
    ),
    overlay: Annotated[
        Path | None,
        typer.Option(
            help="Write the kustomize overlay into this folder instead, to edit it by hand."
        ),
    ] = None,
    push: Annotated[
        str | None,
        typer.Option(
            help="Send the objects as an OCI artefact instead: oci:registry/name:tag, or "
            "oci:./folder for an image layout."
        ),
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Write the JSON Schema of values files instead.")
    ] = False,
    plain_http: Annotated[bool, typer.Option("--plain-http", help="For --push: no TLS.")] = False,
    delete: Annotated[
        bool, typer.Option("--delete", help="For --push: replace a tag of something else.")
    ] = False,
    kserve: Annotated[
        Path | None, typer.Option(help="A folder to use instead of the kit's kserve/.")
    ] = None,
) -> None:
    """Render the objects for a cluster from one values file, by kustomize.

    What is printed is byte for byte what kustomize prints for the overlay that --overlay writes.
    A file with a mistake is not rendered.
    """
    from builders.bundle.parts import FOLDER, NoBundle, Parts
    from builders.bundle.values import ValuesError, load_values

    others = [overlay is not None, push is not None]
    if (
        (values is None) != schema
        or sum(others) > 1
        or (any(others) and (schema or str(out) != "-"))
    ):
        raise usage(
            "expected --values FILE, with one of --out, --overlay and --push at most, or --schema; "
            "kserve/values has examples"
        )
    try:
        parts = Parts.at(kserve or FOLDER)
        if values is None:
            from builders.bundle.schema import schema_text

            write_out(out, schema_text(parts).encode())
            return
        wanted = load_values(values, parts)
        if overlay is not None:
            _overlay(wanted, parts, overlay)
        elif push is not None:
            _push(wanted, parts, push, plain_http=plain_http, delete=delete)
        else:
            write_out(out, _rendered(wanted, parts))
    except NoBundle as problem:
        raise failed(problem, {"folder": "--kserve"}) from problem
    except ValuesError as problem:
        report(problem.findings)
        raise typer.Exit(2) from problem


def _overlay(values: Values, parts: Parts, folder: Path) -> None:
    from builders.bundle.render import write_overlay

    try:
        if folder.exists() and any(folder.iterdir()):
            raise failed(f"{folder}: expected an empty folder, found files. Give another.")
        write_overlay(values, parts, folder)
    except OSError as problem:
        raise failed(f"cannot write {folder}: {problem.strerror}") from problem
    typer.echo(f"{folder}: written; kubectl kustomize {folder} renders it")


def _push(values: Values, parts: Parts, place: str, *, plain_http: bool, delete: bool) -> None:
    from builders.bundle.artefact import push_artefact
    from repository.transfer.address import Image, Layout, parse
    from repository.transfer.errors import TransferError

    if not place.startswith("oci:"):
        raise usage(
            f"'{place}': expected oci:registry/name:tag or oci:./folder. Write one of them."
        )
    try:
        address = parse(place)
        assert isinstance(address, Image | Layout), "oci: is nothing else"
        objects = _rendered(values, parts)
        typer.echo(push_artefact(objects, address, plain_http=plain_http, delete=delete))
    except TransferError as problem:
        raise failed(problem) from problem


def _rendered(values: Values, parts: Parts) -> bytes:
    from builders.bundle.render import RenderError, rendered

    try:
        return rendered(values, parts)
    except RenderError as problem:
        raise failed(problem) from problem
