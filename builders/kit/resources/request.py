"""The largest request of a pipeline: a file that somebody gives, or what its family declares."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from builders.errors import BuildersError
from repository.arrays import Arrays
from repository.config.facts import file_input
from repository.config.proto import pb
from repository.files.bounded_file import MAXIMUM_FILE, Unreadable, read_bounded
from repository.files.npz_file import read_npz
from repository.usage.found import Usages


class LoadError(BuildersError):
    """There is no request for a pipeline; the message says what to give."""


def request(config: pb.ModelConfig, file: Path | None, usages: Usages) -> tuple[Arrays, str]:
    """The largest request to a pipeline.

    Args:
        config: the pipeline's ``ModelConfig``.
        file: the file that it reads; None is what its family declares.
        usages: what families declare.

    Returns:
        Its inputs, and in words what it is.

    Raises:
        LoadError: the file cannot be read, the pipeline takes none, or none was given and
            nothing is declared.
    """
    if file is None:
        usage = usages.of(config.name)
        if usage is None or usage.largest is None:
            raise LoadError(
                f"'{config.name}': expected a largest request, found that no family declares one. "
                "Give its file.",
                arguments=("files",),
            )
        return usage.largest.inputs(), usage.largest.words
    name = file_input(config)
    if file.suffix == ".npz":
        try:
            return dict(read_npz(file)), _shown(file.name)
        except Unreadable as error:
            raise LoadError(f"cannot read {error}") from error
    if name is None:
        raise LoadError(
            f"'{config.name}': expected an input that holds a file, found none, so its size cannot "
            "be measured. Give a .npz with its inputs by name.",
            arguments=("files",),
        )
    try:
        content = read_bounded(file, MAXIMUM_FILE)
    except Unreadable as error:
        raise LoadError(f"cannot read {error}") from error
    return {name: np.frombuffer(content, np.uint8)}, _shown(file.name)


def _shown(name: str) -> str:
    return name if name.isprintable() else ascii(name)
