"""What an ONNX file says about itself, and why it could not be served; read, not run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from onnx import ModelProto, ValueInfoProto

from builders.kit.graph import BATCH, DYNAMIC, Tensor
from builders.kit.onnx.files import MODEL_FILE
from builders.kit.sources.error import SourceError, told
from builders.onnx.file.other_formats import refuse_other_formats
from repository.arrays import DType
from repository.files.reading import is_file
from repository.findings import shortened
from repository.onnx.content import check_text
from repository.onnx.header import OnnxHeader, OnnxUnreadable, read_header
from repository.onnx.walk import graphs, nodes, opset
from repository.onnxruntime_rules.facts import OnnxTensor

ORDINARY = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Domains whose operators every onnxruntime has."""


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX file, its weights unread.

    Attributes:
        path: the file.
        header: what it says about itself.
    """

    path: Path
    header: OnnxHeader

    @property
    def model(self) -> ModelProto:
        """Its graph."""
        return self.header.model

    @property
    def inputs(self) -> tuple[OnnxTensor, ...]:
        """The inputs that every run needs."""
        return self.header.graph.inputs

    @property
    def optional(self) -> tuple[OnnxTensor, ...]:
        """The inputs that have a default value."""
        return self.header.graph.initializers

    @property
    def outputs(self) -> tuple[OnnxTensor, ...]:
        """The outputs, their shapes completed by inference."""
        return self.header.graph.outputs

    @property
    def custom_operators(self) -> tuple[str, ...]:
        """``domain.Operator`` of each that no onnxruntime has by itself, sorted."""
        own = {(each.domain, each.name) for each in self.model.functions}
        return tuple(
            sorted(
                {
                    f"{node.domain}.{node.op_type}"
                    for node in nodes(self.model)
                    if node.domain not in ORDINARY and (node.domain, node.op_type) not in own
                }
            )
        )

    @property
    def domains(self) -> dict[str, int]:
        """Operator domain -> its version; the default one is ``ai.onnx``."""
        return {entry.domain or "ai.onnx": int(entry.version) for entry in self.model.opset_import}

    @property
    def opset(self) -> int:
        """Of the default domain; 0 if it imports none."""
        return opset(self.model)

    @property
    def unsimplified(self) -> str:
        """Why its graph is served as it is; empty if it may be simplified."""
        if not self.opset:
            return "it has no operators of the domain ai.onnx"
        if any(node.domain == "ai.onnx.ml" for node in nodes(self.model)):
            return "it has operators of the domain ai.onnx.ml"
        if self.custom_operators:
            return "it has custom operators"
        if sum(1 for _ in graphs(self.model)) > 1:
            return "it has control flow"
        if self.model.functions:
            return "it has functions"
        if self.model.graph.sparse_initializer:
            return "it has sparse weights"
        return "it has more than 2 GB" if self.size > _MOST else ""

    @property
    def size(self) -> int:
        """Bytes of the file and of those beside it that are there."""
        files = (self.path, *(self.path.parent / name for name in self.sidecars))
        return sum(each.stat().st_size for each in files if is_file(each))

    @property
    def sidecars(self) -> tuple[str, ...]:
        """The files beside it that hold weights, by their path from its folder."""
        found = {
            entry.value
            for tensor in self.header.external
            for entry in tensor.external_data
            if entry.key == "location"
        }
        return tuple(sorted(found))

    def has_shape(self, tensor: OnnxTensor) -> bool:
        """Whether a tensor's number of axes is known; a scalar's is."""
        if tensor.axes or not tensor.is_tensor:
            return True
        values: Iterable[ValueInfoProto] = (*self.model.graph.input, *self.model.graph.output)
        return any(
            value.type.tensor_type.HasField("shape")
            for value in values
            if value.name == tensor.name
        )


_MOST = 1_900_000_000
"""The most bytes of a model that is loaded in one piece: protobuf ends at 2 GiB."""


def read_file(path: Path, inside: str = "") -> OnnxFile:
    """Read an ONNX file's graph.

    Args:
        path: the file, or a folder with one.
        inside: its path in that folder; empty for the only one there, or ``model.onnx``.

    Raises:
        SourceError: it is not an ONNX file, and the message says what it is, if that is known; or
            the folder has none, or several.
        OnnxError: a name is no UTF-8.
    """
    file = locate(path, inside)
    refuse_other_formats(file)
    try:
        with told():
            header = read_header(file)
    except OnnxUnreadable as error:
        raise SourceError(
            f"{file}: expected an ONNX model, found another file: {error}. Fetch or export it "
            "again."
        ) from None
    check_text(file, header.model)
    return OnnxFile(file, header)


def locate(path: Path, inside: str) -> Path:
    """The ONNX file of a source.

    Args:
        path: the file, or a folder with one.
        inside: as in :func:`read_file`.

    Raises:
        SourceError: there is none, or none of that name, or several.
    """
    if not path.is_dir():
        if inside:
            raise SourceError(
                f"{path}: expected a folder, as file: is '{inside}', found a file. Remove file:."
            )
        return path
    there = sorted(each.relative_to(path).as_posix() for each in path.rglob("*.onnx"))
    beside = [name for name in there if "/" not in name]
    if inside in there:
        return path / inside
    if not inside and (len(beside) == 1 or MODEL_FILE in beside):
        return path / (MODEL_FILE if MODEL_FILE in beside else beside[0])
    if not there and not inside:
        raise SourceError(
            f"{path}: expected a folder with an ONNX file, found none. Export the checkpoint to "
            "ONNX (optimum-cli export onnx), or build it with a family that knows it: "
            "the command wrap says which."
        )
    expected = f"'{inside}'" if inside else "one ONNX file"
    raise SourceError(
        f"{path}: expected {expected}, found "
        f"{shortened(', '.join(there), 300) or 'no ONNX file'}. Name one of them, as "
        "file: onnx/model.onnx beside source:."
    )


def tensors_of(
    tensors: Iterable[OnnxTensor], *, batching: bool, optional: bool = False
) -> Iterator[Tensor]:
    """Tensors of the graph as a model declares them.

    Args:
        tensors: of types that a config has.
        batching: the first axis is the batch.
        optional: requests may leave them out.
    """
    for tensor in tensors:
        dtype = DType.from_config(tensor.config_type)
        yield Tensor(tensor.name, dtype, _axes(tensor, batching), optional)


def _axes(tensor: OnnxTensor, batching: bool) -> dict[str, int]:
    """Axes named by the file's symbols, or by tensor and place; a scalar has one axis of 1."""
    axes: dict[str, int] = {}
    for index, axis in enumerate(tensor.axes):
        if batching and index == 0:
            axes[BATCH] = DYNAMIC
        elif isinstance(axis, str) and axis not in axes and not (batching and axis == BATCH):
            axes[axis] = DYNAMIC
        else:
            axes[f"{tensor.name}.{index}"] = axis if isinstance(axis, int) else DYNAMIC
    return axes or {f"{tensor.name}.0": 1}
