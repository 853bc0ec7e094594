"""What the rules compare: the tensors of an ONNX graph and the entries of a model config.

Standard library only, as all that :mod:`.rules` imports.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Config = Mapping[str, Any]
"""A ``ModelConfig`` as a mapping with the proto's own field names.

Both forms are understood: Triton's JSON (``args["model_config"]``), which writes defaults out and
numbers as numbers, and protobuf's (``MessageToDict(..., preserving_proto_field_name=True)``), which
leaves defaults out and writes 64-bit numbers as strings.
"""

DYNAMIC = -1

ELEMENT_TYPES = {
    1: "float",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    8: "string",
    9: "bool",
    10: "float16",
    11: "double",
    12: "uint32",
    13: "uint64",
    14: "complex64",
    15: "complex128",
    16: "bfloat16",
    17: "float8e4m3fn",
    18: "float8e4m3fnuz",
    19: "float8e5m2",
    20: "float8e5m2fnuz",
    21: "uint4",
    22: "int4",
    23: "float4e2m1",
}
"""``onnx.TensorProto.DataType`` -> the name inside ONNX Runtime's ``tensor(...)``."""

CONFIG_TYPES = {
    "bool": "TYPE_BOOL",
    "uint8": "TYPE_UINT8",
    "uint16": "TYPE_UINT16",
    "uint32": "TYPE_UINT32",
    "uint64": "TYPE_UINT64",
    "int8": "TYPE_INT8",
    "int16": "TYPE_INT16",
    "int32": "TYPE_INT32",
    "int64": "TYPE_INT64",
    "float16": "TYPE_FP16",
    "float": "TYPE_FP32",
    "double": "TYPE_FP64",
    "string": "TYPE_STRING",
    "bfloat16": "TYPE_BF16",
}
"""ONNX Runtime's element type -> the ``data_type`` that a config gives it."""


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong, in words that stand after "expected" and "found".

    Attributes:
        rule: the rule's name, in kebab-case.
        tensor: the input or output meant; empty for the model as a whole.
        expected: what the backend asks for.
        found: what there is.
        remedy: how to mend it, as an imperative sentence.
    """

    rule: str
    tensor: str
    expected: str
    found: str
    remedy: str

    def __str__(self) -> str:
        place = f"tensor '{self.tensor}': " if self.tensor else ""
        return f"[{self.rule}] {place}expected {self.expected}, found {self.found}. {self.remedy}"


@dataclass(frozen=True)
class Rows:
    """What was found out about the first axis of an output.

    Attributes:
        batch: whether it is the batch.
        found: what it is, in words that stand after "found".
    """

    batch: bool
    found: str


@dataclass(frozen=True)
class OnnxTensor:
    """An input or output of an ONNX graph.

    Attributes:
        name: as in the graph.
        type: ONNX Runtime's type string, as ``tensor(float)`` or ``seq(tensor(int64))``.
        axes: each axis: its size, its symbolic name, or None if nothing is known. Empty both
            for a scalar and where the graph declares no shape: the backend does not tell them
            apart.
        rows: of an output, whether its first axis is the batch; None where only the axis' name
            tells. Of one without axes, not None says that it is a scalar.
    """

    name: str
    type: str
    axes: tuple[int | str | None, ...]
    rows: Rows | None = None

    @classmethod
    def of(cls, name: str, type: str | int, axes: Sequence[int | str | None]) -> OnnxTensor:
        """A tensor from ``session.get_inputs()`` or from an ONNX file.

        Args:
            name: as in the graph.
            type: ONNX Runtime's type string, or a member of ``onnx.TensorProto.DataType``.
            axes: sizes or names; None, an empty name or a negative size is an unknown one.
        """
        if isinstance(type, int):
            type = f"tensor({ELEMENT_TYPES.get(type, 'undefined')})"
        return cls(name, type, tuple(_axis(axis) for axis in axes))

    @property
    def is_tensor(self) -> bool:
        """Whether it is a dense tensor: not a sequence, map, optional or sparse tensor."""
        return self.type.startswith("tensor(")

    @property
    def element(self) -> str:
        """The element type, as ``float``; meaningless unless :attr:`is_tensor`."""
        return self.type.removeprefix("tensor(").removesuffix(")")

    @property
    def config_type(self) -> str:
        """The ``data_type`` that a config must give it; ``TYPE_INVALID`` if there is none."""
        return CONFIG_TYPES.get(self.element, "TYPE_INVALID") if self.is_tensor else "TYPE_INVALID"

    @property
    def shape(self) -> tuple[int, ...]:
        """All sizes; -1 for a dynamic axis."""
        return tuple(axis if isinstance(axis, int) else DYNAMIC for axis in self.axes)


def _axis(axis: int | str | None) -> int | str | None:
    if isinstance(axis, str):
        return axis or None
    return None if axis is None or axis < 0 else axis


@dataclass(frozen=True)
class OnnxGraph:
    """What a graph takes and gives.

    ONNX Runtime completes an output's declared shape by shape inference before the backend sees
    it. Without a session, ``onnx.shape_inference.infer_shapes`` gives the same.

    Attributes:
        inputs: the inputs without an initializer: those that every run needs.
        outputs: all outputs.
        initializers: inputs with an initializer, which a run may override (IR version 4 and up;
            before, an initializer is a constant and belongs nowhere here).
    """

    inputs: tuple[OnnxTensor, ...]
    outputs: tuple[OnnxTensor, ...]
    initializers: tuple[OnnxTensor, ...] = ()


def entries(config: Config, key: str) -> tuple[Config, ...]:
    """The members of a repeated field: ``input``, ``output``, ``batch_input`` …"""
    return tuple(config.get(key) or ())


def dims_of(entry: Config) -> tuple[int, ...]:
    """The dims that the model sees: those of ``reshape`` if there is one, else ``dims``."""
    reshape = entry.get("reshape")
    dims = entry.get("dims") if reshape is None else reshape.get("shape")
    return tuple(int(dim) for dim in dims or ())


def max_batch_size(config: Config) -> int:
    """``max_batch_size``; 0 if it is left out."""
    return int(config.get("max_batch_size") or 0)


def string_parameters(config: Config) -> dict[str, str]:
    """``parameters`` by key."""
    parameters = config.get("parameters") or {}
    return {key: str(value.get("string_value") or "") for key, value in parameters.items()}


def matched(config: Config, role: str, graph: OnnxGraph) -> list[tuple[Config, OnnxTensor]]:
    """The entries of a role whose tensor the graph has, each with that tensor."""
    tensors = graph.outputs if role == "output" else (*graph.inputs, *graph.initializers)
    by_name = {tensor.name: tensor for tensor in tensors}
    return [
        (entry, by_name[entry["name"]])
        for entry in entries(config, role)
        if entry.get("name") in by_name
    ]


def listed(names: Iterable[str]) -> str:
    """Names for a message, sorted."""
    return ", ".join(sorted(names)) or "there are none"
