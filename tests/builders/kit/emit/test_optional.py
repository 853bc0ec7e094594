"""A pipeline all of whose inputs are optional, however it is run."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as grpc
from tritonclient.utils import InferenceServerException

from builders.kit.emit.check import check_graph
from builders.kit.graph import Ensemble, PythonModel, QueuePolicy, Tensor
from builders.kit.graph.bls import bls
from clients.chained import Chained, request_input
from perf.compare.services import Services
from repository.arrays import DType
from repository.check.check import check_repository
from repository.release import release
from runtime import synthetic
from runtime.inprocess import InProcess
from runtime.machine.environment import ServerEnvironment
from runtime.server.control import CallFailed
from runtime.server.server import LocalServer
from tests.builders.kit import repositories
from tests.waiting import until

HERE = Path(__file__).parent / "stages"
RELEASE = release("24.10")
UNBOUNDED = QueuePolicy(max_size=0)
FILE = Tensor("file", DType.UINT8, {"bytes": -1}, optional=True)
VALUES = Tensor("values", DType.FP32, {"given": -1}, optional=True)
FACTOR = Tensor("factor", DType.FP32, {"one": 1}, optional=True)
X, Y = Tensor("x", DType.FP32, {"value": -1}), Tensor("y", DType.FP32, {"value": -1})

EITHER = PythonModel(
    name="either",
    inputs=(FILE, VALUES, FACTOR),
    outputs=(X,),
    stage="toy_either",
    queue=UNBOUNDED,
)
DOUBLE = PythonModel(
    name="double",
    inputs=(X,),
    outputs=(Y,),
    stage="toy_slow",
    parameters={"seconds": "0"},
    queue=UNBOUNDED,
)
PIPELINE = Ensemble(name="pipeline", inputs=EITHER.inputs, outputs=(Y,), steps=EITHER >> DOUBLE)

Run = Callable[[Mapping[str, np.ndarray]], np.ndarray]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("optional")
    sys.path.insert(0, str(HERE))
    importlib.invalidate_caches()
    repositories.write(folder, (PIPELINE, bls(PIPELINE)))
    yield folder
    sys.path.remove(str(HERE))


@pytest.fixture(scope="module")
def server(repository: Path, server_environment: ServerEnvironment) -> Iterator[LocalServer]:
    server = LocalServer(repository, environment=server_environment)
    server.start()
    yield server
    server.stop(now=True)


def client(address: str, model: str) -> Run:
    def run(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        with grpc.InferenceServerClient(address) as asked:
            sent = [request_input(name, array) for name, array in inputs.items()]
            answer = asked.infer(model, sent, client_timeout=60).as_numpy("y")
            assert isinstance(answer, np.ndarray)
            return answer

    return run


@pytest.fixture(
    scope="module",
    params=[
        "ensemble",
        "bls",
        "chained",
        "in process",
        pytest.param("services", marks=pytest.mark.slow),
    ],
)
def run(
    request: pytest.FixtureRequest,
    repository: Path,
    server: LocalServer,
    server_environment: ServerEnvironment,
) -> Iterator[Run]:
    if request.param == "services":
        with Services(repository, "pipeline", environment=server_environment) as services:
            yield client(services.address, "pipeline")
    elif request.param == "chained":
        chained = Chained(server.grpc, "pipeline")
        yield lambda inputs: chained.run(inputs)["y"]
        chained.close()
    elif request.param == "in process":
        process = InProcess(repository)
        yield lambda inputs: process.run("pipeline", inputs)["y"]
    else:
        yield client(server.grpc, "pipeline" if request.param == "ensemble" else "pipeline_bls")


def test_either_way_of_asking_is_answered(run: Run) -> None:
    file = np.array([1, 2, 3], np.uint8)
    values, factor = np.array([1.5, 2], np.float32), np.array([3], np.float32)
    assert run({"file": file}).tolist() == [2, 4, 6]
    assert run({"values": values, "factor": factor}).tolist() == [9, 12]
    with pytest.raises((ValueError, InferenceServerException), match="either 'file' or 'values'"):
        run({"file": file, "values": values, "factor": factor})
    assert run({"file": file}).tolist() == [2, 4, 6]


def test_the_check_has_nothing_against_it(repository: Path) -> None:
    assert check_graph([PIPELINE, bls(PIPELINE)], RELEASE) == []
    assert check_repository(repository, RELEASE) == []


def test_the_smallest_request_reaches_the_model(server: LocalServer) -> None:
    config = json.loads(server.control.request("GET", "/v2/models/either/config"))
    body, headers = synthetic.request(config)
    before = _count(server)
    try:
        server.control.request("POST", "/v2/models/either/infer", body, headers)
    except CallFailed as failure:
        assert "either" in str(failure)
    until(lambda: _count(server) > before)  # Triton answers first, and counts then
    assert _count(server) == before + 1


def _count(server: LocalServer) -> int:
    answer = json.loads(server.control.request("GET", "/v2/models/either/stats"))
    statistics = answer["model_stats"][0]["inference_stats"]
    return int(statistics["success"]["count"]) + int(statistics["fail"]["count"])
