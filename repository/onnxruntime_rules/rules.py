"""What the C++ onnxruntime backend refuses at load, as plain functions over plain data.

:func:`violations` finds everything that makes the backend refuse a model, or end the server, or
give wrong answers silently (:mod:`.joined`). :func:`warnings` finds what it loads and may then
serve in a way that its author did not mean (:mod:`.advice`). Both look at a model config and at the
ONNX graph's own inputs and outputs, and import nothing but the standard library, so that a linter,
the stand-in and a test can all ask them.

The rules are those of triton-inference-server/onnxruntime_backend (``ValidateInputs``,
``ValidateOutputs``, ``CompareDimsSupported``, ``ModelState``) at r24.10; :mod:`.options` has those
on parameters and accelerators, :mod:`.sequence` those on sequence batching.
"""

from __future__ import annotations

from .advice import warnings
from .facts import (
    DYNAMIC,
    Config,
    OnnxGraph,
    OnnxTensor,
    Rows,
    Violation,
    dims_of,
    entries,
    listed,
    matched,
    max_batch_size,
)
from .joined import joined_violations
from .options import accelerator_violations, overflow_violations, parameter_violations
from .sequence import controls, sequence_violations, states

__all__ = ["Config", "OnnxGraph", "OnnxTensor", "Rows", "Violation", "violations", "warnings"]


def violations(config: Config, graph: OnnxGraph, *, bfloat16: bool = False) -> list[Violation]:
    """Everything for which a model cannot be served on the C++ backend.

    Args:
        config: the model config; see :data:`~.facts.Config` for the forms understood.
        graph: the ONNX graph's inputs and outputs.
        bfloat16: whether the backend knows TYPE_BF16: it does from 26.03 on.
    """
    return [
        *type_violations(graph),
        *input_name_violations(config, graph),
        *output_name_violations(config, graph),
        *optional_violations(config),
        *ragged_violations(config, graph),
        *dtype_violations(config, graph, bfloat16=bfloat16),
        *batch_violations(config, graph),
        *dims_violations(config, graph),
        *joined_violations(config, graph),
        *sequence_violations(config, graph),
        *parameter_violations(config),
        *overflow_violations(config),
        *accelerator_violations(config, bfloat16=bfloat16),
    ]


def type_violations(graph: OnnxGraph) -> list[Violation]:
    """Inputs and outputs that are no tensors, whether or not the config names them."""
    return [
        Violation(
            "type",
            tensor.name,
            "a tensor",
            tensor.type,
            "Remove it from the graph's inputs and outputs, or turn it into a tensor there.",
        )
        for tensor in (*graph.inputs, *graph.outputs, *graph.initializers)
        if not tensor.is_tensor
    ]


def input_name_violations(config: Config, graph: OnnxGraph) -> list[Violation]:
    """Unknown inputs, missing ones, and initializers that are listed as if a run needed them.

    The backend counts: as many entries without ``optional`` (batch inputs, sequence controls and
    states included) as the graph has inputs without an initializer, and every name known.
    """
    required = [entry for entry in entries(config, "input") if not entry.get("optional")]
    filled = [*controls(config), *states(config)]
    batch = entries(config, "batch_input")
    given = {str(entry.get("name", "")) for entry in required}
    given |= {control.name for control in controls(config)}
    given |= {str(state.get("input_name", "")) for state in states(config)}
    given |= {str(name) for entry in batch for name in entry.get("target_name") or ()}
    needed = {tensor.name for tensor in graph.inputs}
    overridable = {tensor.name for tensor in graph.initializers}
    named = {str(entry.get("name", "")) for entry in entries(config, "input")}
    found = [
        Violation(
            "unknown-input",
            name,
            f"an input of the ONNX graph ({listed(needed | overridable)})",
            "none of that name",
            "Correct the name, or remove the input from the config.",
        )
        for name in sorted(named - needed - overridable)
    ]
    count = len(required) + len(filled) + len(batch)
    if not found and count == len(needed):
        return []
    found += [
        Violation(
            "missing-input",
            name,
            "an entry in the config for every input of the ONNX graph",
            "an entry marked optional" if name in named else "none",
            "Remove 'optional': only an input with an initializer may be left out."
            if name in named
            else "Add the input to the config.",
        )
        for name in sorted(needed - given)
    ]
    found += [
        Violation(
            "initializer-input",
            name,
            "no required entry for an input that has an initializer",
            "one",
            "Remove the input from the config, or mark it optional in a model without batching.",
        )
        for name in sorted(given & overridable)
    ]
    if found:
        return found
    return [
        Violation(
            "input-count",
            "",
            f"{len(needed)} required inputs, as the ONNX graph has",
            str(count),
            "Give every input of the graph one entry.",
        )
    ]


def output_name_violations(config: Config, graph: OnnxGraph) -> list[Violation]:
    """Outputs that the graph does not have. Some of its outputs may be left out."""
    known = {tensor.name for tensor in graph.outputs}
    return [
        Violation(
            "unknown-output",
            str(entry.get("name", "")),
            f"an output of the ONNX graph ({listed(known)})",
            "none of that name",
            "Correct the name, or remove the output from the config.",
        )
        for entry in entries(config, "output")
        if entry.get("name") not in known
    ]


