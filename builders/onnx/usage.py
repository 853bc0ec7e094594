"""How the ONNX files of a repository are asked, measured and sized. It imports nothing heavy."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repository.files.bounded_file import Unreadable
from repository.manifest import ManifestError, read_manifest
from repository.usage import Input, Inputs, Largest, Numbers, Question, Usage

if TYPE_CHECKING:
    from repository.arrays import Array, Arrays

_ABSOLUTE, _RELATIVE = 1e-3, 1e-2
"""How far a server may be from the file run here: a GPU computes in fewer bits."""

Shapes = Mapping[str, Sequence[int]]
"""Input -> all sizes, as the file has them."""


def usage_in(repository: Path) -> Mapping[str, Usage]:
    """Of each model that the family made in a repository, by its name.

    Its requests are those on which its file was compared with the source: a user's own where they
    can be read from the working directory, else made up, of the same shapes. A note says so: the
    manifest has no path of the profile's folder.

    Args:
        repository: a built one; of another nothing is known.
    """
    try:
        manifest = read_manifest(repository)
    except ManifestError:
        return {}
    models = manifest.profile.get("families", {}).get("onnx", {}).get("models", {})
    return {
        name: _usage(repository, name, options, manifest.exports[f"onnx/{name}"])
        for name, options in models.items()
        if f"onnx/{name}" in manifest.exports
    }


def _usage(
    repository: Path, name: str, options: Mapping[str, Any], export: Mapping[str, Any]
) -> Usage:
    rows = int(options.get("max_batch_size") or 0)
    compared = list(
        {str(each["inputs"]): each["inputs"] for each in export["parity"]["differences"]}.values()
    )
    given = options.get("inputs") or ()
    own, missing = _own([given] if isinstance(given, str) else given, compared)
    requests: list[Mapping[str, Input]] = []
    for number, shapes in enumerate(compared):
        # A client's batch has one row, and perf_analyzer wants the same number in all.
        made_up = partial(_request, repository, name, shapes, number, min(rows, 1))
        files = [partial(_fitted, repository, name, each, rows) for each in own[number]]
        for make in map(functools.cache, files or [made_up]):
            requests.append({each: partial(_picked, make, each) for each in shapes})
    largest = _largest(compared, export["facts"]["axes"], options.get("largest") or {}, rows)
    words = ", ".join(f"{each} {list(shape)}" for each, shape in largest.items())
    return Usage(
        question=_question(repository, name, requests[0]) if requests else None,
        words=f"Run {Path(options['source'].partition(':')[2]).name}.",
        requests=tuple(requests),
        largest=Largest(words=words, inputs=partial(_request, repository, name, largest, 0, rows)),
        note=_note(name, missing),
    )


def _own(uris: Sequence[str], compared: Sequence[Shapes]) -> tuple[list[list[Arrays]], list[str]]:
    """A user's inputs for each of the shapes, and the URIs of files that are not there any more:
    one of other shapes is another file."""
    from repository.files.npz_file import read_npz

    known = [{name: list(shape) for name, shape in each.items()} for each in compared]
    found: list[list[Arrays]] = [[] for _ in compared]
    missing = []
    for uri in uris:
        try:
            # Unlike Path's, this one leaves the name of an unknown user as it is.
            arrays = read_npz(Path.cwd() / os.path.expanduser(uri.partition(":")[2]))  # noqa: PTH111
            number = known.index({name: list(array.shape) for name, array in arrays.items()})
        except (Unreadable, ValueError):
            missing.append(uri)
            continue
        found[number].append(arrays)
    return found, missing


def _note(name: str, missing: Sequence[str]) -> str:
    if not missing:
        return ""
    return (
        f"'{name}': the inputs that it was compared on are not there ({', '.join(missing)}), so "
        "others of the same shapes are made up. Relative paths start at the working directory: "
        "change to the profile's folder to use yours"
    )


def _question(repository: Path, name: str, inputs: Inputs) -> Question:
    """A request, and what the model answers to it in process, here: texts are not held to it."""
    from repository.config.proto import pb
    from repository.config.text import read_config

    config = read_config(repository / name / "config.pbtxt")
    run = functools.cache(partial(_answered, repository, name, inputs))
    return Question(
        inputs=inputs,
        answer={
            output.name: Numbers(
                partial(_picked, run, output.name), absolute=_ABSOLUTE, relative=_RELATIVE
            )
            for output in config.output
            if pb.DataType.Name(output.data_type) != "TYPE_STRING"
        },
    )


def _answered(repository: Path, name: str, inputs: Inputs) -> Arrays:
    from runtime.inprocess import InProcess

    made = {each: given() for each, given in inputs.items() if callable(given)}
    return InProcess(repository).run(name, made)


def _largest(
    compared: Sequence[Shapes],
    axes: Mapping[str, Sequence[int | str | None]],
    named: Mapping[str, int],
    rows: int,
) -> dict[str, list[int]]:
    """The shapes of the largest request: the whole batch, and of other axes what the profile says,
    or else the largest size that was compared."""
    found: dict[str, list[int]] = {}
    for tensor, sizes in axes.items():
        found[tensor] = shape = []
        for index, axis in enumerate(sizes):
            seen = max((each[tensor][index] for each in compared), default=1)
            size = seen if not isinstance(axis, int) else axis
            if rows and index == 0:
                size = rows
            shape.append(named.get(f"{tensor}.{index}", named.get(str(axis), size)))
    return found


def _picked(make: Any, name: str) -> Array:
    found: Array = make()[name]
    return found


def _request(repository: Path, name: str, shapes: Shapes, number: int, rows: int) -> Arrays:
    """A made-up request."""
    from builders.onnx.examples.made_up import inputs_of
    from builders.onnx.file.reading import read_file
    from repository.layout import VERSION

    file = read_file(repository / name / VERSION / "model.onnx")
    return _fitted(repository, name, inputs_of(file, shapes, number), rows)


def _fitted(repository: Path, name: str, arrays: Arrays, rows: int) -> Arrays:
    """A request as the server takes it: at most as many rows, and no scalars."""
    from repository.config.text import read_config

    config = read_config(repository / name / "config.pbtxt")
    batching = config.max_batch_size > 0
    ranks = {each.name: len(each.dims) + batching for each in config.input}
    made: dict[str, Array] = {}
    for each, array in arrays.items():
        kept = array[:rows] if rows else array
        made[each] = kept.reshape((*kept.shape, *[1] * (ranks[each] - kept.ndim)))
    return made
