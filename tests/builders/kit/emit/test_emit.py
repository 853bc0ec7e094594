"""One declaration, four ways to run it, equal answers; and what a stage's failure becomes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
import tritonclient.grpc as grpc
from onnx import TensorProto, helper
from tritonclient.utils import InferenceServerException

from builders.kit.emit.config import model_config
from builders.kit.graph import Ensemble, Model, OnnxModel, PythonModel, Tensor
from builders.kit.graph.bls import bls
from builders.kit.graph.error import GraphError
from builders.kit.graph.layout import version_files
from clients.chained import Chained, request_input
from clients.errors import ClientError
from repository.arrays import DType
from repository.config.text import to_text
from runtime.inprocess import InProcess
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.builders.kit.declared import export

HERE = Path(__file__).parent / "stages"
SENTENCE = Tensor("sentence", DType.BYTES, {"one": 1})
LIMIT = Tensor("limit", DType.INT32, {"one": 1}, optional=True)
WORDS = Tensor("words", DType.BYTES, {"word": -1})
LENGTHS = Tensor("lengths", DType.FP32, {"word": -1})
X, Y = Tensor("x", DType.FP32, {"word": -1}), Tensor("y", DType.FP32, {"word": -1})
SQUARES, FOURTHS = (Tensor(name, DType.FP32, {"word": -1}) for name in ("squares", "fourths"))

SPLIT = PythonModel(
    name="split", inputs=(SENTENCE, LIMIT), outputs=(WORDS, LENGTHS), stage="toy_stage"
)
SQUARE = OnnxModel(name="square", inputs=(X,), outputs=(Y,), export=export("square"))
TOY = Ensemble(
    name="toy",
    inputs=(SENTENCE, LIMIT),
    outputs=(WORDS, SQUARES, FOURTHS),
    steps=SPLIT
    >> SQUARE.step({"x": "lengths"}, {"y": "squares"})
    >> SQUARE.step({"x": "squares"}, {"y": "fourths"}),
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("emit")
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "x"], ["y"])],
        "square",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["word"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["word"])],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10),
        root / "square.onnx",
    )
    sys.path.insert(0, str(HERE))
    importlib.invalidate_caches()
    folder = root / "models"
    models: tuple[Model, ...] = (*TOY.composing(), TOY, bls(TOY))
    for model in models:
        target = folder / model.name
        target.mkdir(parents=True)
        text = to_text(model_config(model))
        (target / "config.pbtxt").write_text(text)
        for name, content in version_files(model, {"square": root / "square.onnx"}).items():
            path = target / "1" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    yield folder
    sys.path.remove(str(HERE))


@pytest.fixture(scope="module")
def url(repository: Path, server_environment: ServerEnvironment) -> Iterator[str]:
    with LocalServer(repository, environment=server_environment) as server:
        yield server.grpc
        server.stop(now=True)


def infer(url: str, model: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    with grpc.InferenceServerClient(url) as client:
        sent = [request_input(name, array) for name, array in inputs.items()]
        result = client.infer(model, sent)
        names = [output.name for output in result.get_response().outputs]
        return {name: np.asarray(result.as_numpy(name)) for name in names}


def sentence(text: str) -> dict[str, np.ndarray]:
    return {"sentence": np.array([text.encode()], np.object_)}


@pytest.mark.parametrize(
    "inputs",
    [
        sentence("an ensemble costs next to nothing"),
        sentence("näïve ünïcode"),
        sentence("one two three") | {"limit": np.array([2], np.int32)},
        sentence("none") | {"limit": np.array([0], np.int32)},
    ],
    ids=["plain", "unicode", "optional given", "zero rows"],
)
def test_all_four_give_equal_answers(
    repository: Path, url: str, inputs: dict[str, np.ndarray]
) -> None:
    chained = Chained(url, "toy")
    answers = {
        "ensemble": infer(url, "toy", inputs),
        "bls": infer(url, "toy_bls", inputs),
        "chained": chained.run(inputs),
        "in process": InProcess(repository).run("toy", inputs),
    }
    chained.close()
    words = inputs["sentence"][0].decode().split()[: int(inputs.get("limit", [99])[0])]
    for way, answer in answers.items():
        assert [word.decode() for word in answer["words"]] == words, way
        assert answer["fourths"].tolist() == [len(word) ** 4 for word in words], way
        assert set(answer) == {"words", "squares", "fourths"}, way


@pytest.mark.parametrize("model", ["toy", "toy_bls", "split"])
def test_a_stages_refusal_is_invalid_argument_in_one_sentence(url: str, model: str) -> None:
    with pytest.raises(InferenceServerException) as refused:
        infer(url, model, sentence("x") | {"limit": np.array([-1], np.int32)})
    assert refused.value.status() == "StatusCode.INVALID_ARGUMENT"
    assert str(refused.value.message()).endswith("limit must not be negative")


@pytest.mark.parametrize("model", ["toy", "toy_bls", "split"])
def test_an_unforeseen_failure_tells_the_client_no_path_and_no_trace(url: str, model: str) -> None:
    with pytest.raises(InferenceServerException) as failed:
        infer(url, model, sentence("crash"))
    assert failed.value.status() == "StatusCode.INTERNAL"
    assert str(failed.value.message()).endswith(
        "split failed on this request; the server's log has the reason"
    )
    assert infer(url, model, sentence("still serving"))["words"].size == 2


def test_only_requested_outputs_are_sent(url: str) -> None:
    with grpc.InferenceServerClient(url) as client:
        for model in ("toy", "toy_bls", "split"):
            result = client.infer(
                model,
                [request_input(name, array) for name, array in sentence("a b").items()],
                outputs=[grpc.InferRequestedOutput("words")],
            )
            assert [output.name for output in result.get_response().outputs] == ["words"]


def test_in_process_refuses_what_a_server_would(repository: Path) -> None:
    process = InProcess(repository)
    with pytest.raises(ValueError, match="needs input \\['sentence'\\]"):
        process.run("toy", {})
    with pytest.raises(ValueError, match="has no input \\['speech'\\]"):
        process.run("toy", sentence("x") | {"speech": np.zeros(1, np.float32)})
    with pytest.raises(FileNotFoundError):
        process.run("nowhere", {})


def test_a_model_that_is_no_ensemble_cannot_be_chained(url: str) -> None:
    with pytest.raises(ClientError, match="'split': expected an ensemble"):
        Chained(url, "split")


def test_a_decoupled_pipeline_has_no_bls_twin() -> None:
    stream = PythonModel(
        name="stream", inputs=(SENTENCE,), outputs=(WORDS,), stage="toy_stage", decoupled=True
    )
    ensemble = Ensemble(
        name="s", inputs=(SENTENCE,), outputs=(WORDS,), steps=stream >> (), decoupled=True
    )
    with pytest.raises(GraphError, match=r"a decoupled one\..*bls: false"):
        bls(ensemble)
