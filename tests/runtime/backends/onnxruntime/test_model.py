"""The thin layer that Triton calls, with a recording stand-in for Triton's own module."""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

import runtime.backends.onnxruntime as package
from tests.runtime.backends.onnxruntime.toys import Load, Toys


class Tensor:
    def __init__(self, name: str, array: Any) -> None:
        self.array = array
        self.name = lambda: name

    def as_numpy(self) -> Any:
        if isinstance(self.array, Exception):
            raise self.array
        return self.array


class Error:
    INVALID_ARG, UNAVAILABLE, INTERNAL = "INVALID_ARG", "UNAVAILABLE", "INTERNAL"

    def __init__(self, message: str, code: str) -> None:
        self.message, self.code = message, code


class Response:
    def __init__(self, output_tensors: Any = None, error: Any = None) -> None:
        self.outputs, self.error = output_tensors, error


class Request:
    def __init__(self, array: Any) -> None:
        self.inputs = lambda: [Tensor("x", array)]
        self.requested_output_names = lambda: ["y"]


@pytest.fixture
def utils(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    logged: list[str] = []
    logger = types.SimpleNamespace(log_warn=logged.append, log_error=logged.append)
    fake = types.SimpleNamespace(
        Tensor=Tensor,
        TritonError=Error,
        InferenceResponse=Response,
        TritonModelException=RuntimeError,
        Logger=logger,
        logged=logged,
    )
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", fake)
    return fake


@pytest.fixture
def model(utils: types.SimpleNamespace, toys: Toys, tmp_path: Path) -> Iterator[Any]:
    """A loaded instance, imported as Triton imports it."""
    before = set(sys.modules)
    path = Path(next(iter(package.__path__))) / "model.py"
    spec = importlib.util.spec_from_file_location("model_under_test", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "model.onnx").write_bytes(toys.identity())
    instance = module.TritonPythonModel()
    instance.initialize(
        {
            "model_name": "toy",
            "model_repository": str(tmp_path),
            "model_version": "1",
            "model_instance_kind": "CPU",
            "model_instance_device_id": "0",
            "model_config": json.dumps(toys.plain(parameters={"typo": {"string_value": "1"}})),
        }
    )
    yield instance
    for name in set(sys.modules) - before:
        if name.startswith("onnxruntime_backend"):
            del sys.modules[name]


def test_what_loads_and_hurts_is_logged(model: Any, utils: types.SimpleNamespace) -> None:
    assert len(utils.logged) == 1 and "[unknown-parameter]" in utils.logged[0]


def test_answers_and_errors_side_by_side(model: Any, utils: types.SimpleNamespace) -> None:
    good = np.ones((1, 3), np.float32)
    answers = model.execute([Request(good), Request(good[:, :2]), Request(2 * good)])
    assert [answer.error is None for answer in answers] == [True, False, True]
    assert answers[2].outputs[0].array.tolist() == [[2, 2, 2]]
    assert answers[1].error.code == "INVALID_ARG"
    assert answers[1].error.message == "the model cannot run on 'x' float32 [1, 2]"
    assert "Got: 2 Expected: 3" in utils.logged[-1]


def test_requests_that_all_fail_are_failures_to_triton(
    model: Any, utils: types.SimpleNamespace
) -> None:
    bad = np.ones((1, 2), np.float32)
    with pytest.raises(RuntimeError) as failure:
        model.execute([Request(bad), Request(bad), Request(bad[:, :1])])
    assert str(failure.value) == (
        "the model cannot run on 'x' float32 [1, 2]; the model cannot run on 'x' float32 [1, 1]"
    )
    frame = failure.tb.tb_next
    assert frame is not None and frame.tb_frame.f_code.co_filename == "onnxruntime"
    assert frame.tb_next is None


def test_a_failure_tells_nothing_of_the_server(model: Any, utils: types.SimpleNamespace) -> None:
    secret = ValueError("in /opt/secret/model.py, line 3")
    with pytest.raises(RuntimeError, match=r"^the model failed unexpectedly$"):
        model.execute([Request(secret), Request(np.ones((1, 3), np.float32))])
    assert "secret" in utils.logged[-1]


def test_a_gpu_that_is_not_there(toys: Toys, load: Load) -> None:
    """Triton itself refuses an instance group on a GPU that the machine lacks."""
    if Path("/dev/nvidiactl").exists():
        pytest.skip("this machine has a GPU")
    group = [{"kind": "KIND_GPU", "count": 1, "gpus": [0]}]
    with pytest.raises(InferenceServerException, match="GPU"):
        load(toys.plain(instance_group=group), toys.identity())
