"""What a made file is compared on, and what the source answers."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from builders.kit.onnx.session import make_session, reason
from builders.onnx.examples.made_up import made_up
from builders.onnx.file.reading import locate, read_file
from builders.onnx.own.given import load_given
from repository.arrays import Array, Arrays
from repository.onnx.content import OnnxError


@dataclass(frozen=True)
class Examples:
    """The inputs of a comparison.

    Attributes:
        file: the source.
        given: a user's files; without any, inputs are made up from the source's shapes.
        operators: libraries of custom operators.
    """

    file: Path
    given: tuple[Path, ...]
    operators: tuple[Path, ...] = ()

    def make(self, sizes: Sequence[tuple[str, Sequence[int]]]) -> list[Arrays]:
        """The inputs.

        Args:
            sizes: dynamic axes, and their sizes in made-up inputs.
        """
        if self.given:
            return [load_given(each) for each in self.given]
        return made_up(read_file(self.file), dict(sizes), self.operators)


def answer_of_source(
    operators: tuple[Path, ...], inside: str, checkpoint: Path, inputs: Arrays
) -> dict[str, Array]:
    """What the source answers.

    Args:
        operators: libraries of custom operators.
        inside: the file's path in a source that is a folder.
        checkpoint: the source.
        inputs: what it is asked.
    """
    file = locate(checkpoint, inside)
    session = _session(file, operators, file.stat().st_mtime_ns)
    try:
        found = session.run(None, dict(inputs))
    except Exception as error:  # onnxruntime's exceptions have no common base but this
        raise OnnxError(
            f"{checkpoint}: expected the source to run on these inputs, found: {reason(error)}."
        ) from error
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, map(np.asarray, found), strict=True))


@functools.lru_cache(maxsize=1)
def _session(file: Path, operators: tuple[Path, ...], changed: int) -> onnxruntime.InferenceSession:
    """Of the last source alone: it may be gigabytes."""
    return make_session(file, operators=operators)
