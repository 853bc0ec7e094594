"""The end of a pod: SIGTERM to Triton itself, as the kubelet sends it when preStop has ended."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from runtime.control import CallFailed
from tests.kserve.runtime.declared import DeclaredServer, container, grace_seconds

MODEL = """
import time
import triton_python_backend_utils as pb

class TritonPythonModel:
    def execute(self, requests):
        time.sleep(0.4 * len(requests))
        return [pb.InferenceResponse([pb.Tensor("y", pb.get_input_tensor_by_name(
            request, "x").as_numpy())]) for request in requests]
"""
CONFIG = """
backend: "python"
max_batch_size: 0
input { name: "x" data_type: TYPE_FP32 dims: 1 }
output { name: "y" data_type: TYPE_FP32 dims: 1 }
instance_group { kind: KIND_CPU count: 1 }
"""
REQUESTS = 5


def body(number: int) -> bytes:
    tensor = {"name": "x", "datatype": "FP32", "shape": [1], "data": [number]}
    return json.dumps({"inputs": [tensor]}).encode()


@pytest.mark.slow
@pytest.mark.parametrize("idle_client", [False, True], ids=["alone", "idle client"])
def test_every_accepted_request_is_answered_within_the_grace_period(
    tmp_path: Path, idle_client: bool
) -> None:
    (tmp_path / "slow" / "1").mkdir(parents=True)
    (tmp_path / "slow" / "1" / "model.py").write_text(MODEL)
    (tmp_path / "slow" / "config.pbtxt").write_text(CONFIG)
    answers: dict[int, float] = {}
    with DeclaredServer(tmp_path) as server:
        idle = http.client.HTTPConnection(server.http)
        if idle_client:
            idle.request("GET", "/v2/health/live")
            idle.getresponse().read()

        def ask(number: int) -> None:
            answer = server.control.request("POST", "/v2/models/slow/infer", body(number))
            answers[number] = json.loads(answer)["outputs"][0]["data"][0]

        asking = [threading.Thread(target=ask, args=(number,)) for number in range(REQUESTS)]
        for thread in asking:
            thread.start()
        time.sleep(0.3)
        assert not answers  # all are accepted, none is answered
        os.kill(server.pid, signal.SIGTERM)
        told = time.monotonic()
        for thread in asking:
            thread.join(timeout=30)
        assert answers == {number: float(number) for number in range(REQUESTS)}
        with pytest.raises(CallFailed):  # which is why preStop waits for the proxies first
            server.control.request("POST", "/v2/models/slow/infer", body(0))
        server.wait()
        took = time.monotonic() - told
        idle.close()
        server.stop(now=True)
    delay = container()["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert took < grace_seconds() - delay
