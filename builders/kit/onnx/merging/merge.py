"""ONNX files that follow each other, merged into one: no tensor leaves the process between them.

The parts keep their nodes as they are, in order. Tensors inside a part get the part's number before
their names, so that equal names of two parts stay apart; what joins the parts, and the inputs and
outputs of the whole, have the names that the caller gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from onnx import GraphProto, ModelProto, TensorProto, ValueInfoProto

from builders.kit.onnx.merging.ends import name_axes, refuse_ends
from builders.kit.onnx.merging.functions import keep_apart
from builders.kit.onnx.merging.unread import drop_unread
from builders.kit.onnx.rename import drop_overridable_initialisers, map_graph
from builders.kit.onnx.simplify import convert_opset
from builders.kit.onnx.surgery import make_node
from repository.onnx.content import OnnxError
from repository.onnx.walk import graphs, named, opset

_SHARED_FROM = 1024
"""Bytes from which equal weights of two parts are kept once."""


@dataclass(frozen=True)
class Part:
    """One of the models to merge.

    Attributes:
        model: is changed.
        inputs: its input -> the whole's tensor that it reads. All of its inputs are named.
        outputs: its output -> the whole's tensor that it writes. What is not named is not computed.
    """

    model: ModelProto
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


def merge(parts: Sequence[Part], outputs: Sequence[str]) -> ModelProto:
    """One model that computes what the parts compute one after the other.

    Args:
        parts: in an order in which they can run.
        outputs: the whole's tensors that it gives, in this order; one that joins two parts can be
            among them. Its inputs are what the parts read and none of them writes.

    Raises:
        OnnxError: a part reads what a later one writes, two write one tensor, the ends of a tensor
            differ in type or size, an output that nobody writes, or opsets that cannot be aligned.
    """
    _refuse_flow(parts, outputs)
    parts = _aligned(parts)
    whole = ModelProto(ir_version=max(part.model.ir_version for part in parts))
    whole.graph.name = "+".join(part.model.graph.name or "graph" for part in parts)
    ends: dict[str, ValueInfoProto] = {}
    symbols: set[str] = set()
    for number, part in enumerate(parts):
        _rename(part, number, {each for one in parts for each in _public(one)} | set(outputs))
        name_axes(part.model, number, ends, symbols)
        keep_apart(part.model, number)
        for value in (*part.model.graph.input, *part.model.graph.output):
            if value.name in ends:
                refuse_ends(ends[value.name], value)
            ends.setdefault(value.name, value)
        _add(whole, part.model)
    written = {each for part in parts for each in part.outputs.values()}
    read = dict.fromkeys(each for part in parts for each in part.inputs.values())
    whole.graph.input.extend(ends[name] for name in read if name not in written)
    whole.graph.output.extend(ends[name] for name in outputs)
    told = {value.name for value in whole.graph.value_info} | set(outputs)
    whole.graph.value_info.extend(ends[name] for name in read if name in written - told)
    drop_unread(whole)
    return whole


def _public(part: Part) -> Iterable[str]:
    return (*part.inputs.values(), *part.outputs.values())


def _refuse_flow(parts: Sequence[Part], outputs: Sequence[str]) -> None:
    every = [name for part in parts for name in part.outputs.values()]
    twice = sorted({name for name in every if every.count(name) > 1})
    if twice:
        raise OnnxError(
            f"expected one part that writes {', '.join(twice)}, found several. Rename one output."
        )
    written: set[str] = set()
    for number, part in enumerate(parts, 1):
        graph = part.model.graph
        weights = {tensor.name for tensor in graph.initializer}
        weights |= {sparse.values.name for sparse in graph.sparse_initializer}
        for kind, values, names in (
            ("input", [each for each in graph.input if each.name not in weights], part.inputs),
            ("output", graph.output, part.outputs),
        ):
            there = [value.name for value in values]
            unknown = sorted(set(names) - set(there))
            missing = sorted(set(there) - set(names)) if kind == "input" else []
            if unknown or missing:
                raise OnnxError(
                    f"part {number}: expected the {kind}s {', '.join(names)}, found "
                    f"{', '.join(there)}. Name those there are."
                )
        early = (set(part.inputs.values()) - written) & set(every)
        if early:
            raise OnnxError(
                f"part {number}: expected what it reads to be written before it, found "
                f"{', '.join(sorted(early))} written by itself or later. Order the parts."
            )
        written |= set(part.outputs.values())
    unwritten = [name for name in outputs if name not in written]
    if unwritten or not outputs:
        raise OnnxError(
            f"expected outputs that a part writes, found {', '.join(unwritten) or 'none'}; the "
            f"parts write {', '.join(sorted(written))}. Name some of these."
        )


def _aligned(parts: Sequence[Part]) -> list[Part]:
    """The parts in one opset, the newest of theirs, with their weights as constants."""
    newest = max(opset(part.model) for part in parts)
    made = []
    for part in parts:
        drop_overridable_initialisers(part.model)
        model = part.model
        if opset(model) != newest:
            if model.functions:
                raise OnnxError(
                    f"expected opset {newest} in all parts, found {opset(model)} in one with "
                    f"functions, which cannot be converted. Export it with opset {newest}."
                )
            model = convert_opset(model, newest=newest, oldest=newest)
        made.append(Part(model, part.inputs, part.outputs))
    return made


def _rename(part: Part, number: int, public: set[str]) -> None:
    """Names of the whole for a part's ends, and for all else such as no other part has."""
    graph = part.model.graph
    # An input that is an output too, and an output that is given twice, need a node between.
    inputs = {value.name for value in graph.input}
    for value in graph.output:
        if value.name in inputs:
            copy = _fresh(f"{value.name}_given", part.model)
            graph.node.append(make_node("Identity", [value.name], [copy]))
            names = {copy: part.outputs[value.name]} if value.name in part.outputs else {}
            part = Part(part.model, part.inputs, {**_without(part.outputs, value.name), **names})
            value.name = copy
    ends = {**part.inputs, **part.outputs}
    prefix = f"{number}/"
    while any(name.startswith(prefix) for name in public):
        prefix = f"_{prefix}"
    for nested in graphs(part.model):
        map_graph(nested, lambda name: name and ends.get(name, prefix + name))
        for node in nested.node:
            node.name = node.name and prefix + node.name
    kept = [value for value in graph.output if value.name in part.outputs.values()]
    del graph.output[:]
    graph.output.extend(kept)


