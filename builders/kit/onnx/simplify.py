"""Opset conversion, simplification, and both as one normalisation of an imported model."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import onnx
from onnx import ModelProto

from builders.kit.onnx.files import lower_ir_version
from builders.kit.onnx.rename import drop_overridable_initialisers, rename
from builders.kit.onnx.weights import flush_subnormals
from repository.onnx.content import OnnxError
from repository.onnx.walk import opset

OLDEST_OPSET = 7
"""The oldest opset that onnxruntime promises to run (its compatibility table)."""

_onnxslim = threading.Lock()
"""onnxslim keeps state in its modules: two threads at once give other graphs than a single one."""


@dataclass(frozen=True, kw_only=True)
class Normalised:
    """What :func:`normalise` changed.

    Attributes:
        opset_found: of the default domain, as imported.
        opset: as it is now.
        nodes_found: nodes of the main graph, as imported.
        nodes: as they are now.
        subnormals_flushed: weights set to zero.
    """

    opset_found: int
    opset: int
    nodes_found: int
    nodes: int
    subnormals_flushed: int

    def facts(self) -> dict[str, object]:
        """For the manifest, as JSON values."""
        return asdict(self)


def normalise(
    model: ModelProto,
    *,
    newest_opset: int,
    inputs: Mapping[str, str] | None = None,
    outputs: Mapping[str, str] | None = None,
    axes: Mapping[str, Mapping[int, str]] | None = None,
) -> tuple[ModelProto, Normalised]:
    """Bring an imported model into the form that the kit serves.

    Weights that are listed as inputs become constants, the opset comes into the target's range,
    names are given (:func:`~builders.kit.onnx.rename.rename`), the graph is simplified, and last,
    because folding constants makes new ones, subnormal weights are flushed.

    Args:
        model: may be changed; use the returned one.
        newest_opset: the newest that the target's onnxruntime loads.
        inputs: old name -> new name.
        outputs: old name -> new name.
        axes: input or output (new name) -> axis index -> name.

    Raises:
        OnnxError: as the parts.
    """
    found, nodes_found = opset(model), len(model.graph.node)
    drop_overridable_initialisers(model)
    model = convert_opset(model, newest=newest_opset)
    lower_ir_version(model)
    rename(model, inputs=inputs, outputs=outputs, axes=axes)
    model = simplify(model)
    flushed = flush_subnormals(model)
    return model, Normalised(
        opset_found=found,
        opset=opset(model),
        nodes_found=nodes_found,
        nodes=len(model.graph.node),
        subnormals_flushed=flushed,
    )


def convert_opset(model: ModelProto, *, newest: int, oldest: int = OLDEST_OPSET) -> ModelProto:
    """The model in an opset from ``oldest`` to ``newest``; itself if it is there already.

    Raises:
        OnnxError: the converter of the onnx package cannot do it.
    """
    found = opset(model)
    if oldest <= found <= newest:
        return model
    target = min(max(found, oldest), newest)
    try:
        converted = onnx.version_converter.convert_version(model, target)
        onnx.checker.check_model(converted)
    except Exception as error:  # its C++ parts throw of every kind
        reason = str(error).strip().splitlines()[0]
        raise OnnxError(
            f"expected opset {oldest} to {newest}, found {found}, and converting it to {target} "
            f"failed: {reason}. Export it again with opset {target}."
        ) from error
    # The converter's own representation has no place for these.
    del converted.metadata_props[:]
    converted.metadata_props.extend(model.metadata_props)
    return converted


def simplify(model: ModelProto) -> ModelProto:
    """The same function with fewer nodes, by onnxslim: constants folded, identities removed.

    Inputs, outputs and metadata stay as they are. The argument is left alone.

    Raises:
        OnnxError: onnxslim failed, or changed inputs or outputs.
    """
    import onnxslim  # it imports sympy, which takes as long as everything else here

    work = ModelProto()
    work.CopyFrom(model)
    try:
        with _onnxslim:
            slim: ModelProto = onnxslim.slim(work)
    except Exception as error:  # onnxslim raises whatever its passes run into
        raise OnnxError(
            f"onnxslim could not simplify the model: {type(error).__name__}: {error}. "
            "Save it without simplification."
        ) from error
    for kind in ("input", "output"):
        before = {value.name: value.type for value in getattr(model.graph, kind)}
        after = {value.name: value.type for value in getattr(slim.graph, kind)}
        if list(before) != list(after):
            raise OnnxError(
                f"expected onnxslim to keep the {kind}s {', '.join(before)}, found "
                f"{', '.join(after)}. Save the model without simplification."
            )
        for value in getattr(slim.graph, kind):
            # onnxslim writes inferred symbols over given axis names.
            value.type.CopyFrom(before[value.name])
    del slim.metadata_props[:]
    slim.metadata_props.extend(model.metadata_props)
    slim.ir_version = model.ir_version
    return slim
