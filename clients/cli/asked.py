"""What the command ``ask`` does: a file to a request, and the answer as the family shows it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import typer

from clients.cli.chat.written import escaped
from clients.cli.exit import failed, wrong_address
from clients.cli.listening import StatusLine
from clients.connection.address import AddressError
from clients.connection.errors import RequestError
from clients.infer import written
from clients.infer.client import Answer, ModelClient
from clients.infer.served import ServedModel
from clients.infer.shown import PIPE, lines_of
from repository.arrays import DType
from repository.cli.exit import usage as wrong_usage
from repository.cli.naming.program import named
from repository.cli.show import harmless, show, width
from repository.errors import KitError
from repository.files.yaml_file import suggest
from repository.table import Column, Table
from repository.usage import Inputs, Usage
from repository.usage.found import Usages, usages
from repository.usage.requests import RequestUnfit, requests_of
from repository.usage.tensors import ServedTensor

_TRUTH = {"true": True, "false": False}


def ask(
    pipeline: str,
    file: Path | None,
    options: Sequence[str],
    code: Sequence[str],
    *,
    as_document: bool,
    url: str,
    timeout: float,
    patience: float,
) -> None:
    """Asks a pipeline and prints its answer, as the options of ``ask`` say.

    Args:
        pipeline: its name.
        file: the user's; None for the family's known question.
        options: of the pipeline, each ``NAME=VALUE``.
        code: families that lie elsewhere, each as ``path:`` and its folder.

    Raises:
        typer.Exit: it gave no answer; it was said why.
    """
    usage = _usage(pipeline, code)
    inputs = _inputs(pipeline, usage, file)
    given = _options(pipeline, usage, options)
    status = StatusLine()
    try:
        with closing(status), ModelClient(url, timeout, patience, status.show) as client:
            served = client.served(pipeline)
            taken = {each.name: each for each in served.inputs}
            typed = {name: _typed(values, taken.get(name)) for name, values in given.items()}
            (request,) = requests_of(pipeline, [{**inputs, **typed}], taken)
            answer = client.infer(served, request)
    except AddressError as problem:
        raise wrong_address(problem) from problem
    except RequestUnfit as problem:
        raise wrong_usage(problem) from problem
    except RequestError as problem:
        raise failed(str(problem)) from problem
    _print(served, answer, usage, as_document=as_document)


def is_declared(pipeline: str, code: Sequence[str]) -> bool:
    """Whether a family declares a pipeline of that name.

    Raises:
        typer.Exit: a family cannot be read; it was said why.
    """
    return _declared(code).of(pipeline) is not None


def list_options(pipeline: str, code: Sequence[str]) -> None:
    """Prints the options of a pipeline.

    Raises:
        typer.Exit: no family declares it; it was said so.
    """
    usage = _usage(pipeline, code)
    typer.echo(named(f"{pipeline}: {usage.words}"))
    if not usage.options:
        typer.echo("It has no options.")
        return
    rows = [(each.name, each.words) for each in usage.options]
    show(Table((Column("option"), Column("what it does", folds=True)), rows))


def _usage(pipeline: str, code: Sequence[str]) -> Usage:
    declared = _declared(code)
    found = declared.of(pipeline)
    if found is None:
        known = [name for name, each in declared.declared.items() if each.file or each.question]
        raise wrong_usage(
            f"no family declares how '{pipeline}' is asked; declared are: {', '.join(known)}. "
            f"{suggest(pipeline, known)} For a family of your own, add "
            "--family path:DIR. `python -m clients infer` asks any model, by its tensors. A "
            "question to a decoder has a blank or a question mark"
        )
    return found


def _declared(code: Sequence[str]) -> Usages:
    try:
        return usages(code=code)
    except KitError as problem:
        raise wrong_usage(problem) from problem


def _inputs(pipeline: str, usage: Usage, file: Path | None) -> Inputs:
    if file is None:
        if usage.question is None:
            told = "is asked with a file" if usage.file else "cannot be asked by this command"
            raise wrong_usage(f"'{pipeline}' {told}. {usage.words}")
        return usage.question.inputs
    if not usage.file:
        raise wrong_usage(f"'{pipeline}' takes no file. {usage.words}")
    try:
        if not file.is_file():
            raise failed(f"cannot read {file}: expected a file, found none")
        return {usage.file: file} if isinstance(usage.file, str) else usage.file(file)
    except (OSError, ValueError) as problem:
        raise failed(f"cannot read {file}: {problem}") from problem


def _options(pipeline: str, usage: Usage, options: Sequence[str]) -> dict[str, list[str]]:
    known = [each.name for each in usage.options]
    given: dict[str, list[str]] = {}
    for text in options:
        name, sign, value = text.partition("=")
        if not sign or name not in known:
            expected = f"NAME=VALUE with one of {', '.join(known)}" if known else "none"
            raise wrong_usage(
                f"--option: expected {expected}, as '{pipeline}' takes, found '{text}'. "
                f"{suggest(name, known)}"
            )
        given.setdefault(name, []).append(value)
    return given


def _typed(values: list[str], tensor: ServedTensor | None) -> list[str | bool]:
    """What was written, for the type of its tensor; numbers stay text until they are read."""
    if tensor is not None and tensor.dtype is DType.BOOL:
        return [_TRUTH.get(each.lower(), each) for each in values]
    return list(values)


def _print(served: ServedModel, answer: Answer, usage: Usage, *, as_document: bool) -> None:
    if as_document:
        typer.echo(harmless(written.as_document(served, answer)))
    elif usage.show is not None:
        typer.echo(escaped(usage.show(answer.outputs)))
    else:
        lines, _ = lines_of(served, answer, width() or PIPE)
        typer.echo("\n".join(lines))
