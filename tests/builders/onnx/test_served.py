"""Kinds of ONNX files that people have, each answered alike by a real Triton and in process."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper

from builders.kit.onnx import load
from repository.check.check import check_repository
from repository.config.text import read_config
from repository.manifest import read_manifest
from repository.release import release
from runtime.inprocess import InProcess
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.builders.onnx.files import (
    FLOAT,
    INT64,
    Array,
    Axes,
    Bench,
    ask,
    expected_of_scorer,
    external,
    graph,
    model,
    scorer,
    value,
    weights,
)

pytestmark = pytest.mark.thorough

X = np.array([[1.0, 2.0, -3.0], [4.0, 5.0, 6.0]], np.float32)


def one(operator: str, type: int, axes: Axes, domain: str = "", **attributes: Any) -> ModelProto:
    """A graph of one node."""
    return model(
        graph(
            [helper.make_node(operator, ["x"], ["y"], domain=domain, **attributes)],
            [value("x", type, axes)],
            [value("y", type, axes)],
        ),
        opset=0 if domain else 17,
        domains={domain: 3} if domain else None,
    )


def scaled(ir: int = 8) -> ModelProto:
    """A factor that has a default value."""
    return model(
        graph(
            [helper.make_node("Mul", ["x", "k"], ["y"])],
            [value("x", FLOAT, ["N", 3]), value("k", FLOAT, [1])],
            [value("y", FLOAT, ["N", 3])],
            {"k": np.array([2.0], np.float32)},
        ),
        ir=ir,
    )


def scalars() -> ModelProto:
    """A scalar that is taken, and one that is given."""
    return model(
        graph(
            [
                helper.make_node("Mul", ["x", "k"], ["y"]),
                helper.make_node("ReduceSum", ["y"], ["s"], keepdims=0),
            ],
            [value("x", FLOAT, [None, 3]), value("k", FLOAT, [])],
            [value("y", FLOAT, [None, 3]), value("s", FLOAT, [])],
        )
    )


def branching() -> ModelProto:
    """Rows as they are, or negated where their sum is positive."""
    branches: dict[str, Any] = {
        f"{name}_branch": graph(
            [helper.make_node(operator, ["x"], [name])], [], [value(name, FLOAT, ["N", 3])]
        )
        for name, operator in (("then", "Neg"), ("else", "Identity"))
    }
    return model(
        graph(
            [
                helper.make_node("ReduceSum", ["x"], ["s"], keepdims=0),
                helper.make_node("Greater", ["s", "zero"], ["positive"]),
                helper.make_node("If", ["positive"], ["y"], **branches),
            ],
            [value("x", FLOAT, ["N", 3])],
            [value("y", FLOAT, ["N", 3])],
            {"zero": np.array(0, np.float32)},
        )
    )


def quantised() -> ModelProto:
    """QDQ, as quantising tools write it."""
    scale: dict[str, Array] = {"scale": np.array(0.05, np.float32), "zero": np.array(0, np.int8)}
    table = np.clip(np.round(weights(0, 3, 2) / 0.05), -127, 127).astype(np.int8)
    return model(
        graph(
            [
                helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
                helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
                helper.make_node("DequantizeLinear", ["W", "scale", "zero"], ["w"]),
                helper.make_node("MatMul", ["d", "w"], ["y"]),
            ],
            [value("x", FLOAT, ["N", 3])],
            [value("y", FLOAT, ["N", 2])],
            {**scale, "W": table},
        )
    )


def classifier() -> ModelProto:
    """As skl2onnx writes one without ZipMap: labels of text, and probabilities."""
    return model(
        graph(
            [
                helper.make_node(
                    "LinearClassifier",
                    ["x"],
                    ["label", "probabilities"],
                    domain="ai.onnx.ml",
                    coefficients=[1.0, -1.0, 0.5, -1.0, 1.0, -0.5],
                    intercepts=[0.0, 0.0],
                    classlabels_strings=["cat", "dog"],
                    post_transform="SOFTMAX",
                )
            ],
            [value("x", FLOAT, [None, 3])],
            [
                value("label", TensorProto.STRING, [None]),
                value("probabilities", FLOAT, [None, 2]),
            ],
        ),
        domains={"ai.onnx.ml": 1},
    )


FILES: dict[str, ModelProto] = {
    "half": one("Neg", TensorProto.FLOAT16, ["N", 3]),
    "truth": one("Not", TensorProto.BOOL, ["N", 3]),
    "bytes": one("Identity", TensorProto.UINT8, ["N", 3]),
    "text": one("Identity", TensorProto.STRING, ["N", 3]),
    "flat": one("Neg", FLOAT, ["N"]),
    "square": one("Neg", FLOAT, ["side", "side"]),
    "tree": one(
        "Scaler", FLOAT, ["N", 3], "ai.onnx.ml", offset=[0.0, 1.0, 0.0], scale=[1.0, 1.0, 2.0]
    ),
    "scaled": scaled(),
    "listed": scaled(ir=3),
    "scalars": scalars(),
    "branching": branching(),
    "quantised": quantised(),
    "classifier": classifier(),
    "oldest": scorer(opset=7),
    "newer": scorer(ir=11),
}
BATCHED = ("half", "truth", "bytes", "text", "flat", "tree", "classifier", "quantised", "oldest")
MODELS: dict[str, dict[str, Any]] = {
    name: {
        "source": f"path:{name}.onnx",
        **({"max_batch_size": 8} if name in BATCHED else {}),
    }
    for name in FILES
} | {
    "optional": {"source": "path:scaled.onnx", "optional_inputs": ["k"]},
    "beside": {"source": "path:beside.onnx", "max_batch_size": 8},
    "asis": {"source": "path:beside.onnx", "max_batch_size": 8, "simplify": False},
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """All of them, built."""
    folder = tmp_path_factory.mktemp("served")
    made = Bench(folder)
    for name, each in FILES.items():
        made.save(f"{name}.onnx", each)
    external(scorer(), folder, "beside.onnx")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        made.build(MODELS)
        yield made


@pytest.fixture(scope="module")
def server(bench: Bench, server_environment: ServerEnvironment) -> Iterator[LocalServer]:
    server = LocalServer(bench.out, environment=server_environment)
    server.start()
    yield server
    server.stop(now=True)


TEXTS = np.array([["a", "ß", ""]], np.object_)
BYTES = np.array([[b"a", "ß".encode(), b""]], np.object_)
WIDE = weights(5, 2, 8)
ASKED: list[tuple[str, dict[str, Array], dict[str, Array]]] = [
    ("half", {"x": X.astype(np.float16)}, {"y": -X.astype(np.float16)}),
    ("truth", {"x": X > 0}, {"y": X <= 0}),
    ("bytes", {"x": np.array([[0, 7, 255]], np.uint8)}, {"y": np.array([[0, 7, 255]])}),
    ("text", {"x": TEXTS}, {"y": BYTES}),
    ("flat", {"x": X[:, :1]}, {"y": -X[:, :1]}),
    ("square", {"x": X[:, :2]}, {"y": -X[:, :2]}),
    ("tree", {"x": X}, {"y": (X - [0, 1, 0]) * [1, 1, 2]}),
    ("scaled", {"x": X}, {"y": 2 * X}),
    ("listed", {"x": X}, {"y": 2 * X}),
    ("optional", {"x": X}, {"y": 2 * X}),
    ("optional", {"x": X, "k": np.array([5], np.float32)}, {"y": 5 * X}),
    (
        "scalars",
        {"x": X, "k": np.array([2], np.float32)},
        {"y": 2 * X, "s": np.array([2 * X.sum()])},
    ),
    ("branching", {"x": X}, {"y": -X}),
    ("branching", {"x": -X}, {"y": -X}),
    ("oldest", {"x": WIDE}, {"y": expected_of_scorer(WIDE)}),
    ("newer", {"x": WIDE}, {"y": expected_of_scorer(WIDE)}),
    ("beside", {"x": WIDE}, {"y": expected_of_scorer(WIDE)}),
    ("asis", {"x": WIDE}, {"y": expected_of_scorer(WIDE)}),
]


@pytest.mark.parametrize(
    ("name", "inputs", "expected"), ASKED, ids=[f"{i}-{each[0]}" for i, each in enumerate(ASKED)]
)
def test_a_server_and_a_process_answer_what_the_file_means(
    bench: Bench,
    server: LocalServer,
    name: str,
    inputs: dict[str, Array],
    expected: dict[str, Array],
) -> None:
    here = InProcess(bench.out).run(name, inputs)
    there = ask(server, name, inputs)
    assert here.keys() == there.keys() == expected.keys()
    for output, known in expected.items():
        for found in (np.asarray(here[output]), there[output]):
            assert found.shape == known.shape
            if known.dtype.kind == "O":
                assert found.tolist() == known.tolist()
            else:
                np.testing.assert_allclose(found.astype(float), known.astype(float), rtol=1e-5)


@pytest.mark.parametrize("name", ["quantised", "classifier"])
def test_a_server_answers_as_the_process_does(bench: Bench, server: LocalServer, name: str) -> None:
    here, there = InProcess(bench.out).run(name, {"x": X}), ask(server, name, {"x": X})
    assert {key: np.asarray(each).tolist() for key, each in here.items()} == {
        key: each.tolist() for key, each in there.items()
    }


def test_the_check_finds_nothing(bench: Bench) -> None:
    assert list(check_repository(bench.out, release("24.10"))) == []


def test_what_is_not_simplified_is_said(bench: Bench) -> None:
    exports = read_manifest(bench.out).exports
    why = {
        subject.partition("/")[2]: each["facts"]["why"]
        for subject, each in exports.items()
        if not each["facts"]["simplified"]
    }
    assert why == {
        "asis": "the profile says so",
        "branching": "it has control flow",
        "classifier": "it has operators of the domain ai.onnx.ml",
        "optional": "it has optional inputs",
        "tree": "it has no operators of the domain ai.onnx",
    }
    assert exports["onnx/scaled"]["facts"]["constants"] == ["k"]


def test_data_beside_the_file_comes_along(bench: Bench) -> None:
    folder = bench.out / "asis" / "1" / "model.onnx"
    assert sorted(each.name for each in folder.iterdir()) == ["beside.onnx.data", "model.onnx"]
    assert (bench.out / "beside" / "1" / "model.onnx").is_file()


def test_an_optional_input_is_declared_so(bench: Bench) -> None:
    inputs = read_config(bench.out / "optional" / "config.pbtxt").input
    assert [(each.name, each.optional) for each in inputs] == [("x", False), ("k", True)]


def test_a_graph_that_simplifying_would_change_is_served_as_it_is(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """onnxslim is right here, so another takes its place."""

    def wrong(graph: ModelProto) -> ModelProto:
        graph.graph.node[0].op_type = "Abs"
        return graph

    module = importlib.import_module("builders.kit.onnx.simplify")
    monkeypatch.setattr(module, "simplify", wrong)
    monkeypatch.chdir(tmp_path)
    other = Bench(tmp_path)
    other.save("flat.onnx", FILES["flat"])
    other.build({"flat": {"source": "path:flat.onnx"}})
    facts = read_manifest(other.out).exports["onnx/flat"]["facts"]
    assert not facts["simplified"]
    assert "found" in facts["why"]
    assert load(other.out / "flat" / "1" / "model.onnx").graph.node[0].op_type == "Neg"


def test_integers_stay_within_the_table_that_they_look_up(bench: Bench, tmp_path: Path) -> None:
    """Of one row: any other index would end the comparison."""
    from builders.onnx.examples.made_up import made_up
    from builders.onnx.file.reading import read_file

    made = model(
        graph(
            [
                helper.make_node("Unsqueeze", ["ids", "last"], ["column"]),
                helper.make_node("Gather", ["E", "column"], ["y"]),
            ],
            [value("ids", INT64, ["batch", "words"])],
            [value("y", FLOAT, ["batch", "words", 1, 4])],
            {"E": weights(2, 1, 4), "last": np.array([-1])},
        )
    )
    (tmp_path / "x.onnx").write_bytes(made.SerializeToString())
    for each in made_up(read_file(tmp_path / "x.onnx"), {}):
        assert not each["ids"].any()
