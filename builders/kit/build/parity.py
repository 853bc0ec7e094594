"""An export compared with what it was made from, at shapes that the export never saw.

An exporter traces one example, and may take one of its sizes or branches for a constant. Its own
verification runs the same example again and cannot notice that. Another size can.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime import InferenceSession, NodeArg

from builders.errors import BuildersError
from builders.kit.export import Bound, Export, Parity
from builders.kit.onnx.session import make_session
from builders.kit.onnx.torch import no_export_meanwhile
from repository.arrays import Array, Arrays
from repository.onnx.content import OnnxError

MINIMUM_SHAPES = 3
"""The export's own shape and two that it never saw."""

Shapes = Mapping[str, tuple[int, ...]]


class ParityError(BuildersError):
    """An export that does not compute what its source does, or whose comparison proves nothing."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How far one output is from the reference, at one set of input shapes.

    Attributes:
        output: its name.
        inputs: input name -> shape.
        absolute: the largest absolute difference.
        relative: that, over the reference's largest magnitude; equal to ``absolute`` where the
            reference is all zeros.
    """

    output: str
    inputs: Shapes
    absolute: float
    relative: float


@dataclass(frozen=True, kw_only=True)
class ParityResult:
    """A comparison that passed.

    Attributes:
        export: the export's name.
        allowed_absolute: the bound on absolute differences, of all outputs or of each.
        allowed_relative: likewise on relative ones.
        differences: one for each output and shape, in the order of the examples.
    """

    export: str
    allowed_absolute: Bound
    allowed_relative: Bound
    differences: tuple[Difference, ...]

    @property
    def absolute(self) -> float:
        """The largest absolute difference of all."""
        return max(difference.absolute for difference in self.differences)

    @property
    def relative(self) -> float:
        """The largest relative difference of all."""
        return max(difference.relative for difference in self.differences)

    @property
    def allowed(self) -> str:
        """The bounds in words."""

        def words(bound: Bound) -> str:
            if isinstance(bound, Mapping):
                return ", ".join(f"{value:g} of {name}" for name, value in bound.items())
            return f"{bound:g}"

        return f"absolute {words(self.allowed_absolute)}, relative {words(self.allowed_relative)}"

    def facts(self) -> dict[str, Any]:
        """For the manifest, as JSON values."""
        return {"absolute": self.absolute, "relative": self.relative, **asdict(self)}


def compare(
    export: Export, checkpoint: Path, made: Path, *, family: str = "FAMILY"
) -> ParityResult:
    """Run a made ONNX file and its reference on every example, and hold them to the tolerance.

    Args:
        export: with its :class:`~builders.kit.family.Parity`.
        checkpoint: what it was made from.
        made: the ONNX file or directory.
        family: whose export it is, for the command that reproduces a failure.

    Raises:
        ParityError: a difference outside the tolerance; NaN or infinity in other places; inputs
            of NaN alone; an output missing, not compared, or of another shape or kind; fewer than
            three shapes, or a dynamic axis that always has one size and is not fixed.
    """
    parity = export.parity
    if parity is None:
        raise ParityError(f"export '{export.name}': expected a Parity to compare with, found none.")
    try:
        differences = compare_files(parity, checkpoint, made, subject=f"export '{export.name}', ")
    except ParityError as error:
        command = f"python -m builders parity {family} {export.name}"
        raise ParityError(f"{error}\nReproduce it with: {command}") from error
    return ParityResult(
        export=export.name,
        allowed_absolute=parity.absolute,
        allowed_relative=parity.relative,
        differences=differences,
    )


def compare_files(
    parity: Parity, checkpoint: Path, made: Path, *, subject: str = ""
) -> tuple[Difference, ...]:
    """The same for a file that is no export.

    Args:
        parity: the examples, the reference and the tolerance.
        checkpoint: what it was made from.
        made: the ONNX file or directory.
        subject: words before each problem.

    Returns:
        The differences, one for each output and shape, in the order of the examples.

    Raises:
        ParityError: as :func:`compare`.
    """
    examples = parity.inputs()
    try:
        session = make_session(made, operators=parity.operators)
        problems = _check_examples(session.get_inputs(), examples, parity)
        names = [output.name for output in session.get_outputs()]
        differences: list[Difference] = []
        for number, inputs in enumerate([] if problems else examples, 1):
            if _only_nan(inputs):
                problems.append(
                    f"example {number}, inputs {_text(inputs)}: expected numbers, found NaN alone, "
                    "which compares nothing. Give other inputs."
                )
                continue
            found = _run(session, names, inputs)
            with no_export_meanwhile():
                expected = parity.expected(checkpoint, inputs, found)
            problems += _compare_one(parity, inputs, expected, found, differences)
    except OnnxError as error:
        problems = [str(error)]
    if problems:
        raise ParityError("\n".join(f"{subject}{problem}" for problem in problems))
    return tuple(differences)


def _shapes(inputs: Arrays) -> dict[str, tuple[int, ...]]:
    return {name: tuple(array.shape) for name, array in inputs.items()}


def _text(inputs: Arrays) -> str:
    return ", ".join(f"{name} {list(shape)}" for name, shape in _shapes(inputs).items())


