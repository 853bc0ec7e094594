"""Inputs made up from a file's own shapes, to compare what is made of it with itself."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from builders.kit.onnx.session import make_session, reason
from builders.onnx.examples.categories import categories, with_categories
from builders.onnx.examples.ranges import index_limits, tree_inputs
from builders.onnx.file.reading import OnnxFile
from repository.arrays import Array, Arrays, DType
from repository.findings import shortened
from repository.onnx.content import OnnxError
from repository.onnxruntime_rules.facts import OnnxTensor

Sizes = Mapping[str, Sequence[int]]
"""Dynamic axis -> its size in each example."""

EXAMPLES = 3
"""How many for a file with dynamic axes; without dynamic axes one is enough."""


@dataclass(frozen=True)
class _Scheme:
    """Sizes that files accept: of first axes, of others, and by how much others are apart."""

    first: tuple[int, int, int]
    other: tuple[int, int, int]
    apart: int


_SCHEMES = (
    _Scheme((2, 3, 1), (7, 12, 5), 2),
    _Scheme((2, 3, 1), (8, 12, 6), 0),
    _Scheme((2, 3, 1), (64, 96, 32), 32),
    _Scheme((2, 3, 1), (64, 96, 32), 0),
    _Scheme((2, 3, 1), (16, 24, 8), 0),
    _Scheme((2, 3, 1), (2, 3, 1), 0),
    _Scheme((2, 3, 1), (128, 192, 160), 0),
    _Scheme((2, 3, 1), (224, 288, 256), 0),
    _Scheme((2, 3, 1), (1600, 2400, 3200), 0),
    _Scheme((64, 96, 32), (7, 12, 5), 2),
    _Scheme((1600, 2400, 3200), (7, 12, 5), 2),
)
"""What is tried in turn: an image model may want multiples of 32, and sound is long."""

_MOST_ELEMENTS = 1 << 26
"""Of one example: 512 MiB as they are drawn. A file whose axes are all dynamic, channels too, would
otherwise be tried with more than fits in memory."""


def made_up(file: OnnxFile, sizes: Sizes, operators: Sequence[Path] = ()) -> list[Arrays]:
    """Inputs that the file accepts: three of different sizes, or one if it has no dynamic axis.

    Args:
        file: the source.
        sizes: what the profile says of axes; others are tried out.
        operators: libraries of custom operators.

    Raises:
        OnnxError: it accepts none of those that were tried.
    """
    symbols = axes_of(file)
    session = make_session(file.path, operators=operators)
    weak: list[Arrays] | None = None
    reasons: dict[str, None] = {}
    for scheme in _SCHEMES if symbols else _SCHEMES[:1]:
        shapes = [_shapes(file, symbols, sizes, scheme, number) for number in range(EXAMPLES)]
        shapes = shapes if symbols else shapes[:1]
        most = max(_elements(each) for each in shapes)
        if most > _MOST_ELEMENTS:
            reasons[f"inputs of more than {_MOST_ELEMENTS:,} elements, the most made"] = None
            continue
        examples: list[Arrays] = [
            inputs_of(file, each, number) for number, each in enumerate(shapes)
        ]
        try:
            answers = [session.run(None, dict(each)) for each in examples]
        except Exception as error:  # onnxruntime's exceptions have no common base but this
            reasons[shortened(reason(error), 200)] = None
            continue
        if all(np.asarray(value).size for answer in answers for value in answer):
            return examples
        weak = weak or examples
    if weak is not None:
        return weak
    raise OnnxError(
        f"{file.path}: expected it to run on inputs made from its shapes, found: "
        f"{'; '.join(list(reasons)[:2])}. Give files of its real inputs, inputs: [path:FILE.npz], "
        "or the sizes that its axes can have, sizes: {AXIS: [SIZE, SIZE, SIZE]}."
    )


def names_of_axes(file: OnnxFile) -> list[str]:
    """What a profile may call the dynamic axes of the inputs: their names, and ``input.0``."""
    own = [_own(tensor, index) for tensor, index, _ in _dynamic(file)]
    return list(dict.fromkeys([*axes_of(file), *own]))


def axes_of(file: OnnxFile) -> dict[str, bool]:
    """The inputs' dynamic axes -> whether each is an input's first.

    A sum of other axes does not count.
    """
    found: dict[str, bool] = {}
    for tensor, index, axis in _dynamic(file):
        for part in _parts(axis) or [_own(tensor, index)]:
            found[part] = found.get(part, False) or index == 0
    return found


def _dynamic(file: OnnxFile) -> Iterator[tuple[OnnxTensor, int, str]]:
    for tensor in file.inputs:
        for index, axis in enumerate(tensor.axes):
            if not isinstance(axis, int):
                yield tensor, index, axis or ""


def _own(tensor: OnnxTensor, index: int) -> str:
    return f"{tensor.name}.{index}"


def _parts(axis: str) -> list[str]:
    """The axes that a name is the sum of, as in ``past + 1``."""
    parts = [part.strip() for part in axis.split("+")]
    return [part for part in parts if part and not part.isdecimal()]


def _shapes(
    file: OnnxFile, symbols: Mapping[str, bool], sizes: Sizes, scheme: _Scheme, number: int
) -> dict[str, list[int]]:
    others = [name for name, first in symbols.items() if not first]
    chosen = {
        name: scheme.first[number]
        if first
        else scheme.other[number] + scheme.apart * others.index(name)
        for name, first in symbols.items()
    }
    chosen |= {name: each[number % len(each)] for name, each in sizes.items()}
    return {
        tensor.name: [_size(tensor, index, chosen) for index in range(len(tensor.axes))]
        for tensor in file.inputs
    }


def _elements(shapes: Mapping[str, Sequence[int]]) -> int:
    return sum(math.prod(each) for each in shapes.values())


def inputs_of(
    file: OnnxFile, shapes: Mapping[str, Sequence[int]], number: int = 0
) -> dict[str, Array]:
    """Inputs that the file is likely to take.

    Args:
        file: their types, and the integers and categories that they may hold.
        shapes: by input, all sizes.
        number: another gives other values.
    """
    limits = index_limits(file.model)
    features = tree_inputs(file.model.graph)
    known = categories(file.model)
    made: dict[str, Array] = {}
    for tensor in file.inputs:
        limit = limits.get(tensor.name, 10 if tensor.name in features else 0)
        random = np.random.default_rng([number, zlib.crc32(tensor.name.encode())])
        array = values(tensor, shapes[tensor.name], limit, random)
        made[tensor.name] = with_categories(array, known.get(tensor.name, {}), random)
    return made


def _size(tensor: OnnxTensor, index: int, chosen: Mapping[str, int]) -> int:
    axis = tensor.axes[index]
    if isinstance(axis, int):
        return axis
    own = _own(tensor, index)
    if axis is None or own in chosen:
        return chosen[own]
    if axis in chosen:
        return chosen[axis]
    numbers = [int(each) for each in re.findall(r"\b\d+\b", axis)]
    return sum(chosen[part] for part in _parts(axis)) + sum(numbers)


def values(
    tensor: OnnxTensor, shape: Sequence[int], limit: int, random: np.random.Generator
) -> Array:
    """Values that a model is likely to take.

    Args:
        tensor: its type counts.
        shape: all sizes.
        limit: integers lie below it; 0 if nothing is known, and then a mask or a flag is likely.
        random: draws them.
    """
    dtype = DType.from_config(tensor.config_type)
    match dtype:
        case DType.BYTES:
            words = np.array(["alpha", "beta", "gamma 7", "δέλτα", ""], np.object_)
            return random.choice(words, shape)
        case DType.BOOL:
            return np.asarray(random.integers(0, 2, shape), np.bool_)
        case DType.FP16 | DType.FP32 | DType.FP64:
            return np.asarray(random.standard_normal(shape), dtype.numpy)
        case DType.UINT8 | DType.INT8 if not limit:
            least = -128 if dtype is DType.INT8 else 0
            return np.asarray(random.integers(least, least + 256, shape), dtype.numpy)
        case _:
            return np.asarray(random.integers(0, limit or 2, shape), dtype.numpy)
