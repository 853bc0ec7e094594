"""The names and shapes of a checkpoint's tensors, read from its files' headers alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from builders.kit.sources import headers

_NOT_OF_THE_EYE = ("text_model.", "language_model.", "lm_head.")
"""Parts of names: tensors of a text tower or a language model."""


@dataclass(frozen=True)
class Headers:
    """The tensors of a checkpoint.

    Attributes:
        shapes: name -> shape.
        passed_over: parts of the names of tensors that are not looked at.
    """

    shapes: Mapping[str, tuple[int, ...]]
    passed_over: tuple[str, ...] = _NOT_OF_THE_EYE

    def seen(self, ending: str) -> tuple[int, ...] | None:
        """The shape of the tensor whose name has that ending; None if there is none.

        Checkpoints of different age have different beginnings of names.
        """
        for name, shape in self._looked_at():
            if name == ending or name.endswith(f".{ending}"):
                return shape
        return None

    def wrong(self, expected: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
        """A few words for each of those tensors that is missing or has another shape."""
        for ending, shape in expected.items():
            found = self.seen(ending)
            if found is None:
                yield f"no weights *{ending} (expected {list(shape)})"
            elif found != shape:
                yield f"weights *{ending} of {list(found)} (expected {list(shape)}, by config.json)"

    @property
    def of_text(self) -> Headers:
        """The tensors of the text tower alone."""
        whole = any("text_model." in name for name in self.shapes)
        named = ("text_model.", "text_projection.")
        return Headers(
            {
                name: shape
                for name, shape in self.shapes.items()
                if not whole or any(part in name for part in named)
            },
            passed_over=(),
        )

    def _looked_at(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        for name, shape in self.shapes.items():
            if not any(part in name for part in self.passed_over):
                yield name, shape


def read_headers(folder: Path) -> Headers:
    """The tensors of a checkpoint's files.

    Raises:
        SourceError: as :func:`builders.kit.sources.headers.read_headers`.
    """
    return Headers({name: each.shape for name, each in headers.read_headers(folder).items()})
