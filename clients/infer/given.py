"""From what somebody wrote to the inputs of a request, every mistake told at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clients.infer.errors import InputsError
from clients.infer.fit import Misfit, fitted
from clients.infer.random_inputs import random_array
from clients.infer.served import ServedModel
from clients.infer.value import read_value
from repository.arrays import Array
from repository.files.bounded_file import Unreadable
from repository.files.npz_file import read_arrays
from repository.findings import Finding, finding_of, shortened
from repository.usage.tensors import ServedTensor

_SHAPE = re.compile(r"[0-9]{1,18}( *[,x] *[0-9]{1,18})*")

MOST_ELEMENTS = 1 << 28
"""Of a random input: 1 GiB of FP32, half of what gRPC sends."""


class _Inputs:
    """The inputs of one request, and the mistakes in them.

    Args:
        model: what takes them.
    """

    def __init__(self, model: ServedModel) -> None:
        self.model = model
        self.values: dict[str, object] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.findings: list[Finding] = []

    def refuse(self, name: str, expected: str, found: str, remedy: str, *by: str) -> None:
        where = f"model '{self.model.name}'"
        self.findings.append(
            finding_of("model-input", where, expected, found, remedy, by, tensor=shortened(name))
        )

    def split(self, text: str) -> tuple[str, str] | None:
        """The name and the value of ``NAME=VALUE``; a name may have a ``=`` of its own."""
        names = sorted((each.name for each in self.model.inputs), key=len, reverse=True)
        for name in names:
            if text.startswith(f"{name}="):
                return name, text[len(name) + 1 :]
        name, sign, value = text.partition("=")
        return (name, value) if sign and name else None

    def is_new(self, name: str, there: object, what: str) -> bool:
        """Whether the model has such an input, which was not given before."""
        names = [each.name for each in self.model.inputs]
        if name not in names:
            close = difflib.get_close_matches(name, names, 1)
            remedy = f"Did you mean '{close[0]}'?" if close else "Correct the name."
            self.refuse(name, f"an input of the model: {', '.join(names)}", "no such", remedy)
            return False
        if name in (there if isinstance(there, dict) else {}):
            self.refuse(name, f"one {what}", "several", "Leave out all but one.")
            return False
        return True

    def take(self, text: str) -> None:
        """Takes an input as it was written."""
        try:
            if text.endswith(".npz") and self.split(text) is None:
                for name, array in read_arrays(Path(text)).items():
                    if self.is_new(name, self.values, "value"):
                        self.values[name] = array
                return
            parts = self.split(text)
            if parts is None:
                self.refuse(
                    text, "NAME=VALUE, as x=data.npy, or a file FILE.npz", f"'{shortened(text)}'",
                    "Write the input's name and = before it.", "inputs",
                )  # fmt: skip
            elif self.is_new(parts[0], self.values, "value"):
                self.values[parts[0]] = None
                self.values[parts[0]] = read_value(parts[1])
        except Unreadable as problem:
            self.refuse(
                (self.split(text) or (text, ""))[0], problem.expected, problem.found,
                f"Correct {problem.where}.",
            )  # fmt: skip

    def take_shape(self, text: str) -> None:
        """Takes a shape as it was written."""
        name, value = self.split(text) or (text, "")
        if not _SHAPE.fullmatch(value.strip()):
            self.refuse(
                name, "NAME=SIZE,SIZE…, as x=2,3", f"'{shortened(text)}'", "Correct it.", "shapes"
            )
        elif self.is_new(name, self.shapes, "shape"):
            self.shapes[name] = tuple(int(size) for size in re.split("[,x]", value))

    def array(self, tensor: ServedTensor, random: np.random.Generator | None) -> Array | None:
        """The array of an input; None if it may be left out, or was refused."""
        given, shape = self.values.get(tensor.name), self.shapes.get(tensor.name)
        wanted = tensor.shape if shape is None else shape
        if len(wanted) != len(tensor.shape) or any(
            fixed not in (-1, size) for fixed, size in zip(tensor.shape, wanted, strict=True)
        ):
            self.refuse(
                tensor.name, f"a shape like {list(tensor.shape)}, where -1 is any size",
                str(list(wanted)), "Correct the shape.", "shapes",
            )  # fmt: skip
            return None
        if tensor.name in self.values:
            return None if given is None else self._fitted(tensor, given, wanted)
        if tensor.optional and shape is None:
            return None
        if random is None:
            self.refuse(
                tensor.name, f"{tensor}", "no value",
                "Give one, or ask for random values.", "inputs", "seed",
            )  # fmt: skip
            return None
        sizes = tuple(1 if size < 0 else size for size in wanted)
        if np.prod(sizes, dtype=float) > MOST_ELEMENTS:
            self.refuse(
                tensor.name, f"at most {MOST_ELEMENTS:,} random values", str(list(sizes)),
                "Give a smaller shape.", "shapes",
            )  # fmt: skip
            return None
        return random_array(tensor, sizes, random)

    def _fitted(self, tensor: ServedTensor, given: object, shape: tuple[int, ...]) -> Array | None:
        try:
            return fitted(tensor, given, shape)
        except Misfit as problem:
            self.refuse(tensor.name, problem.expected, problem.found, problem.remedy)
            return None


def read_inputs(
    model: ServedModel,
    inputs: Sequence[str],
    *,
    shapes: Sequence[str] = (),
    seed: int | None = None,
) -> dict[str, Array]:
    """The inputs of a request.

    Args:
        model: what takes them.
        inputs: each ``NAME=VALUE``, where the value is JSON or the name of a file (``.npy``,
            ``.json``, or bytes), or a file ``.npz`` with inputs by their names.
        shapes: each ``NAME=2,3``: the sizes of an input that is random or a file of bytes.
        seed: of random values for what is not given and not optional; None makes none. A size that
            is not given is 1.

    Returns:
        Arrays by name: texts are bytes in arrays of objects, and BF16 is float32.

    Raises:
        InputsError: the model does not take a value, a shape or a name, or an input is missing.
    """
    read = _Inputs(model)
    for text in inputs:
        read.take(text)
    for text in shapes:
        read.take_shape(text)
    random = None if seed is None else np.random.default_rng(seed)
    found = {each.name: read.array(each, random) for each in model.inputs}
    if read.findings:
        raise InputsError(read.findings)
    return {name: array for name, array in found.items() if array is not None}
