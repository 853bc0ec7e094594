"""A pipeline that does not batch, of steps that do and steps that do not, however it is run."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import tritonclient.grpc as grpc
from onnx import TensorProto, helper
from tritonclient.utils import InferenceServerException

from builders.kit.emit.check import check_graph
from builders.kit.graph import (
    DynamicBatching,
    Ensemble,
    InstanceGroup,
    OnnxModel,
    PythonModel,
    QueuePolicy,
    Tensor,
)
from builders.kit.graph.bls import bls
from clients.chained import Chained, request_input
from perf.compare.services import Services
from repository.arrays import Arrays, DType
from repository.check.check import check_repository
from repository.findings import errors
from repository.release import release
from runtime.inprocess import InProcess
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.builders.kit import repositories
from tests.builders.kit.declared import export
from tests.waiting import until

HERE = Path(__file__).parent / "stages"
RELEASE = release("24.10")
UNBOUNDED = QueuePolicy(max_size=0)
MOST = 4
LONG_QUEUE = DynamicBatching(preferred_sizes=(MOST,), max_queue_delay_microseconds=60_000_000)
"""So long that requests are seen to wait for each other, however busy the machine is."""

PICTURE = {"channels": 3, "rows": 2, "columns": 4}
TOKENS = {"tokens": 8, "hidden": 3}
VALUE = Tensor("value", DType.FP32, {"one": 1})
COUNT = Tensor("count", DType.INT32, {"one": 1})
FEATURES = Tensor("features", DType.FP32, {"batch": -1, **TOKENS})
JOINED = Tensor("joined", DType.FP32, {"all": -1, "hidden": 3})
EMBEDS = Tensor("embeds", DType.FP32, TOKENS)
POOLED = Tensor("pooled", DType.FP32, {"hidden": 3})

PLAIN = PythonModel(
    name="plain",
    inputs=(VALUE,),
    outputs=(Tensor("pixels", DType.FP32, PICTURE),),
    stage="toy_tiles",
    queue=UNBOUNDED,
)
TILED = PythonModel(
    name="tiled",
    inputs=(VALUE, COUNT),
    outputs=(Tensor("pixels", DType.FP32, {"tiles": -1, **PICTURE}),),
    stage="toy_tiles",
    queue=UNBOUNDED,
)
ENCODE = OnnxModel(
    name="encode",
    inputs=(Tensor("pixels", DType.FP32, {"batch": -1, **PICTURE}),),
    outputs=(FEATURES, Tensor("pooled", DType.FP32, {"batch": -1, "hidden": 3})),
    export=export("encode"),
    max_batch_size=MOST,
    batching=DynamicBatching(),
    queue=UNBOUNDED,
)
ADAPT = OnnxModel(
    name="adapt",
    inputs=(FEATURES,),
    outputs=(Tensor("embeds", DType.FP32, {"batch": -1, **TOKENS}),),
    export=export("adapt"),
    max_batch_size=MOST,
    batching=DynamicBatching(),
    queue=UNBOUNDED,
)
JOIN = PythonModel(
    name="join",
    inputs=(Tensor("tiles", DType.FP32, {"tiles": -1, **TOKENS}),),
    outputs=(JOINED,),
    stage="toy_join",
    queue=UNBOUNDED,
)
PATIENT = OnnxModel(
    name="patient",
    inputs=ENCODE.inputs,
    outputs=ENCODE.outputs,
    export=export("encode"),
    max_batch_size=MOST,
    batching=LONG_QUEUE,
    queue=UNBOUNDED,
    instances=(InstanceGroup(count=1),),
)

ONE = Ensemble(
    name="one", inputs=(VALUE,), outputs=(EMBEDS, POOLED), steps=PLAIN >> ENCODE >> ADAPT
)
MANY = Ensemble(
    name="many",
    inputs=(VALUE, COUNT),
    outputs=(JOINED, Tensor("pooled", DType.FP32, {"tiles": -1, "hidden": 3})),
    steps=TILED >> ENCODE >> ADAPT >> JOIN.step({"tiles": "embeds"}),
)
TOGETHER = Ensemble(name="together", inputs=(VALUE,), outputs=(POOLED,), steps=PLAIN >> PATIENT)
MODELS = (ONE, MANY, bls(ONE), bls(MANY), TOGETHER)

Run = Callable[[str, Arrays], Mapping[str, Any]]


def graph(
    path: Path, nodes: list[onnx.NodeProto], given: str, made: Mapping[str, Sequence[str | int]]
) -> None:
    shapes: dict[str, list[str | int]] = {
        "pixels": ["batch", *PICTURE.values()],
        "features": ["batch", *TOKENS.values()],
    }
    numbers = {"flat": [0, 3, 8], "axis": [1]}
    made_graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info(given, TensorProto.FLOAT, shapes[given])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, made[name]) for name in made],
        [
            helper.make_tensor(name, TensorProto.INT64, [len(each)], each)
            for name, each in numbers.items()
            if any(name in node.input for node in nodes)
        ],
    )
    opset = helper.make_opsetid("", 20)
    onnx.save(helper.make_model(made_graph, opset_imports=[opset], ir_version=10), path)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("batched")
    graph(
        folder / "encode.onnx",
        [
            helper.make_node("Reshape", ["pixels", "flat"], ["columns"]),
            helper.make_node("Transpose", ["columns"], ["features"], perm=[0, 2, 1]),
            helper.make_node("ReduceMean", ["features", "axis"], ["pooled"], keepdims=0),
        ],
        "pixels",
        {"features": ["batch", *TOKENS.values()], "pooled": ["batch", 3]},
    )
    graph(
        folder / "adapt.onnx",
        [helper.make_node("Add", ["features", "features"], ["embeds"])],
        "features",
        {"embeds": ["batch", *TOKENS.values()]},
    )
    sys.path.insert(0, str(HERE))
    importlib.invalidate_caches()
    exports = {name: folder / f"{name}.onnx" for name in ("encode", "adapt")}
    repositories.write(folder / "models", MODELS, exports)
    yield folder / "models"
    sys.path.remove(str(HERE))


@pytest.fixture(scope="module")
def server(repository: Path, server_environment: ServerEnvironment) -> Iterator[LocalServer]:
    server = LocalServer(repository, environment=server_environment)
    server.start()
    yield server
    server.stop(now=True)


def ask(address: str, model: str, inputs: Arrays) -> dict[str, Any]:
    with grpc.InferenceServerClient(address) as client:
        sent = [request_input(name, array) for name, array in inputs.items()]
        answer = client.infer(model, sent, client_timeout=60)
        return {each.name: answer.as_numpy(each.name) for each in answer.get_response().outputs}


@pytest.fixture(
    scope="module",
    params=[
        "ensemble",
        "bls",
        "chained",
        "in process",
        pytest.param("services", marks=pytest.mark.thorough),
    ],
)
def run(
    request: pytest.FixtureRequest,
    repository: Path,
    server: LocalServer,
    server_environment: ServerEnvironment,
) -> Iterator[Run]:
    with ExitStack() as stack:
        if request.param == "services":
            served = {
                name: stack.enter_context(
                    Services(repository, name, environment=server_environment)
                )
                for name in ("one", "many")
            }
            yield lambda name, inputs: ask(served[name].address, name, inputs)
        elif request.param == "chained":
            chained = {name: Chained(server.grpc, name) for name in ("one", "many")}
            for each in chained.values():
                stack.callback(each.close)
            yield lambda name, inputs: chained[name].run(inputs)
        elif request.param == "in process":
            yield InProcess(repository).run
        else:
            suffix = "_bls" if request.param == "bls" else ""
            yield lambda name, inputs: ask(server.grpc, name + suffix, inputs)


def of(value: float, count: int | None = None) -> Arrays:
    given: Arrays = {"value": np.array([value], np.float32)}
    return given if count is None else {**given, "count": np.array([count], np.int32)}


def expected(value: float, tile: int = 0) -> np.ndarray:
    """The features of a picture, or of one of its tiles."""
    picture = np.arange(24, dtype=np.float32).reshape(3, 8) * np.float32(value) + tile
    return np.ascontiguousarray(picture.T)


def test_one_picture_is_a_batch_of_one_and_leaves_it_again(run: Run) -> None:
    answer = run("one", of(3))
    assert {name: array.shape for name, array in answer.items()} == {
        "embeds": (8, 3),
        "pooled": (3,),
    }
    np.testing.assert_array_equal(answer["embeds"], 2 * expected(3))
    np.testing.assert_allclose(answer["pooled"], expected(3).mean(0), rtol=1e-6)


@pytest.mark.parametrize("count", [1, 3, MOST])
def test_tiles_are_the_batch_and_are_joined_behind_it(run: Run, count: int) -> None:
    answer = run("many", of(2, count))
    rows = np.stack([expected(2, tile) for tile in range(count)])
    np.testing.assert_array_equal(answer["joined"], 2 * rows.reshape(-1, 3))
    assert answer["pooled"].shape == (count, 3)
    np.testing.assert_allclose(answer["pooled"], rows.mean(1), rtol=1e-6)


def test_more_tiles_than_a_batch_may_have_are_refused_with_the_bound(run: Run) -> None:
    with pytest.raises(
        (ValueError, InferenceServerException), match=f"batch-size must be <= {MOST}"
    ):
        run("many", of(2, MOST + 1))
    assert run("many", of(2, 1))["pooled"].shape == (1, 3)


def test_requests_of_an_ensemble_that_does_not_batch_share_a_call(server: LocalServer) -> None:
    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(ask, server.grpc, "together", of(value)) for value in range(4)]
        for value, call in enumerate(calls):
            np.testing.assert_allclose(call.result()["pooled"], expected(value).mean(0), rtol=1e-6)

    def statistics() -> dict[str, int]:
        answer = json.loads(server.control.request("GET", "/v2/models/patient/stats"))
        counted = answer["model_stats"][0]
        return {key: int(counted[key]) for key in ("inference_count", "execution_count")}

    until(lambda: statistics()["inference_count"] == 4)  # Triton answers first, and counts then
    assert statistics()["execution_count"] == 1


def test_the_check_has_nothing_against_it(repository: Path) -> None:
    assert errors(check_graph(list(MODELS), RELEASE)) == []
    assert errors(check_repository(repository, RELEASE)) == []
