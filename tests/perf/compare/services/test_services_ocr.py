"""The real pipeline behind both gateways, and the real perf_analyzer before one of them."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tritonclient.grpc as grpc
from PIL import Image

from clients.chained import request_input
from perf.compare.services import Gateway, StepServers
from perf.measure.analyzer import install
from perf.result import Load
from repository.places import ROOT
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer

REPOSITORY = ROOT / "model_repository"
PAGE = {"image": np.frombuffer((ROOT / "clients" / "examples" / "page.png").read_bytes(), np.uint8)}
OPTIONS = {
    "minimum_score": np.array([0.99], np.float32),
    "maximum_side": np.array([640], np.int32),
    "orientation": np.array([False]),
}


def infer(address: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    with grpc.InferenceServerClient(address) as client:
        result = client.infer("ocr", [request_input(*each) for each in inputs.items()])
        names = [each.name for each in result.get_response().outputs]
        return {name: np.asarray(result.as_numpy(name)) for name in names}


@pytest.mark.slow
def test_ocr_answers_the_same_apart_as_in_one_triton(
    server_environment: ServerEnvironment,
) -> None:
    blank = {"image": np.frombuffer(_blank_page(), np.uint8)}
    with (
        LocalServer(REPOSITORY, load=("ocr",), environment=server_environment) as server,
        StepServers(REPOSITORY, "ocr", environment=server_environment) as steps,
        Gateway(steps.plan, steps.addresses) as tritonclient,
        Gateway(steps.plan, steps.addresses, kind="kserve") as kserve,
    ):
        assert len(steps.addresses) == len(set(steps.addresses.values())) == 8
        for inputs, lines in ((PAGE, 17), (PAGE | OPTIONS, None), (blank, 0)):
            expected = infer(server.grpc, inputs)
            assert lines is None or len(expected["text"]) == lines
            for gateway in (tritonclient, kserve):
                answer = infer(gateway.address, inputs)
                assert answer.keys() == expected.keys()
                for name, array in expected.items():
                    np.testing.assert_array_equal(answer[name], array)


@pytest.mark.slow
def test_perf_analyzer_drives_the_gateway(server_environment: ServerEnvironment) -> None:
    analyzer = install(print)
    with (
        StepServers(REPOSITORY, "ocr", environment=server_environment) as steps,
        Gateway(steps.plan, steps.addresses) as gateway,
        grpc.InferenceServerClient(gateway.address) as client,
    ):
        for load in (
            Load(kind="concurrency", value=2),
            Load(kind="request_rate", value=2),
        ):
            before = client.get_inference_statistics("ocr").model_stats[0].inference_count
            sample = analyzer.run(
                model="ocr",
                address=gateway.address,
                requests=[PAGE, PAGE | OPTIONS],
                load=load,
                count=6,
                warmup=2,
                timeout_seconds=120,
            )
            after = client.get_inference_statistics("ocr").model_stats[0].inference_count
            assert len(sample.latencies_ms) == 6 and sample.errors == 0
            assert after - before >= 8


def _blank_page() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (320, 200), "white").save(file, "PNG")
    return file.getvalue()
