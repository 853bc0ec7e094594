"""Names for a model's inputs, outputs and dynamic axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from onnx import GraphProto, ModelProto, TensorShapeProto, ValueInfoProto, helper

from repository.onnx.content import OnnxError
from repository.onnx.walk import graphs, named


def rename(
    model: ModelProto,
    *,
    inputs: Mapping[str, str] | None = None,
    outputs: Mapping[str, str] | None = None,
    axes: Mapping[str, Mapping[int, str]] | None = None,
) -> None:
    """Name inputs, outputs and dynamic axes, in place; no number changes.

    All renames are made at once, so two names may be swapped. An internal tensor that bears a new
    name already gets another one.

    Args:
        model: changed in place.
        inputs: old name -> new name.
        outputs: old name -> new name.
        axes: input or output (new name) -> axis index -> the axis' name (``dim_param``). Equal
            names promise equal sizes. A symbol that stood for exactly one of these axes is
            renamed wherever it occurs.

    Raises:
        OnnxError: no such tensor or axis, an axis that is static, or two tensors of one name.
    """
    wanted = {**_known(model.graph, "input", inputs), **_known(model.graph, "output", outputs)}
    wanted |= _split_passthrough(model.graph, inputs or {}, outputs or {})
    _rename_values(model, {old: new for old, new in wanted.items() if old != new})
    if axes:
        _name_axes(model, axes)


def fix_axes(model: ModelProto, tensor: str, sizes: Mapping[int, int]) -> None:
    """Give axes of an input that the model is only ever used at one size of that size, in place.

    Args:
        model: changed in place.
        tensor: an input's name.
        sizes: axis index -> size.

    Raises:
        OnnxError: no such input or axis, or the axis is static already.
    """
    _known(model.graph, "input", {tensor: tensor})
    value = next(value for value in model.graph.input if value.name == tensor)
    for index, size in sizes.items():
        dim = _dim(value, index, str(size))
        symbol = dim.dim_param
        dim.dim_value = size
        # Elsewhere the symbol is no longer known; shape inference finds it anew.
        for graph in graphs(model):
            for other in (*graph.input, *graph.output, *graph.value_info):
                for each in other.type.tensor_type.shape.dim:
                    if symbol and each.dim_param == symbol:
                        each.ClearField("dim_param")


def part(model: ModelProto, name: str) -> str:
    """Give the tensor behind an input or output another name, in place, and return that.

    Then nothing joins the two; the caller adds a node between them.

    Args:
        model: changed in place.
        name: of an input that is no output, or of an output that is no input.
    """
    inner = _fresh(name, set().union(*map(_all_names, graphs(model))))
    for graph in graphs(model):
        for node in graph.node:
            node.input[:] = [inner if each == name else each for each in node.input]
            node.output[:] = [inner if each == name else each for each in node.output]
        for value in graph.value_info:
            value.name = inner if value.name == name else value.name
    return inner


def drop_overridable_initialisers(model: ModelProto) -> tuple[str, ...]:
    """Make weights that are listed as inputs plain constants, in place; returns their names.

    Files of before ``ir_version`` 4 list every weight as an input, and Triton's onnxruntime
    backend refuses such inputs in a config.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    weights |= {sparse.values.name for sparse in model.graph.sparse_initializer}
    listed = tuple(value.name for value in model.graph.input if value.name in weights)
    kept = [value for value in model.graph.input if value.name not in weights]
    if listed:
        del model.graph.input[:]
        model.graph.input.extend(kept)
        model.ir_version = max(model.ir_version, 4)
    return listed


def _known(graph: GraphProto, kind: str, names: Mapping[str, str] | None) -> dict[str, str]:
    there = [value.name for value in getattr(graph, kind)]
    for old in names or {}:
        if old not in there:
            raise OnnxError(
                f"expected an {kind} '{old}' to rename, found {kind}s {', '.join(there)}. "
                "Name one of these."
            )
    return dict(names or {})


