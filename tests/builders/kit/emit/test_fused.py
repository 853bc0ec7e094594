"""A pipeline and its fused form on a real server: equal answers however they are run."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import tritonclient.grpc as grpc
from onnx import TensorProto, helper, numpy_helper
from tritonclient.utils import InferenceServerException

from builders.kit.graph import Arithmetic, DynamicBatching, Ensemble, OnnxModel, PythonModel, Tensor
from builders.kit.graph.bls import bls
from builders.kit.graph.fusing.fused import FusedOnnx, FusedStage
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

IMAGE = Tensor("image", DType.UINT8, {"bytes": -1})
PLANES = Tensor("planes", DType.FP32, {"channels": 3, "pixels": -1})
BATCH = {"batch": -1}
NORMALISE = export("normalise")
LOOK = PythonModel(
    name="look",
    inputs=(IMAGE,),
    outputs=(PLANES,),
    stage="toy_pixels",
    arithmetic=Arithmetic(
        output="planes",
        dtype=DType.UINT8,
        parameter="bare",
        export=NORMALISE,
        takes="values",
        gives="normalised",
    ),
)
SEE = OnnxModel(
    name="see",
    inputs=(replace(PLANES, axes={**BATCH, **PLANES.axes}),),
    outputs=(Tensor("seen", DType.FP32, {**BATCH, **PLANES.axes}),),
    export=export("see"),
    max_batch_size=4,
    batching=DynamicBatching(),
)
EYE = Ensemble(
    name="eye",
    inputs=(IMAGE,),
    outputs=(replace(PLANES, name="seen"),),
    steps=LOOK >> SEE,
)


def normaliser(out: Path) -> None:
    """What the stage computes, operation by operation and in the same types."""
    kinds = {"scale": np.float64(1 / 255), "mean": np.float32(0.485), "std": np.float32(0.229)}
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["values"], ["wide"], to=TensorProto.DOUBLE),
            helper.make_node("Mul", ["wide", "scale"], ["scaled"]),
            helper.make_node("Cast", ["scaled"], ["narrow"], to=TensorProto.FLOAT),
            helper.make_node("Sub", ["narrow", "mean"], ["centred"]),
            helper.make_node("Div", ["centred", "std"], ["normalised"]),
        ],
        "normalise",
        [helper.make_tensor_value_info("values", TensorProto.UINT8, ["batch", 3, "pixels"])],
        [helper.make_tensor_value_info("normalised", TensorProto.FLOAT, ["batch", 3, "pixels"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in kinds.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(made, out)


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
    normaliser(parts / "normalise")
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3, "pixels"])
        for name in ("planes", "seen")
    ]
    graph = helper.make_graph(
        [helper.make_node("Abs", ["planes"], ["seen"])], "see", ends[:1], ends[1:]
    )
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), parts / "see")
    eye = Fuser.among((EYE,)).fuse(EYE)
    assert eye is not None
    (look, see) = (step.model for step in eye.steps)
    assert (look.name, see.name) == ("look_uint8", "normalise_see")
    assert (look.outputs[0].dtype, see.inputs[0].dtype) == (DType.UINT8, DType.UINT8)
    assert isinstance(see, FusedOnnx)
    see.export.make(parts, parts / "eye")
    files = {each: parts / each for each in ("square", "again", "see")}
    files |= {models.export.name: parts / "merged", see.export.name: parts / "eye"}
    folder = parts / "models"
    form, eye = beside(fused), beside(eye)
    write(folder, (TOY, form, bls(form), EYE, eye, bls(eye)), files)
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


def test_arithmetic_in_the_graph_is_equal_bit_by_bit(repository: Path, url: str) -> None:
    every = np.arange(256, dtype=np.uint8).repeat(3)
    values = (np.arange(256) * (1 / 255)).astype(np.float32)
    expected = np.abs((values - np.float32(0.485)) / np.float32(0.229))
    process = InProcess(repository)
    for way, found in {
        "ensemble": infer(url, "eye", {"image": every}),
        "fused": infer(url, "eye_fused", {"image": every}),
        "BLS": infer(url, "eye_fused_bls", {"image": every}),
        "in process": process.run("eye", {"image": every}),
        "fused in process": process.run("eye_fused", {"image": every}),
    }.items():
        np.testing.assert_array_equal(found["seen"], np.stack([expected] * 3), err_msg=way)


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