def _check_examples(
    wanted: Sequence[NodeArg], examples: Sequence[Arrays], parity: Parity
) -> list[str]:
    """Why these examples would prove too little, given onnxruntime's description of the inputs."""
    names = {value.name for value in wanted}
    for inputs in examples:
        if set(inputs) != names:
            return [
                f"its examples: expected inputs {', '.join(sorted(names))}, found "
                f"{', '.join(sorted(inputs)) or 'none'}."
            ]
    if parity.given and examples:
        return []
    problems = []
    texts = [_text(inputs) for inputs in examples]
    repeated = sorted({text for text in texts if texts.count(text) > 1})
    if repeated:
        problems.append(f"its examples: expected different shapes, found {repeated[0]} twice.")
    dynamic = [
        (value.name, axis)
        for value in wanted
        for axis, size in enumerate(value.shape)
        if not isinstance(size, int)
    ]
    if len(set(texts)) < MINIMUM_SHAPES and (dynamic or not examples):
        problems.append(
            f"its examples: expected its own shape and at least {MINIMUM_SHAPES - 1} unseen ones, "
            f"found {len(set(texts))} shapes in all."
        )
    for name, axis in dynamic:
        sizes = {inputs[name].shape[axis] for inputs in examples if axis < inputs[name].ndim}
        if len(sizes) == 1 and (name, axis) not in parity.fixed:
            problems.append(
                f"its examples: expected several sizes of the dynamic axis {axis} of '{name}', "
                f"found only {sizes.pop()}. Vary it, or export it fixed."
            )
    return problems


def _run(session: InferenceSession, names: Sequence[str], inputs: Arrays) -> dict[str, Array]:
    try:
        values = session.run(names, dict(inputs))
    except Exception as error:  # onnxruntime's exceptions have no common base but this
        reason = str(error).strip().splitlines()[0]
        raise OnnxError(f"inputs {_text(inputs)}: onnxruntime failed: {reason}") from error
    return dict(zip(names, map(np.asarray, values), strict=True))


def _compare_one(
    parity: Parity,
    inputs: Arrays,
    expected: Arrays,
    found: Arrays,
    differences: list[Difference],
) -> Iterable[str]:
    """Append the differences at one example; yield what is wrong with them."""
    where = f"inputs {_text(inputs)}"
    for name in sorted(expected.keys() - found.keys()):
        yield f"{where}: expected an output '{name}', found {', '.join(found)}."
    for name in sorted(found.keys() - expected.keys()):
        yield f"{where}: output '{name}' has no reference to be compared with."
    for name in (name for name in found if name in expected):
        place = f"output '{name}', {where}"
        reference = np.asarray(expected[name])
        problem = _incomparable(reference, found[name])
        if problem:
            yield f"{place}: {problem}"
            continue
        difference = _difference(name, _shapes(inputs), reference, found[name])
        differences.append(difference)
        absolute, relative = parity.bounds(name)
        if difference.absolute > absolute or difference.relative > relative:
            yield (
                f"{place}: allowed {absolute:g} absolute and {relative:g} relative, "
                f"found {difference.absolute:.3g} and {difference.relative:.3g}."
            )
        elif math.isinf(absolute) and math.isinf(relative) and _kind(reference) == "real numbers":
            yield f"{place}: expected a bound, found none. Name it in Parity.absolute."


def _only_nan(inputs: Arrays) -> bool:
    """Whether there are values, and no other than NaN."""
    arrays = [array for array in map(np.asarray, inputs.values()) if array.size]
    return bool(arrays) and all(
        _kind(array) == "real numbers" and np.isnan(array).all() for array in arrays
    )


def _incomparable(expected: Array, found: Array) -> str:
    """Why two arrays have no finite difference; empty if they have one."""
    if expected.shape != found.shape:
        return f"expected the shape {list(expected.shape)}, found {list(found.shape)}."
    kinds = [_kind(expected), _kind(found)]
    if kinds[0] != kinds[1]:
        return f"expected {kinds[0]} ({expected.dtype}), found {kinds[1]} ({found.dtype})."
    if kinds[0] == "text":
        unequal = int(np.count_nonzero(expected.astype(str) != found.astype(str)))
        return f"expected equal texts, found {unequal} different ones." if unequal else ""
    if kinds[0] in ("integers", "truth values"):
        unequal = int(np.count_nonzero(expected != found))
        if unequal:
            return f"expected equal {kinds[0]}, found {unequal} of {found.size} to be others."
    if kinds[0] == "real numbers":
        special = ~np.isfinite(expected) | ~np.isfinite(found)
        same = np.array_equal(expected[special], found[special], equal_nan=True)
        if not same:
            return (
                f"expected {int(np.count_nonzero(~np.isfinite(expected)))} NaN or infinite values, "
                f"found {int(np.count_nonzero(~np.isfinite(found)))}, or in other places."
            )
    return ""


def _kind(array: Array) -> str:
    kinds = {"b": "truth values", "i": "integers", "u": "integers", "f": "real numbers"}
    return kinds.get(array.dtype.kind, "text")


def _difference(name: str, shapes: Shapes, expected: Array, found: Array) -> Difference:
    absolute = relative = 0.0
    if _kind(expected) != "text":
        finite = np.isfinite(expected.astype(np.float64))
        reference = expected.astype(np.float64)[finite]
        if reference.size:
            absolute = float(np.max(np.abs(found.astype(np.float64)[finite] - reference)))
            largest = float(np.max(np.abs(reference)))
            relative = absolute / largest if largest else absolute
    return Difference(output=name, inputs=shapes, absolute=absolute, relative=relative)
