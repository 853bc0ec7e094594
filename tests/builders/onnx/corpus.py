"""ONNX files of every kind that people have: those that are served, and those that are refused.

A kind is a text in ONNX's own notation (``onnx.parser``), a function that writes a file, or a file
in ``exported/``, which the exporters made that the scripts there name.
"""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

EXPORTED = Path(__file__).parent / "exported"


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: the model's.
        make: writes it to a path.
        refused: what the refusal says, in parts that follow each other; empty: it is served.
        options: of the model in the profile.
        shapes: of requests, by input; for a file whose dynamic axes cannot be 3.
    """

    name: str
    make: Callable[[Path], object]
    refused: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)


def text(graph: str, opset: int = 17, ir_version: int = 8, domains: str = "") -> onnx.ModelProto:
    """A model from ONNX's text."""
    return onnx.parser.parse_model(
        f'<ir_version: {ir_version}, opset_import: ["": {opset}{domains}]>\n{graph}'
    )


def _text(graph: str, **options: Any) -> Callable[[Path], object]:
    return lambda path: onnx.save(text(graph, **options), path)


def _exported(name: str) -> Callable[[Path], object]:
    return lambda path: shutil.copyfile(EXPORTED / f"{name}.onnx", path)


def _named(inputs: Sequence[str], outputs: Sequence[str]) -> Callable[[Path], object]:
    """A sum, whose inputs and outputs have these names."""

    def make(path: Path) -> None:
        model = text("g (float[n, 3] x0, float[n, 3] x1) => (float[n, 3] y) { y = Add(x0, x1) }")
        graph = model.graph
        for value, name in zip([*graph.input, *graph.output], [*inputs, *outputs], strict=True):
            value.name = name
        graph.node[0].input[:] = inputs
        graph.node[0].output[:] = outputs
        onnx.save(model, path)

    return make


def _axes(**axes: Sequence[str | int | None]) -> Callable[[Path], object]:
    """``y = Identity(x)`` with axes as they are given."""

    def make(path: Path) -> None:
        ends = {
            name: helper.make_tensor_value_info(name, TensorProto.FLOAT, list(axes[name]))
            for name in ("x", "y")
        }
        graph = helper.make_graph(
            [helper.make_node("Relu", ["x"], ["y"])], "g", [ends["x"]], [ends["y"]]
        )
        onnx.save(
            helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
            path,
        )

    return make


GEMM = """
g (float[n, 4] x) => (float[n, 3] y)
<float[4, 3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, float[3] b = {0.5, 0, -0.5}>
{ z = Gemm(x, w, b)  y = Relu(z) }
"""

TYPES = "bool uint8 int8 uint16 int16 int32 int64 uint32 uint64 float16 float double string"

CONTROL_IF = """
g (float[n, 2] x) => (float[n, 2] y) {
  s = ReduceSum <keepdims: int = 0> (x)
  zero = Constant <value_float: float = 0.0> ()
  positive = Greater(s, zero)
  y = If (positive) <
    then_branch = big () => (float[n, 2] a) { a = Add(x, x) },
    else_branch = small () => (float[n, 2] b) { b = Neg(x) }
  >
}
"""

CONTROL_LOOP = """
g (float[n, 2] x) => (float[n, 2] y) {
  three = Constant <value_int: int = 3> ()
  go = Constant <value = bool {1}> ()
  y = Loop (three, go, x) <
    body = step (int64 i, bool before, float[n, 2] a) => (bool after, float[n, 2] b)
    { after = Identity(before)  b = Add(a, a) }
  >
}
"""

CONTROL_SCAN = """
g (float[t, 2] x) => (float[2] last, float[t, 2] sums)
<float[2] zero = {0, 0}>
{
  last, sums = Scan <num_scan_inputs: int = 1, body = step (float[2] s, float[2] a)
    => (float[2] t1, float[2] t2)
    { t1 = Add(s, a)  t2 = Identity(t1) }> (zero, x)
}
"""

