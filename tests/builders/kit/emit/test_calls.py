"""Stages that call others: on Triton as in process, errors keep their code, nothing hangs."""

from __future__ import annotations

import importlib
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import tritonclient.grpc as grpc
from tritonclient.utils import InferenceServerException

from builders.kit.emit.check import check_graph
from builders.kit.graph import (
    Ensemble,
    InstanceGroup,
    Model,
    PythonModel,
    QueuePolicy,
    Tensor,
    closure,
)
from builders.kit.recipe.overrides import apply
from builders.kit.recipe.profile import InstanceOptions, ModelOptions, Profile
from clients.chained import request_input
from repository.arrays import DType
from repository.check.check import check_repository
from repository.findings import errors
from repository.release import release
from runtime.inprocess import InProcess
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.builders.kit import repositories
from tests.waiting import once_there_is_room

HERE = Path(__file__).parent / "stages"
RELEASE = release("24.10")
ROWS = Tensor("x", DType.FP32, {"row": -1, "value": -1})
X, Y = Tensor("x", DType.FP32, {"value": -1}), Tensor("y", DType.FP32, {"value": -1})
TOTALS = Tensor("y", DType.FP32, {"row": -1})


def slow(name: str, seconds: float, instances: int, bound: int) -> PythonModel:
    return PythonModel(
        name=name,
        inputs=(X,),
        outputs=(Y,),
        stage="toy_slow",
        parameters={"seconds": str(seconds)},
        instances=(InstanceGroup(count=instances),),
        queue=QueuePolicy(max_size=bound),
    )


def total(name: str, callee: Model, instances: int = 2) -> PythonModel:
    return PythonModel(
        name=name,
        inputs=(ROWS,),
        outputs=(TOTALS,),
        stage="toy_caller",
        calls=(callee,),
        parameters={"callee": callee.name},
        instances=(InstanceGroup(count=instances),),
        queue=QueuePolicy(max_size=0),
    )


DOUBLE = slow("double", 0.02, 2, 0)
NARROW = slow("narrow", 0.2, 1, 1)
TOTAL = total("total", DOUBLE)
CROWDED = total("crowded", NARROW)
PIPELINE = Ensemble(name="pipeline", inputs=(ROWS,), outputs=(TOTALS,), steps=TOTAL >> ())


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("calls")
    sys.path.insert(0, str(HERE))
    importlib.invalidate_caches()
    repositories.write(folder, (PIPELINE, CROWDED))
    yield folder
    sys.path.remove(str(HERE))


@pytest.fixture(scope="module")
def server(repository: Path, server_environment: ServerEnvironment) -> Iterator[LocalServer]:
    server = LocalServer(repository, environment=server_environment)
    server.start()
    yield server
    server.stop(now=True)


def infer(server: LocalServer, model: str, x: np.ndarray) -> np.ndarray:
    with grpc.InferenceServerClient(server.grpc) as client:
        sent = [request_input("x", x)]
        answer = client.infer(model, sent, client_timeout=60).as_numpy("y")
        assert isinstance(answer, np.ndarray)
        return answer


def rows(count: int) -> np.ndarray:
    return np.arange(count * 3, dtype=np.float32).reshape(count, 3)


def test_the_graph_brings_what_a_stage_calls_and_is_sound(repository: Path) -> None:
    assert [model.name for model in closure((PIPELINE,))] == ["double", "total", "pipeline"]
    assert errors(check_graph([PIPELINE, CROWDED], RELEASE)) == []
    assert errors(check_repository(repository, RELEASE)) == []


def test_a_profile_changes_the_called_model_too() -> None:
    profile = Profile.model_construct(
        device="cpu", models={"double": ModelOptions(instances=InstanceOptions(count=7))}
    )
    (made,) = apply(profile, (PIPELINE,))
    counts = {model.name: model.instances[0].count for model in closure((made,))[:2]}
    assert counts == {"double": 7, "total": 2}


@pytest.mark.parametrize("count", [0, 1, 34])
def test_on_triton_as_in_process(repository: Path, server: LocalServer, count: int) -> None:
    expected = rows(count).sum(1) * 2
    process = InProcess(repository)
    for model in ("total", "pipeline"):
        assert infer(server, model, rows(count)).tolist() == expected.tolist()
        assert process.run(model, {"x": rows(count)})["y"].tolist() == expected.tolist()


@pytest.mark.slow
def test_calls_are_under_way_at_once(server: LocalServer) -> None:
    infer(server, "total", rows(1))
    began = time.monotonic()
    infer(server, "total", rows(20))
    assert time.monotonic() - began < 20 * 0.02 * 0.75


@pytest.mark.parametrize("model", ["total", "pipeline"])
def test_a_refusal_stays_invalid_argument(
    repository: Path, server: LocalServer, model: str
) -> None:
    with pytest.raises(InferenceServerException, match="x must not be negative") as refused:
        infer(server, model, -1 - rows(3))
    assert refused.value.status() == "StatusCode.INVALID_ARGUMENT"
    with pytest.raises(ValueError, match=r"^x must not be negative$"):
        InProcess(repository).run(model, {"x": -1 - rows(3)})


def test_more_clients_than_instances_before_a_bounded_model_all_get_an_answer(
    server: LocalServer,
) -> None:
    def ask(count: int) -> list[float] | None:
        try:
            return list(infer(server, "crowded", rows(count)))
        except InferenceServerException as error:
            assert "'narrow' is overloaded" in str(error.message())
            assert error.status() == "StatusCode.UNAVAILABLE"
            return None

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda number: ask(1 + 2 * (number % 2)), range(12)))
    assert None in answers
    assert all(answer in (None, [6.0], [6.0, 24.0, 42.0]) for answer in answers)
    answer = once_there_is_room(lambda: infer(server, "crowded", rows(1)))
    assert answer.tolist() == [6.0]


@pytest.mark.thorough
def test_a_called_model_that_is_not_loaded_is_unavailable(server: LocalServer) -> None:
    server.control.unload("double")
    try:
        with pytest.raises(InferenceServerException, match=r"'double'.*try again later") as gone:
            infer(server, "total", rows(3))
        assert gone.value.status() == "StatusCode.UNAVAILABLE"
    finally:
        server.control.load("double")
    assert infer(server, "total", rows(1)).tolist() == [6.0]


def test_calls_that_no_declaration_names_are_found(tmp_path: Path, repository: Path) -> None:
    shutil.copytree(repository / "total", tmp_path / "total")
    (found,) = errors(check_repository(tmp_path, RELEASE))
    assert (found.rule, found.where, found.found) == ("missing-call", "total", "'double'")
    stage = tmp_path / "total" / "1" / "stages" / "toy_caller.py"
    stage.write_text(stage.read_text() + '\n\nanswers = call("dubble", [])\n')
    rules = {finding.rule: finding for finding in errors(check_repository(tmp_path, RELEASE))}
    assert rules.keys() == {"missing-call", "undeclared-call"}
    assert "'dubble'" in str(rules["undeclared-call"])


def test_a_call_of_a_model_that_is_not_declared_does_not_reach_it(repository: Path) -> None:
    stray = replace(TOTAL, name="stray", calls=(NARROW,))
    with TemporaryDirectory() as folder:
        repositories.write(Path(folder), (stray, DOUBLE))
        with pytest.raises(KeyError, match="'stray' declares no call of 'double'"):
            InProcess(Path(folder)).run("stray", {"x": rows(2)})
