"""Shapes of what operators give of which ONNX's own inference says nothing: those of ai.onnx.ml.

scikit-learn's and XGBoost's exporters write graphs of them. What each gives stands in ONNX's
Operators-ml.md; ``Tokenizer`` is onnxruntime's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

_Axes = list[int | None]
"""Sizes; None for one that is not known."""


def _same(node: NodeProto, inputs: Sequence[_Axes]) -> list[_Axes]:
    return [inputs[0]]


def _classes(node: NodeProto, inputs: Sequence[_Axes]) -> list[_Axes]:
    rows = _rows(inputs[0])
    counts = [
        len(each.strings) or len(each.ints)
        for each in node.attribute
        if each.name.startswith("classlabels_")
    ]
    return [[rows], [rows, max(counts, default=0) or None]]


def _targets(node: NodeProto, inputs: Sequence[_Axes]) -> list[_Axes]:
    counts = {each.name: each.i for each in node.attribute}
    return [[_rows(inputs[0]), counts.get("n_targets", counts.get("targets", 1))]]


def _columns(node: NodeProto, inputs: Sequence[_Axes]) -> list[_Axes]:
    return [[_rows(inputs[0]), None]]


def _picked(node: NodeProto, inputs: Sequence[_Axes]) -> list[_Axes]:
    count = 1
    for size in inputs[1]:
        if size is None:
            return [[*inputs[0][:-1], None]]
        count *= size
    return [[*(inputs[0][:-1] or [1]), count]]


def _kept(node: NodeProto, inputs: Sequence[_Axes]) -> list[_Axes]:
    """Texts, of which stop words are left out."""
    return [] if any(each.name == "stopwords" for each in node.attribute) else [inputs[0]]


def _words(node: NodeProto, inputs: Sequence[_Axes]) -> list[_Axes]:
    return [[*inputs[0], None]]


def _rows(axes: _Axes) -> int | None:
    """Of a table; a list is one row."""
    return axes[0] if len(axes) == 2 else 1


_GIVES: dict[str, Callable[[NodeProto, Sequence[_Axes]], list[_Axes]]] = {
    "ArrayFeatureExtractor": _picked,
    "Binarizer": _same,
    "CategoryMapper": _same,
    "FeatureVectorizer": _columns,
    "Imputer": _same,
    "LabelEncoder": _same,
    "LinearClassifier": _classes,
    "LinearRegressor": _targets,
    "Normalizer": _same,
    "SVMClassifier": _classes,
    "SVMRegressor": _targets,
    "Scaler": _same,
    "StringNormalizer": _kept,
    "Tokenizer": _words,
    "TreeEnsemble": _targets,
    "TreeEnsembleClassifier": _classes,
    "TreeEnsembleRegressor": _targets,
}
"""Operator -> the shapes of its outputs, from those of its inputs."""

_TABLES = {_classes, _targets, _columns}
"""They take a list or a table."""


def has_any(model: ModelProto) -> bool:
    """Whether a model has operators that are known here."""
    return any(node.op_type in _GIVES for node in model.graph.node)


def learn(model: ModelProto, inferred: GraphProto) -> bool:
    """Writes down in a model what an operator is known to give, where nothing was inferred.

    Args:
        model: has the operators.
        inferred: the graph that shape inference made of it.

    Returns:
        Whether there was any: inference then finds more.
    """
    from onnx import TensorProto, helper

    shapes: dict[str, _Axes] = {
        tensor.name: list(tensor.dims) for tensor in model.graph.initializer
    }
    types: dict[str, int] = {}
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        tensor = value.type.tensor_type
        types[value.name] = tensor.elem_type
        if tensor.HasField("shape"):
            shapes[value.name] = [
                axis.dim_value if axis.HasField("dim_value") else None for axis in tensor.shape.dim
            ]
    ends = {value.name: value for value in model.graph.output}
    learnt = False
    for node in model.graph.node:
        gives = _GIVES.get(node.op_type)
        inputs = [shapes[name] for name in node.input if name in shapes]
        if gives is None or len(inputs) < len(node.input) or not inputs:
            continue
        if not inputs[0] or inputs[0][0] is None:
            continue
        if gives in _TABLES and len(inputs[0]) not in (1, 2):
            continue
        for name, axes in zip(node.output, gives(node, inputs), strict=False):
            if not name or (name in shapes and None not in shapes[name][:1]):
                continue
            kind = TensorProto.STRING if node.op_type == "Tokenizer" else TensorProto.FLOAT
            told = helper.make_tensor_value_info(name, types.get(name) or kind, axes)
            if name in ends:
                ends[name].type.CopyFrom(told.type)
            else:
                model.graph.value_info.append(told)
            shapes[name] = axes
            learnt = True
    return learnt
