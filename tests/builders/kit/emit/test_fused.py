"""A pipeline and its fused form on a real server: equal answers however they are run."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import tritonclient.grpc as grpc
from onnx import TensorProto, helper
from tritonclient.utils import InferenceServerException

from builders.kit.graph import Ensemble, OnnxModel, PythonModel, Tensor
from builders.kit.graph.bls import bls
from builders.kit.graph.fused import FusedOnnx, FusedStage
from builders.kit.recipe.fusing import Fuser, beside
from clients.chained import Chained, request_input
from repository.arrays import DType
from runtime.inprocess import InProcess
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.builders.kit.declared import export
from tests.builders.kit.emit.test_emit import HERE, LIMIT, SENTENCE, SPLIT, infer, sentence
from tests.builders.kit.repositories import write

X, Y = (Tensor(name, DType.FP32, {"word": -1}) for name in ("x", "y"))
CAPITALS = Tensor("capitals", DType.BYTES, {"word": -1})
SIZES = Tensor("sizes", DType.FP32, {"word": -1})
SQUARES = Tensor("squares", DType.FP32, {"word": -1})
FOURTHS = Tensor("fourths", DType.FP32, {"word": -1})
WORDS, LENGTHS = SPLIT.outputs

UPPER = PythonModel(
    name="upper", inputs=(WORDS, LENGTHS), outputs=(CAPITALS, SIZES), stage="toy_upper"
)
SQUARE = OnnxModel(name="square", inputs=(X,), outputs=(Y,), export=export("square"))
AGAIN = OnnxModel(name="again", inputs=(X,), outputs=(Y,), export=export("again"))
TOY = Ensemble(
    name="toy",
    inputs=(SENTENCE, LIMIT),
    outputs=(WORDS, CAPITALS, SQUARES, FOURTHS),
    steps=SPLIT
    >> UPPER
    >> SQUARE.step({"x": "sizes"}, {"y": "squares"})
    >> AGAIN.step({"x": "squares"}, {"y": "fourths"}),
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    parts = tmp_path_factory.mktemp("fused")
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "x"], ["y"])],
        "square",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["word"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["word"])],
    )
    opsets = [helper.make_opsetid("", 20)]
    for name in ("square", "again"):
        made = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        onnx.save(made, parts / name)
    sys.path.insert(0, str(HERE))
    importlib.invalidate_caches()
    fused = Fuser.among((TOY,)).fuse(TOY)
    assert fused is not None
    stages, models = (step.model for step in fused.steps)
    assert isinstance(stages, FusedStage)
    assert isinstance(models, FusedOnnx)
    models.export.make(parts, parts / "merged")
    files = {each: parts / each for each in ("square", "again")}
    files[models.export.name] = parts / "merged"
    folder = parts / "models"
    form = beside(fused)
    twin = bls(form)
    write(folder, (TOY, form, twin), files)
    yield folder
    sys.path.remove(str(HERE))


@pytest.fixture(scope="module")
def url(repository: Path, server_environment: ServerEnvironment) -> Iterator[str]:
    with LocalServer(repository, environment=server_environment) as server:
        yield server.grpc
        server.stop(now=True)


def test_all_forms_give_equal_answers(repository: Path, url: str) -> None:
    process = InProcess(repository)
    chained = {name: Chained(url, name) for name in ("toy", "toy_fused")}
    for inputs in (
        sentence("näïve ünïcode costs nothing"),
        sentence("one two three") | {"limit": np.array([2], np.int32)},
        sentence("none") | {"limit": np.array([0], np.int32)},
    ):
        answers = {
            "ensemble": infer(url, "toy", inputs),
            "fused": infer(url, "toy_fused", inputs),
            "fused and BLS": infer(url, "toy_fused_bls", inputs),
            **{f"chained {name}": each.run(inputs) for name, each in chained.items()},
            "in process": process.run("toy", inputs),
            "fused in process": process.run("toy_fused", inputs),
        }
        words = inputs["sentence"][0].decode().split()[: int(inputs.get("limit", [99])[0])]
        for way, answer in answers.items():
            assert set(answer) == {"words", "capitals", "squares", "fourths"}, way
            assert [word.decode() for word in answer["words"]] == words, way
            capitals = [
                each if isinstance(each, str) else each.decode() for each in answer["capitals"]
            ]
            assert capitals == [word.upper() for word in words], way
            assert answer["fourths"].tolist() == [len(word) ** 4 for word in words], way
            assert answer["squares"].tolist() == [len(word) ** 2 for word in words], way
    for each in chained.values():
        each.close()


def test_each_part_refuses_and_fails_as_by_itself(url: str) -> None:
    for text, limit, code, told in (
        ("x", -1, "INVALID_ARGUMENT", "limit must not be negative"),
        ("please refuse this", 9, "INVALID_ARGUMENT", "this word is refused"),
        (
            "crash",
            9,
            "INTERNAL",
            "split_upper failed on this request; the server's log has the reason",
        ),
        (
            "a crash",
            9,
            "INTERNAL",
            "split_upper failed on this request; the server's log has the reason",
        ),
    ):
        with pytest.raises(InferenceServerException) as failed:
            infer(url, "toy_fused", sentence(text) | {"limit": np.array([limit], np.int32)})
        assert failed.value.status() == f"StatusCode.{code}"
        assert str(failed.value.message()).endswith(told)
    assert infer(url, "toy_fused", sentence("still serving"))["words"].size == 2


def test_only_requested_outputs_are_sent(url: str) -> None:
    with grpc.InferenceServerClient(url) as client:
        sent = [request_input(name, array) for name, array in sentence("a b").items()]
        wanted = [grpc.InferRequestedOutput("fourths")]
        result = client.infer("toy_fused", sent, outputs=wanted)
        assert [output.name for output in result.get_response().outputs] == ["fourths"]