def _split_passthrough(
    graph: GraphProto, inputs: Mapping[str, str], outputs: Mapping[str, str]
) -> dict[str, str]:
    """Put an Identity between an input that is itself an output, if their names will differ.

    Returns:
        The renames that such tensors need, in place of those asked for.
    """
    names = {value.name for value in graph.input}
    renames: dict[str, str] = {}
    for output in graph.output:
        name = output.name
        wanted = inputs.get(name, name), outputs.get(name, name)
        if name in names and wanted[0] != wanted[1]:
            copy = _fresh(name, _all_names(graph))
            graph.node.append(helper.make_node("Identity", [name], [copy]))
            output.name = copy
            renames |= {name: wanted[0], copy: wanted[1]}
    return renames


def _rename_values(model: ModelProto, mapping: dict[str, str]) -> None:
    taken: set[str] = set()
    for graph in graphs(model):
        taken |= _all_names(graph)
    public = [value.name for value in (*model.graph.input, *model.graph.output)]
    after = [mapping.get(name, name) for name in dict.fromkeys(public)]
    twice = sorted({name for name in after if after.count(name) > 1})
    if twice:
        raise OnnxError(
            f"expected inputs and outputs of different names, found two named {', '.join(twice)}. "
            "Choose other names."
        )
    taken |= set(mapping.values())
    for new in list(mapping.values()):
        if new not in mapping:
            mapping[new] = _fresh(new, taken)
            taken.add(mapping[new])
    for graph in graphs(model):
        map_graph(graph, lambda name: mapping.get(name, name))


def map_graph(graph: GraphProto, new: Callable[[str], str]) -> None:
    """Give all tensors of one graph, without those nested in its nodes, new names, in place."""
    for node in graph.node:
        node.input[:] = [new(name) for name in node.input]
        node.output[:] = [new(name) for name in node.output]
    for value in named(graph):
        value.name = new(value.name)
    for sparse in graph.sparse_initializer:
        sparse.values.name = new(sparse.values.name)
    for annotation in graph.quantization_annotation:
        annotation.tensor_name = new(annotation.tensor_name)
        for entry in annotation.quant_parameter_tensor_names:
            entry.value = new(entry.value)


def _all_names(graph: GraphProto) -> set[str]:
    names = {name for node in graph.node for name in (*node.input, *node.output)}
    return names | {value.name for value in named(graph)}


def _fresh(name: str, taken: set[str]) -> str:
    number = 1
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"


def _name_axes(model: ModelProto, axes: Mapping[str, Mapping[int, str]]) -> None:
    tensors = {value.name: value for value in (*model.graph.input, *model.graph.output)}
    named: dict[str, set[str]] = {}
    for tensor, names in axes.items():
        if tensor not in tensors:
            raise OnnxError(
                f"expected an input or output '{tensor}' whose axes to name, found "
                f"{', '.join(tensors)}. Name one of these."
            )
        for index, name in names.items():
            dim = _dim(tensors[tensor], index, name)
            if dim.dim_param:
                named.setdefault(dim.dim_param, set()).add(name)
            dim.dim_param = name
    # A symbol that was given two names stood for nothing certain ("?", for one): it goes.
    given = {(tensor, index) for tensor, names in axes.items() for index in names}
    for graph in graphs(model):
        for value in (*graph.input, *graph.output, *graph.value_info):
            for index, dim in enumerate(value.type.tensor_type.shape.dim):
                if (value.name, index) in given or dim.dim_param not in named:
                    continue
                names_of = named[dim.dim_param]
                if len(names_of) == 1:
                    dim.dim_param = next(iter(names_of))
                else:
                    dim.ClearField("dim_param")


def _dim(value: ValueInfoProto, index: int, name: str) -> TensorShapeProto.Dimension:
    shape = value.type.tensor_type.shape.dim
    if not 0 <= index < len(shape):
        raise OnnxError(
            f"tensor '{value.name}': expected an axis {index} to name '{name}', found "
            f"{len(shape)} axes. Count from 0."
        )
    dim = shape[index]
    if dim.HasField("dim_value") and dim.dim_value >= 0:
        raise OnnxError(
            f"tensor '{value.name}', axis {index}: expected a dynamic axis to name '{name}', found "
            f"the fixed size {dim.dim_value}. Name dynamic axes only, or export it as one."
        )
    return dim
