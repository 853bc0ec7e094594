"""The values that an input may hold: encoders of categories refuse all but the ones they know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from onnx import ModelProto, NodeProto, numpy_helper

from repository.arrays import Array

Categories = dict[int | None, tuple[object, ...]]
"""The column of an input, or None for all of it -> the values that it may hold."""

_LISTS = {
    "OneHotEncoder": ("cats_strings", "cats_int64s"),
    "CategoryMapper": ("cats_strings", "cats_int64s"),
    "LabelEncoder": ("keys_strings", "keys_int64s", "classes_strings"),
}
"""Operators of ai.onnx.ml, and their attributes with the values that they know."""

_PASSING = {"Cast", "Concat", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"}
_PICKING = {"ArrayFeatureExtractor", "Gather"}


def categories(model: ModelProto) -> dict[str, Categories]:
    """Input -> what its values have to be, where that is known."""
    nodes = {output: node for node in model.graph.node for output in node.output}
    inputs = {value.name for value in model.graph.input}
    columns = {
        tensor.name: numpy_helper.to_array(tensor).ravel().tolist()
        for tensor in model.graph.initializer
        if len(tensor.dims) <= 1 and tensor.ByteSize() < 1024
    }
    found: dict[str, Categories] = {}
    for node in model.graph.node:
        values = _values(node)
        for name, column in _sources(node, nodes, columns) if values else ():
            if name in inputs:
                found.setdefault(name, {}).setdefault(column, values)
    return found


def _values(node: NodeProto) -> tuple[object, ...]:
    names = _LISTS.get(node.op_type, ()) if node.domain == "ai.onnx.ml" else ()
    for attribute in node.attribute:
        if attribute.name in names and (attribute.strings or attribute.ints):
            texts = [each.decode("utf-8", "replace") for each in attribute.strings]
            return (*texts, *attribute.ints)
    return ()


def _sources(
    node: NodeProto, nodes: dict[str, NodeProto], columns: dict[str, list[int]]
) -> Iterator[tuple[str, int | None]]:
    """The tensors that a node's values come from, each with its column, or None."""
    waiting: list[tuple[str, int | None]] = [(node.input[0], None)]
    seen = set(waiting)
    while waiting:
        name, column = waiting.pop()
        yield name, column
        before = nodes.get(name)
        fresh: list[tuple[str, int | None]] = []
        if before is not None and before.op_type in _PASSING:
            fresh = [(each, column) for each in before.input]
        elif before is not None and before.op_type in _PICKING:
            picked = columns.get(before.input[1], [])
            fresh = [(before.input[0], int(picked[0]) if len(picked) == 1 else None)]
        waiting += [each for each in fresh if each not in seen]
        seen.update(fresh)


def with_categories(array: Array, known: Categories, random: np.random.Generator) -> Array:
    """An array whose values are changed to known ones.

    Args:
        array: of any type.
        known: the values, by column.
        random: draws them.
    """
    made = np.array(array)
    for column, values in known.items():
        if column is None:
            made[...] = _drawn(values, made.shape, made.dtype, random)
        elif made.ndim and column < made.shape[-1]:
            made[..., column] = _drawn(values, made.shape[:-1], made.dtype, random)
    return made


def _drawn(
    values: Sequence[object],
    shape: tuple[int, ...],
    dtype: np.dtype[np.generic],
    random: np.random.Generator,
) -> Array:
    listed = np.empty(len(values), np.object_)
    listed[:] = values
    return random.choice(listed, shape).astype(dtype)
