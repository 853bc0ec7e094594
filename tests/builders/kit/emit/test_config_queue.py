"""Queue bounds as the config writes them, on a real server with a slow model."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as grpc

from builders.kit.emit.config import model_config
from builders.kit.graph import PythonModel, QueuePolicy, Tensor
from repository.arrays import DType
from repository.config.text import to_text
from runtime.server.server import LocalServer
from tests.taken import wait_until_taken

NUMBERS = itertools.count()
"""Each test has a model of its own: to unload one takes Triton more than a second."""

# Answers, after a while and when it is not held, with how many requests it was given at once.
MODEL = """
import os, time
import numpy as np
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        time.sleep(0.2)
        while os.path.exists("{hold}"):
            time.sleep(0.02)
        return [self.respond(request, len(requests)) for request in requests]

    def respond(self, request, count):
        answer = np.full(request.inputs()[0].shape(), count, np.int32)
        return pb_utils.InferenceResponse([pb_utils.Tensor("y", answer)])
"""


def slow(max_batch_size: int, queue: QueuePolicy) -> PythonModel:
    axes = {"batch": -1, "n": -1} if max_batch_size else {"n": -1}
    name = f"chk_slow_{next(NUMBERS)}"
    return PythonModel(
        name=name,
        stage=name,
        inputs=(Tensor("x", DType.INT32, axes),),
        outputs=(Tensor("y", DType.INT32, axes),),
        max_batch_size=max_batch_size,
        queue=queue,
    )


@pytest.fixture
def burst(triton: LocalServer, tmp_path: Path) -> Callable[..., Counter[str]]:
    """Sends ten requests to a model at once, and counts the answers.

    ``burst(model, held=5)`` lets the model answer only when so many have been refused, and
    ``burst(model, waiting=0.5)`` only when nine have waited for so many seconds.
    """
    hold = tmp_path / "hold"

    def send(model: PythonModel, held: int = 0, waiting: float = 0.0) -> Counter[str]:
        folder = triton.repository / model.name
        (folder / "1").mkdir(parents=True)
        (folder / "1" / "model.py").write_text(MODEL.replace("{hold}", str(hold)))
        (folder / "config.pbtxt").write_text(to_text(model_config(model)))
        triton.control.load(model.name)
        shape = [1, 3] if model.max_batch_size else [3]
        tensor = grpc.InferInput("x", shape, "INT32")
        tensor.set_data_from_numpy(np.zeros(shape, np.int32))
        answers: list[str] = []
        done = threading.Semaphore(0)

        def answered(result: Any, error: Any) -> None:
            answers.append(str(error) if error else f"{result.as_numpy('y').max()} at once")
            done.release()

        if held or waiting:
            hold.touch()
        with grpc.InferenceServerClient(triton.grpc) as client:
            for _ in range(10):
                client.async_infer(model.name, [tensor], answered)
            if waiting:
                wait_until_taken(triton.metrics, model.name, 9)
                time.sleep(waiting)
            for number in range(10):
                if number == held:
                    hold.unlink(missing_ok=True)
                assert done.acquire(timeout=60)
        return Counter(answers)

    return send


def refused(answers: Counter[str], reason: str) -> int:
    return sum(
        count for answer, count in answers.items() if "UNAVAILABLE" in answer and reason in answer
    )


@pytest.mark.sampled(1)
@pytest.mark.parametrize("max_batch_size", [0, 4])
def test_bound_refuses_overload_and_joins_nothing(burst: Any, max_batch_size: int) -> None:
    answers = burst(slow(max_batch_size, QueuePolicy(max_size=3)), held=5)
    assert answers["1 at once"] + refused(answers, "Exceeds maximum queue size") == 10
    assert 3 <= answers["1 at once"] <= 5


def test_timeout_refuses_what_waited_too_long(burst: Any) -> None:
    bound = QueuePolicy(max_size=0, timeout_microseconds=300_000)
    answers = burst(slow(0, bound), waiting=0.5)
    assert answers["1 at once"] + refused(answers, "timeout expired") == 10
    assert answers["1 at once"] <= 2, "the one that ran, and one that was next"


@pytest.mark.thorough
def test_without_a_bound_all_are_stored_and_answered(burst: Any) -> None:
    assert burst(slow(0, QueuePolicy(max_size=0))) == {"1 at once": 10}
