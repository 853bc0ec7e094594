"""What the command ``infer`` does: any served model, asked once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import typer

from clients.cli.exit import failed, wrong_address
from clients.cli.listening import StatusLine
from clients.connection.address import AddressError
from clients.connection.errors import RequestError
from clients.infer import written
from clients.infer.client import Answer, ModelClient
from clients.infer.errors import InputsError
from clients.infer.given import read_inputs
from clients.infer.served import ServedModel
from clients.infer.shown import PIPE, lines_of
from clients.infer.written import NotWritten, as_npz
from repository.arrays import Arrays
from repository.cli.exit import usage
from repository.cli.show import harmless, width
from repository.files.whole_file import write_whole

_FLAGS = {"inputs": "--input", "shapes": "--shape", "seed": "--random"}


def ask(
    model: str,
    inputs: Sequence[str],
    shapes: Sequence[str],
    seed: int | None,
    *,
    as_document: bool,
    out: Path | None,
    version: str,
    url: str,
    timeout: float,
    patience: float,
) -> None:
    """Asks a model and prints its answer, as the options of ``infer`` say.

    Args:
        model: its name.
        inputs: as :func:`read_inputs` takes them; so the next two.
        shapes: of inputs.
        seed: of random values.

    Raises:
        typer.Exit: it gave no answer; it was said why.
    """
    status = StatusLine()
    if out is not None and not out.parent.is_dir():
        raise failed(f"cannot write {out}: found no folder {out.parent}; make it, or name another")
    try:
        with closing(status), ModelClient(url, timeout, patience, status.show) as client:
            served = client.served(model, version)
            asked = read_inputs(served, inputs, shapes=shapes, seed=seed)
            answer = client.infer(served, asked)
    except AddressError as problem:
        raise wrong_address(problem) from problem
    except RequestError as problem:
        raise failed(str(problem)) from problem
    except InputsError as problem:
        raise usage(problem, _FLAGS) from problem
    if as_document:
        typer.echo(harmless(written.as_document(served, answer)))
    else:
        _print(served, asked, answer, whole=out is not None)
    if out is not None:
        try:
            write_whole(out, as_npz(answer.outputs))
        except NotWritten as problem:
            raise failed(str(problem)) from problem
        except OSError as problem:
            raise failed(f"cannot write {out}: {problem.strerror}") from problem
        typer.echo(f"{out}: written", err=True)


def _print(served: ServedModel, asked: Arrays, answer: Answer, *, whole: bool) -> None:
    version = f", version {answer.version}" if answer.version else ""
    typer.echo(f"{served.name}{version}")
    for tensor in served.inputs:
        if tensor.name in asked:
            shape = list(asked[tensor.name].shape)
            typer.echo(f"asked with {tensor.name}  {tensor.dtype} {shape}")
    lines, shortened = lines_of(served, answer, width() or PIPE)
    typer.echo("\n".join(["", *lines]))
    if shortened and not whole:
        typer.echo("\nShortened. --json prints all values, --out FILE.npz keeps them.", err=True)
