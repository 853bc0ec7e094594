"""The export of an ONNX file: what makes it, and what it is compared with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from builders.kit.export import Bound, Export, Int8, Parity
from builders.kit.family import Conditions
from builders.kit.onnx.variants import int8
from builders.onnx.examples.compared import Examples, answer_of_source
from builders.onnx.file.reading import OnnxFile
from builders.onnx.options import OnnxModelOptions
from builders.onnx.served_file import make_file

_RELATIVE = {"FP16": 1e-2, "FP64": 1e-6}
"""How far the simplified graph may be from the source by an output's type; else 1e-4. One that is
farther is served as it is in the file."""


def export_of(
    name: str,
    file: OnnxFile,
    asked: OnnxModelOptions,
    given: tuple[Path, ...],
    operators: tuple[Path, ...],
    conditions: Conditions,
) -> Export:
    """The export of a model's file.

    Args:
        name: the model's.
        file: its source.
        asked: what the profile says of it.
        given: a user's own inputs.
        operators: libraries of custom operators.
        conditions: what it is made for.
    """
    optional = tuple(asked.optional_inputs)
    sizes = tuple((axis, tuple(each)) for axis, each in sorted(asked.sizes.items()))
    examples = Examples(file.path, given, operators)
    relative = {
        tensor.name: _RELATIVE.get(tensor.config_type.removeprefix("TYPE_"), 1e-4)
        for tensor in file.outputs
    }
    absolute: Bound = {} if asked.absolute is None else asked.absolute
    allowed: Bound = relative if asked.absolute is None else {}
    if asked.relative is not None:
        allowed = asked.relative
    parity = Parity(
        reference=partial(answer_of_source, operators, asked.file),
        inputs=partial(Examples.make, examples, sizes),
        absolute=absolute,
        relative=allowed,
        data=(*given, *operators),
        given=bool(given),
        operators=operators,
        fixed=tuple(_fixed(file, asked)),
    )
    made = Export(
        name=name,
        source=name,
        make=partial(
            make_file,
            parity,
            conditions.release.newest_opset,
            optional,
            asked.simplify,
            asked.max_batch_size > 0,
            asked.file,
        ),
        options={
            "newest_opset": conditions.release.newest_opset,
            "optional_inputs": optional,
            "simplify": asked.simplify,
            "file": asked.file,
            "batches": asked.max_batch_size > 0,
            "sizes": sizes,
            "absolute": absolute,
            "relative": allowed,
            "inputs": [os.fspath(each) for each in given],
        },
        parity=parity,
    )
    if asked.int8 is None:
        return made
    return int8(
        replace(
            made,
            int8=Int8(
                keep=tuple(asked.int8.keep),
                absolute={} if asked.int8.absolute is None else asked.int8.absolute,
                relative={} if asked.int8.relative is None else asked.int8.relative,
            ),
        )
    )


def _fixed(file: OnnxFile, asked: OnnxModelOptions) -> Iterator[tuple[str, int]]:
    """The axes for which the profile gives one size alone, as channels have; never the batch's."""
    single = {axis for axis, sizes in asked.sizes.items() if len(set(sizes)) == 1}
    for tensor in file.inputs:
        for index, axis in enumerate(tensor.axes):
            batch = asked.max_batch_size > 0 and index == 0
            if not batch and {axis, f"{tensor.name}.{index}"} & single:
                yield tensor.name, index