EMBEDDING = """
g (int64[batch, length] ids, int64[batch, length] mask) => (float[batch, 2] y)
<float[5, 2] table = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, int64[1] axis = {1}>
{
  e = Gather(table, ids)
  m = Cast <to: int = 1> (mask)
  k = Unsqueeze(m, axis)
  w = Transpose <perm: ints = [0, 2, 1]> (k)
  p = Mul(e, w)
  y = ReduceSum <keepdims: int = 0> (p, axis)
}
"""


def _optional_type(path: Path) -> None:
    value = helper.make_tensor_type_proto(TensorProto.FLOAT, ["n"])
    graph = helper.make_graph(
        [helper.make_node("OptionalGetElement", ["x"], ["y"])],
        "g",
        [helper.make_value_info("x", helper.make_optional_type_proto(value))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path
    )


def _sequence(path: Path) -> None:
    value = helper.make_tensor_type_proto(TensorProto.FLOAT, ["n"])
    graph = helper.make_graph(
        [helper.make_node("SequenceConstruct", ["x", "x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])],
        [helper.make_value_info("y", helper.make_sequence_type_proto(value))],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path
    )


def _sparse(path: Path) -> None:
    values = numpy_helper.from_array(np.array([2.0, 3.0], np.float32), "w")
    indices = numpy_helper.from_array(np.array([0, 4], np.int64), "w_at")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
    )
    graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [3, 3]))
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )


def _initialisers_as_inputs(ir_version: int) -> Callable[[Path], object]:
    """As exporters wrote before IR version 4: weights are inputs too."""

    def make(path: Path) -> None:
        model = text(GEMM, opset=9)
        model.ir_version = ir_version
        for weight in model.graph.initializer:
            model.graph.input.append(
                helper.make_tensor_value_info(weight.name, weight.data_type, weight.dims)
            )
        onnx.save(model, path)

    return make


def external(path: Path, weight: str = "weights.bin", rows: int = 4) -> None:
    """A matrix product, whose weights lie in another file: zeros, which take no space."""
    weights = TensorProto(
        name="w", data_type=TensorProto.FLOAT, dims=[rows, 3],
        data_location=TensorProto.EXTERNAL,
    )  # fmt: skip
    size = rows * 3 * 4
    for key, value in (("location", weight), ("offset", "0"), ("length", str(size))):
        weights.external_data.add(key=key, value=value)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["z"]),
            helper.make_node("Add", ["z", "b"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", rows])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [weights, helper.make_tensor("b", TensorProto.FLOAT, [3], [1, 2, 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    data = path.parent / weight
    if data.resolve().is_relative_to(path.parent.resolve()):
        data.parent.mkdir(parents=True, exist_ok=True)
        with data.open("wb") as file:
            file.truncate(size)


LARGE_ROWS = 180_000_000


def large_table(path: Path) -> None:
    """An embedding of 2.16 GB in another file, which takes no space: all but its last row is 0."""
    weights = TensorProto(
        name="w", data_type=TensorProto.FLOAT, dims=[LARGE_ROWS, 3],
        data_location=TensorProto.EXTERNAL,
    )  # fmt: skip
    size = LARGE_ROWS * 3 * 4
    for key, value in (("location", "w.bin"), ("offset", "0"), ("length", str(size))):
        weights.external_data.add(key=key, value=value)
    model = text("g (int64[n, k] ids) => (float[n, k, 3] y) { y = Gather(w, ids) }")
    model.graph.initializer.append(weights)
    path.write_bytes(model.SerializeToString())
    last = np.array([1, 2, 3], np.float32).tobytes()
    with (path.parent / "w.bin").open("wb") as file:
        file.seek(size - len(last))
        file.write(last)


def _external_missing(path: Path) -> None:
    external(path, "missing.bin")
    (path.parent / "missing.bin").unlink()


def _function(path: Path) -> None:
    """As onnxscript writes: an operator of a domain of its own, with its body in the file."""
    model = onnx.parser.parse_model("""
<ir_version: 8, opset_import: ["": 17, "local": 1]>
g (float[n, 2] x) => (float[n, 2] y) { y = local.Twice(x) }
<domain: "local", opset_import: ["": 17]> Twice (a) => (b) { b = Add(a, a) }
""")
    onnx.save(model, path)


def _cut(path: Path) -> None:
    path.write_bytes(text(GEMM).SerializeToString()[:-40])


def _no_shape(path: Path) -> None:
    """An output without a shape, which no inference finds: that is an input's."""
    model = text("g (float[n, 2] x, int64[k] sizes) => (float[n, 2] y) { y = Reshape(x, sizes) }")
    model.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(model, path)


def _no_shape_of_input(path: Path) -> None:
    model = text("g (float[n] x) => (float[n] y) { y = Relu(x) }")
    model.graph.input[0].type.tensor_type.ClearField("shape")
    onnx.save(model, path)


def _latin(path: Path) -> None:
    """A name in another encoding, as a program writes it that does not look."""
    content = text("g (float[n] xxx) => (float[n] y) { y = Relu(xxx) }").SerializeToString()
    path.write_bytes(content.replace(b"xxx", b"x\xfcx"))


def _cast(kind: str) -> Callable[[Path], object]:
    """An input of a type that no request carries."""

    def make(path: Path) -> None:
        number = getattr(TensorProto, kind.upper())
        graph = helper.make_graph(
            [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)],
            "g",
            [helper.make_tensor_value_info("x", number, ["n"])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])],
        )
        imports = [helper.make_opsetid("", 21)]
        onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=10), path)

    return make


