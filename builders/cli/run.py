"""The command ``run``. It imports nothing heavy before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from repository.cli.exit import failed, report
from repository.cli.folder import REPOSITORY
from repository.cli.naming import complete
from repository.errors import KitError

if TYPE_CHECKING:
    from repository.arrays import Arrays
    from repository.config.proto import pb
    from repository.findings import Finding


def run(
    pipeline: Annotated[
        str,
        typer.Argument(
            help="A pipeline of the built repository, as ocr.", autocompletion=complete.pipelines
        ),
    ],
    file: Annotated[
        Path,
        typer.Argument(
            help="The file that it reads, as an image or a sound; or a .npz with its inputs by "
            "name."
        ),
    ],
    repository: Annotated[Path, typer.Option(help="A built model repository.")] = REPOSITORY,
) -> None:
    """Run a pipeline in this process, with no server, and print its outputs as JSON."""
    import json

    from repository.config.facts import file_input
    from repository.config.text import read_config
    from repository.files.bounded_file import Unreadable
    from runtime.inprocess import InProcess

    config_path = repository / pipeline / "config.pbtxt"
    if not config_path.is_file():
        raise failed(f"{repository} has no model '{pipeline}'; build it: python -m builders build")
    try:
        config = read_config(config_path)
        name = file_input(config)
        if name is not None or file.suffix == ".npz":
            inputs = _inputs(file, name)
        else:
            inputs = _as_declared(pipeline, file, repository, config)
    except Unreadable as problem:
        raise failed(f"cannot read {problem}") from problem
    except KitError as problem:
        raise failed(problem) from problem
    try:
        with InProcess(repository) as process:
            outputs = process.run(pipeline, inputs)
    except KitError as problem:
        raise failed(problem) from problem
    except ValueError as problem:  # a stage's, which stands in a repository too
        raise failed(str(problem)) from problem
    except Exception as problem:
        if not (findings := _errors_of(repository)):
            raise
        report(findings)
        raise typer.Exit(1) from problem
    plain = {name: _plain(array.tolist()) for name, array in outputs.items()}
    typer.echo(json.dumps(plain, ensure_ascii=False, indent=2))


def _inputs(file: Path, name: str | None) -> Arrays:
    """The inputs by name in a .npz, or a file's bytes as the input of that name."""
    import numpy as np

    from repository.files.bounded_file import MAXIMUM_FILE, read_bounded
    from repository.files.npz_file import read_npz

    if name is None or file.suffix == ".npz":
        return read_npz(file)
    return {name: np.frombuffer(read_bounded(file, MAXIMUM_FILE), np.uint8)}


def _as_declared(pipeline: str, file: Path, repository: Path, config: pb.ModelConfig) -> Arrays:
    """The inputs that the pipeline's family makes of a file.

    Raises:
        Unreadable: it cannot be read so.
        KitError: the family declares nothing, or what does not fit the pipeline.
    """
    from repository.files.bounded_file import Unreadable
    from repository.usage.found import usages
    from repository.usage.requests import requests_of
    from repository.usage.tensors import taken_by

    usage = usages(repository).of(pipeline)
    if usage is None or not callable(usage.file):
        raise KitError(
            f"'{pipeline}' takes no file: none of its inputs is UINT8 with one free axis; give a "
            ".npz with its inputs by name"
        )
    if not file.is_file():
        raise Unreadable(file, "a file", "none")
    try:
        inputs = usage.file(file)
    except ValueError as problem:  # as of what is no text
        raise Unreadable(file, "a file that its family reads", str(problem)) from problem
    (request,) = requests_of(pipeline, [inputs], taken_by(config))
    return request


def _plain(value: Any) -> Any:
    """Texts as such, also in lists of lists."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _errors_of(repository: Path) -> list[Finding]:
    """What is wrong with a repository that does not run."""
    from repository.check.check import check_repository
    from repository.findings import errors
    from repository.manifest import built_for
    from repository.release import release

    release_name, _ = built_for(repository, "24.10")
    return errors(check_repository(repository, release(release_name)))
