"""The export that several exports are merged into, and its comparison with them.

Each part is compared with its own source. The merged file is compared with the parts' files, run
one after the other on the first one's examples, within the bounds of the part that gives an output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from builders.errors import FamilyError
from builders.kit.export import Bound, Export, Parity
from builders.kit.onnx.files import load, save
from builders.kit.onnx.merging.merge import Part, merge
from builders.kit.onnx.session import make_session
from repository.arrays import Arrays

SUFFIX = ".fused"
"""The suffix of a merged export's name, behind that of the model that holds it."""

Plain = tuple[tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]], ...]
"""Of each part its file's name, and its inputs and outputs by the whole's tensors, as plain values
that a build's key can hold."""


@dataclass(frozen=True)
class Joined:
    """An export in a merged one.

    Attributes:
        export: the part.
        inputs: its input -> the whole's tensor that it reads.
        outputs: its output -> the whole's tensor that it writes.
    """

    export: Export
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


def merged(name: str, parts: Sequence[Joined], outputs: Sequence[str]) -> Export:
    """The export that is made of others.

    Args:
        name: of the model that will hold it.
        parts: in running order; all inputs of later parts are tensors of the earlier ones, or
            inputs of the first.
        outputs: the tensors that it gives.

    Raises:
        FamilyError: a part has no parity, or one that follows its own choices.
    """
    first = parts[0].export.parity
    parities: list[Parity] = []
    for part in parts:
        if part.export.parity is None or part.export.parity.following is not None:
            raise FamilyError(
                f"export '{part.export.name}': expected a parity with a reference, to merge it "
                "with others, found none. Leave it by itself."
            )
        parities.append(part.export.parity)
    assert first is not None
    plain: Plain = tuple(
        (
            part.export.name,
            tuple(sorted(part.inputs.items())),
            tuple(sorted(part.outputs.items())),
        )
        for part in parts
    )
    operators = tuple(dict.fromkeys(each for one in parities for each in one.operators))
    return Export(
        name=name + SUFFIX,
        source=parts[0].export.source,
        parts=tuple(part.export for part in parts),
        make=partial(_make, plain, tuple(outputs)),
        parity=Parity(
            reference=partial(_in_turn, plain, tuple(outputs), tuple(map(str, operators))),
            inputs=partial(_examples, tuple(sorted(parts[0].inputs.items())), first.inputs),
            absolute=_bounds(parts, parities, outputs, "absolute"),
            relative=_bounds(parts, parities, outputs, "relative"),
            data=first.data,
            given=first.given,
            operators=operators,
            fixed=tuple((parts[0].inputs[each], axis) for each, axis in first.fixed),
        ),
    )


def _bounds(
    parts: Sequence[Joined], parities: Sequence[Parity], outputs: Sequence[str], which: str
) -> Bound:
    """The bound of each output, as the part has it that gives it."""
    found: dict[str, float] = {}
    for part, parity in zip(parts, parities, strict=True):
        for own, whole in part.outputs.items():
            if whole in outputs:
                found[whole] = parity.bounds(own)[which == "relative"]
    return {name: bound for name, bound in found.items() if np.isfinite(bound)}


def _make(parts: Plain, outputs: tuple[str, ...], folder: Path, out: Path) -> Mapping[str, object]:
    made = merge(
        [Part(load(folder / name), dict(read), dict(written)) for name, read, written in parts],
        outputs,
    )
    save(made, out)
    return {"merged": [name for name, _, _ in parts], "nodes": len(made.graph.node)}


def _examples(
    names: tuple[tuple[str, str], ...], inputs: Callable[[], Sequence[Arrays]]
) -> Sequence[Arrays]:
    """The first part's examples, by the whole's names."""
    return [{whole: each[own] for own, whole in names} for each in inputs()]


def _in_turn(
    parts: Plain, outputs: tuple[str, ...], operators: tuple[str, ...], folder: Path, inputs: Arrays
) -> Arrays:
    """What the parts' files give, run one after the other."""
    tensors = dict(inputs)
    for name, read, written in parts:
        session = make_session(folder / name, operators=tuple(map(Path, operators)))
        wanted = [own for own, _ in written]
        found = session.run(wanted, {own: tensors[whole] for own, whole in read})
        tensors |= {
            whole: np.asarray(each) for (_, whole), each in zip(written, found, strict=True)
        }
    return {name: tensors[name] for name in outputs}