def _typed(kind: str) -> Callable[[Path], object]:
    return _text(f"g ({kind}[n, 2] x) => ({kind}[n, 2] y) {{ y = Identity(x) }}")


BATCH = {"max_batch_size": 8}

SERVED = (
    *(Kind(f"opset_{number}", _text(GEMM, opset=number), options=BATCH) for number in range(7, 22)),
    *(Kind(f"type_{kind}", _typed(kind), options=BATCH) for kind in TYPES.split()),
    *(
        Kind(name, _exported(name), options=BATCH)
        for name in [
            "sklearn_columns",
            "sklearn_double",
            "sklearn_isolation",
            "sklearn_kmeans",
            "sklearn_svc",
            "sklearn_texts",
            "xgboost_binary",
            "xgboost_classifier",
            "xgboost_regressor",
            "torch_dynamo_encoder",
            "torch_dynamo_picture",
            "torch_legacy_encoder",
            "quantised_qdq",
            "quantised_operators",
            "quantised_dynamic",
        ]
    ),
    Kind("sum_of_axes", _exported("torch_dynamo_sum"), options=BATCH),
    Kind("torch_legacy_names", _exported("torch_legacy_names")),
    Kind("control_if", _text(CONTROL_IF)),
    Kind("control_loop", _text(CONTROL_LOOP), options=BATCH),
    Kind("control_scan", _text(CONTROL_SCAN)),
    Kind("embedding", _text(EMBEDDING), options=BATCH),
    Kind("names_of_tensorflow", _named(["serving/x:0", "input:1"], ["StatefulCall:0"])),
    Kind("names_with_spaces", _named(["the age", "größe"], ["é / y"])),
    Kind("names_with_quotes", _named(['x"0"', "x\\1"], ["y'"])),
    Kind("names_of_config", _named(["name", "dims: 1"], ["}"])),
    Kind("axes_unnamed", _axes(x=[None, 3], y=[None, 3]), options=BATCH),
    Kind("axes_of_tf2onnx", _axes(x=["unk__6", 3], y=["unk__7", 3]), options=BATCH),
    Kind("axes_expression", _axes(x=["2*half", 3], y=["2*half", 3])),
    Kind("axes_floor", _axes(x=["batch", "floor(h/2 - 1/2) + 1"], y=["batch", "w"])),
    Kind("axes_of_minus_one", _axes(x=[-1, 3], y=[-1, 3]), options=BATCH),
    Kind("axes_fixed", _axes(x=[2, 3], y=[2, 3])),
    Kind("axes_all", _axes(x=["n", "m", "k"], y=["n", "m", "k"]), options=BATCH),
    Kind(
        "scalar_output",
        _text("g (float[n] x) => (float y) { y = ReduceSum <keepdims: int = 0> (x) }"),
    ),
    Kind("scalar_input", _text("g (float x, float[n] z) => (float[n] y) { y = Mul(x, z) }")),
    Kind(
        "several_outputs",
        _text(
            "g (float[n, 4] x) => (float[n, 2] a, float[n, 2] b, int64[n, 4] c) "
            "{ a, b = Split <axis: int = 1> (x)  c = Cast <to: int = 7> (x) }"
        ),
        options=BATCH,
    ),
    Kind(
        "input_is_output",
        _text("g (float[n, 2] x, float[n, 2] z) => (float[n, 2] y) { y = Identity(z) }"),
    ),
    Kind(
        "constant_output",
        _text("g (float[n] x) => (float[n] y, float[2] c) <float[2] c = {1, 2}> { y = Neg(x) }"),
    ),
    Kind(
        "empty_names",
        _text('g (float[n, 2] x) => (float[n, 2] y) <float six = {6}> { y = Clip(x, "", six) }'),
        options=BATCH,
    ),
    Kind("initialisers_ir_3", _initialisers_as_inputs(3), options=BATCH),
    Kind("initialisers_ir_4", _initialisers_as_inputs(4)),
    Kind("initialisers_given", _initialisers_as_inputs(8), options={"optional_inputs": ["b"]}),
    Kind("external_data", external, options=BATCH),
    Kind("external_folder", lambda path: external(path, "data/w/weights.bin"), options=BATCH),
    Kind("sparse_weights", _sparse),
    Kind("functions", _function, options=BATCH),
    Kind(
        "contrib_operators",
        _text(
            "g (float[n, 4] x) => (float[n, 4] y) { y = com.microsoft.Gelu(x) }",
            domains=', "com.microsoft": 1',
        ),
        options=BATCH,
    ),
    Kind(
        "bfloat16_inside",
        _text(
            "g (float[n, 2] x) => (float[n, 2] y) "
            "{ h = Cast <to: int = 16> (x)  y = Cast <to: int = 1> (h) }"
        ),
        options=BATCH,
    ),
    Kind(
        "not_a_number",
        _text("g (float[n, 2] x) => (float[n, 2] y) { y = Log(x) }"),
        options=BATCH,
    ),
    Kind(
        "seeded",
        _text(
            "g (float[n, 2] x) => (float[n, 2] y) "
            "{ r = RandomUniformLike <seed: float = 1.0, high: float = 0.0> (x)  y = Add(r, x) }"
        ),
    ),
    Kind("how_many", _text("g (float[n] x) => (int64[1, k] y) { y = NonZero(x) }")),
)

