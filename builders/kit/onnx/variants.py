"""Arithmetic in fewer bits than a checkpoint's, made on the ONNX file and gated like any export.

``models.<name>.precision: int8`` in a profile asks for another export.
:mod:`builders.kit.onnx.int8` makes it from the fp32 one. It is compared with the same reference
within bounds of its own, and the family's metrics judge the pipeline with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from builders.errors import FamilyError
from builders.kit.export import Export
from builders.kit.onnx.int8 import quantise

SUFFIX = ".int8"
"""The suffix of an int8 export's name, behind that of the export it is made from."""


def variants(exports: Iterable[Export]) -> dict[str, Export]:
    """Exports and the variants that can be made from them, by name."""
    found: dict[str, Export] = {}
    for export in exports:
        found[export.name] = export
        if export.int8 is not None:
            found[export.name + SUFFIX] = int8(export)
    return found


def int8(export: Export) -> Export:
    """The int8 form of an export that declares one.

    Raises:
        FamilyError: it declares none, or has no parity to be compared by.
    """
    if export.int8 is None or export.parity is None:
        raise FamilyError(
            f"export '{export.name}': expected it to declare int8, and the parity that it is "
            "compared by, found one missing. Declare both."
        )
    bounds = export.int8
    return Export(
        name=export.name + SUFFIX,
        source=export.source,
        of=export,
        make=partial(quantise, bounds.keep),
        options={"keep": bounds.keep},
        parity=replace(
            export.parity,
            absolute=bounds.absolute,
            relative=bounds.relative,
            following=bounds.following,
        ),
    )
