"""Exports that are declared, and that no test makes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from builders.kit.family import Export, Parity
from repository.arrays import Arrays


def export(name: str, source: str = "weights") -> Export:
    """A model's file."""
    return Export(name=name, source=source, make=_make, parity=PARITY)


def file(name: str, source: str = "weights") -> Export:
    """A plain file."""
    return Export.file(name, source=source, make=_make)


def _make(checkpoint: Path, out: Path) -> Mapping[str, object]:
    raise AssertionError("it is not to be made")


def _reference(checkpoint: Path, inputs: Arrays) -> Arrays:
    raise AssertionError("it is not to be compared")


PARITY = Parity(reference=_reference, inputs=list, absolute=0.0, relative=0.0)