def _without(names: Mapping[str, str], name: str) -> dict[str, str]:
    return {each: names[each] for each in names if each != name}


def _fresh(name: str, model: ModelProto) -> str:
    taken = {each for graph in graphs(model) for node in graph.node for each in node.output}
    taken |= {value.name for graph in graphs(model) for value in named(graph)}
    while name in taken:
        name += "_"
    return name


def _add(whole: ModelProto, model: ModelProto) -> None:
    """A part's nodes and weights; a weight that is there already is read from there."""
    graph = whole.graph
    imported = {each.domain: each.version for each in whole.opset_import}
    for each in model.opset_import:
        domain = "" if each.domain == "ai.onnx" else each.domain
        if imported.setdefault(domain, each.version) != each.version:
            raise OnnxError(
                f"expected one opset of the domain '{domain}', found {imported[domain]} and "
                f"{each.version}. Export both parts with one."
            )
        if domain not in {one.domain for one in whole.opset_import}:
            whole.opset_import.add(domain=domain, version=each.version)
    _share_weights(graph, model)
    graph.node.extend(model.graph.node)
    graph.sparse_initializer.extend(model.graph.sparse_initializer)
    graph.value_info.extend(model.graph.value_info)
    graph.quantization_annotation.extend(model.graph.quantization_annotation)
    # One by one, each taken away once it is copied: weights may be all that fits into memory.
    for tensor in model.graph.initializer:
        graph.initializer.append(tensor)
        tensor.ClearField("raw_data")
    whole.functions.extend(model.functions)
    known = {each.key for each in whole.metadata_props}
    whole.metadata_props.extend(each for each in model.metadata_props if each.key not in known)


def _share_weights(graph: GraphProto, model: ModelProto) -> None:
    there: dict[tuple[int, tuple[int, ...], int], list[TensorProto]] = {}
    for tensor in graph.initializer:
        if len(tensor.raw_data) >= _SHARED_FROM:
            key = (tensor.data_type, tuple(tensor.dims), hash(tensor.raw_data))
            there.setdefault(key, []).append(tensor)
    same: dict[str, str] = {}
    outputs = {value.name for value in model.graph.output}
    for tensor in model.graph.initializer:
        key = (tensor.data_type, tuple(tensor.dims), hash(tensor.raw_data))
        for other in there.get(key, ()) if tensor.name not in outputs else ():
            if other.raw_data == tensor.raw_data:
                same[tensor.name] = other.name
                break
    if not same:
        return
    kept = [each for each in model.graph.initializer if each.name not in same]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    for nested in graphs(model):
        map_graph(nested, lambda name: same.get(name, name))