BAKED = Kind("baked", _exported("torch_legacy_baked"), ("Reshape", "sizes:"), BATCH)
"""Its axes are said to be dynamic, and are not: only a run shows that."""

ZIPMAP = ("expected a tensor as output", "ZipMap", "options={'zipmap': False}")

REFUSED = (
    *(
        Kind(
            f"opset_{number}",
            _text(GEMM, opset=number, ir_version=10),
            ("opset", str(number)),
            BATCH,
        )
        for number in (22, 23)
    ),
    Kind("opset_99", _text(GEMM, opset=99), ("opset", "99"), BATCH),
    Kind("newer_opset", _exported("sklearn_boosting"), ("opset", "22", "target_opset"), BATCH),
    Kind("newer_ir", _text(GEMM, ir_version=99), ("IR version", "99"), BATCH),
    Kind("zipmap", _exported("sklearn_logistic_zipmap"), ZIPMAP),
    Kind("zipmap_names", _exported("sklearn_forest_zipmap"), ZIPMAP),
    Kind("locale", _exported("sklearn_texts_locale"), ("'en_US'", "'locale': 'C")),
    Kind(
        "bfloat16",
        _text("g (bfloat16[n] x) => (bfloat16[n] y) { y = Identity(x) }"),
        ("bfloat16", "Cast"),
    ),
    Kind(
        "complex",
        _text("g (complex64[n] x) => (complex64[n] y) { y = Identity(x) }"),
        ("complex64",),
    ),
    Kind("float8", _cast("float8e4m3fn"), ("float8e4m3fn", "Cast")),
    Kind("int4", _cast("int4"), ("found int4", "Cast")),
    Kind("optional", _optional_type, ("found an optional",)),
    Kind("sequence", _sequence, ("seq",)),
    Kind(
        "custom_operators",
        _text(
            "g (float[n] x) => (float[n] y) { z = com.acme.Twice(x)  y = org.other.Thrice(z) }",
            domains=', "com.acme": 1, "org.other": 2',
        ),
        ("com.acme.Twice", "org.other.Thrice"),
    ),
    Kind("unknown_operator", _text("g (float[n] x) => (float[n] y) { y = Bogus(x) }"), ("Bogus",)),
    Kind("empty_axis", _axes(x=["n", 0], y=["n", 0]), ("size 0",)),
    Kind("no_name", _named(["", "x"], ["y"]), ("name",)),
    Kind("control_character", _named(["x\n", "z"], ["y"]), ("can be printed", "'x\\n'")),
    Kind("zero_character", _named(["x\0", "z"], ["y"]), ("can be printed",)),
    Kind("other_encoding", _latin, ("UTF-8",)),
    Kind("no_shape_of_input", _no_shape_of_input, ("shape", "'x'")),
    Kind("one_name", _named(["x", "x"], ["y"]), ("'x'",)),
    Kind(
        "no_inputs",
        _text("g () => (float[2] y) { y = Constant <value_floats: floats = [1.0, 2.0]> () }"),
        ("inputs",),
    ),
    Kind("no_shape", _no_shape, ("shape",)),
    Kind("fixed_batch", _exported("torch_legacy_names"), ("first axis", "input.1"), BATCH),
    Kind(
        "other_rows",
        _text("g (float[n] x) => (int64[1, k] y) { y = NonZero(x) }"),
        ("first axis", "'y'"),
        BATCH,
    ),
    Kind(
        "reduced",
        _text(
            "g (float[n, 2] x) => (float[2] y) "
            "{ y = ReduceSum <axes: ints = [0], keepdims: int = 0> (x) }",
            opset=11,
        ),
        ("'y'",),
        BATCH,
    ),
    Kind(
        "random",
        _text("g (float[n] x) => (float[n] y) { r = RandomNormalLike(x)  y = Add(r, x) }"),
        ("RandomNormalLike", "seed"),
    ),
    Kind("external_missing", _external_missing, ("missing.bin",)),
    Kind("external_outside", lambda path: external(path, "../w.bin"), ("../w.bin",)),
    Kind("external_absolute", lambda path: external(path, "/etc/passwd"), ("/etc/passwd",)),
    Kind("truncated", _cut, ("cut off",)),
    Kind("empty", lambda path: path.write_bytes(b""), ("empty",)),
    Kind("text", lambda path: path.write_text("hello\n"), ("expected",)),
    Kind(
        "pointer",
        lambda path: path.write_text(
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"
        ),
        ("Git LFS",),
    ),
    Kind("pickle", lambda path: path.write_bytes(pickle.dumps({"w": [1.0]})), ("pickle",)),
    Kind(
        "html", lambda path: path.write_text("<!DOCTYPE html><html>not found</html>"), ("expected",)
    ),
)