def optional_violations(config: Config) -> list[Violation]:
    """Optional inputs of a model that batches."""
    return [
        Violation(
            "optional-with-batching",
            str(entry.get("name", "")),
            "no optional input in a model that batches",
            f"optional: true with max_batch_size {max_batch_size(config)}",
            "Make the input required, or set max_batch_size to 0 and write full dims.",
        )
        for entry in entries(config, "input")
        if entry.get("optional") and max_batch_size(config) != 0
    ]


def ragged_violations(config: Config, graph: OnnxGraph) -> list[Violation]:
    """Ragged inputs that are optional, or that the graph does not take as one long row."""
    found = []
    for entry, tensor in matched(config, "input", graph):
        if not entry.get("allow_ragged_batch"):
            continue
        if entry.get("optional") or tensor.shape != (DYNAMIC,):
            found.append(
                Violation(
                    "ragged-input",
                    tensor.name,
                    "a required input of shape [-1] where allow_ragged_batch is set",
                    ("an optional one of shape " if entry.get("optional") else "")
                    + str(list(tensor.shape)),
                    "Remove allow_ragged_batch, or export the graph with that input flattened.",
                )
            )
    return found


def dtype_violations(config: Config, graph: OnnxGraph, *, bfloat16: bool) -> list[Violation]:
    """Data types other than the graph's, and those that the backend cannot carry."""
    found = []
    for role in ("input", "output"):
        for entry, tensor in matched(config, role, graph):
            data_type = str(entry.get("data_type", "TYPE_INVALID"))
            if not tensor.is_tensor:
                continue
            if tensor.config_type == "TYPE_INVALID" or (
                tensor.config_type == "TYPE_BF16" and not bfloat16
            ):
                found.append(
                    Violation(
                        "unsupported-dtype",
                        tensor.name,
                        "an element type that the onnxruntime backend carries",
                        tensor.element,
                        f"Cast the {role} inside the graph, for one to float.",
                    )
                )
            elif data_type != tensor.config_type:
                found.append(
                    Violation(
                        "dtype",
                        tensor.name,
                        f"{tensor.config_type}, as in the ONNX graph",
                        data_type,
                        f"Set data_type to {tensor.config_type}.",
                    )
                )
    return found


def batch_violations(config: Config, graph: OnnxGraph) -> list[Violation]:
    """A batching model whose graph has a fixed first axis."""
    if max_batch_size(config) <= 0:
        return []
    return [
        Violation(
            "batch-axis",
            tensor.name,
            "a dynamic first axis, as max_batch_size is above 0",
            f"shape {list(tensor.shape)}",
            "Export the graph with a dynamic batch axis, or set max_batch_size to 0 and write "
            "full dims.",
        )
        for _, _, tensor in _compared(config, graph)
        if tensor.shape and tensor.shape[0] != DYNAMIC
    ]


def dims_violations(config: Config, graph: OnnxGraph) -> list[Violation]:
    """Dims of another rank or size than the graph's.

    An output's must be the graph's exactly, dynamic axes included; an input's may fix an axis that
    is dynamic in the graph. With batching the config leaves the first axis out. A tensor without a
    declared shape counts as a scalar, whose dims may only be ones.
    """
    found = []
    batching = max_batch_size(config) > 0
    for role, dims, tensor in _compared(config, graph):
        if not tensor.shape:
            if any(dim != 1 for dim in dims):
                found.append(_dims(tensor, "[1], as the graph has a scalar", dims, "dims: [1]"))
            continue
        if batching and tensor.shape[0] != DYNAMIC:
            continue
        expected = tensor.shape[1:] if batching else tensor.shape
        if not _agree(dims, expected, exact=role == "output"):
            note = ", without the batch axis" if batching else ""
            write = f"dims: {list(expected)}" if expected else "dims: [1] reshape: {shape: []}"
            found.append(
                _dims(tensor, f"{list(expected)}, as in the ONNX graph{note}", dims, write)
            )
    return found


def _agree(dims: tuple[int, ...], expected: tuple[int, ...], *, exact: bool) -> bool:
    """Whether a config's dims fit the graph's; not exact, they may fix a dynamic axis."""
    return len(dims) == len(expected) and all(
        have == want or (want == DYNAMIC and not exact)
        for have, want in zip(dims, expected, strict=True)
    )


def _dims(tensor: OnnxTensor, expected: str, dims: tuple[int, ...], write: str) -> Violation:
    return Violation("dims", tensor.name, expected, str(list(dims)), f"Write {write}.")


def _compared(config: Config, graph: OnnxGraph) -> list[tuple[str, tuple[int, ...], OnnxTensor]]:
    """Role, dims and tensor of each entry that is held against the graph.

    Those are not ragged inputs, nor outputs that are scattered by ``batch_output``.
    """
    scattered = {
        name for entry in entries(config, "batch_output") for name in entry.get("target_name") or ()
    }
    return [
        (role, dims_of(entry), tensor)
        for role in ("input", "output")
        for entry, tensor in matched(config, role, graph)
        if tensor.is_tensor
        and not entry.get("allow_ragged_batch")
        and not (role == "output" and tensor.name in scattered)
    ]
