"""Every real query on a real Prometheus, which scrapes a real Triton that works and ends."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from clients.connection.errors import RequestError
from clients.ocr.client import OcrClient
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.kserve.cluster.webhooks.triton.repository import BUILT
from tests.kserve.monitoring import known, programs, queries
from tests.ports import kept_port

pytestmark = pytest.mark.slow
BROKEN = 5
LOAD_SECONDS = 20
STEADY = {"alert/TritonQueueFull": {0.0}, "triton-models/Batch size": {1.0}}
"""What stands still here, since nothing is refused and nothing is batched -> its values."""

LIMITS = {"triton-servers/CPU of the node": {1.0}}
"""What may stand still at its limit, on a machine that has other work -> that limit."""

ABSENCE = frozenset({"alert/TritonNoMetrics", "alert/TritonNoModels"})
"""What is 1 or nothing: before the first scrape, and after the models are unloaded."""


class Prometheus:
    """A server on a port, with the rules and one Triton under two pods' names."""

    def __init__(self, folder: Path, target: str, port: int) -> None:
        self.address = f"127.0.0.1:{port}"
        labels = {"namespace": "multimodal", "container": "kserve-container"}
        targets = [
            {"targets": [target], "labels": {**labels, "inferenceservice": name, "pod": pod}}
            for name, pod in (("multimodal", "multimodal-predictor-a"), ("ocr", "ocr-predictor-a"))
        ]
        configuration = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [{"job_name": "multimodal/triton", "static_configs": targets}],
        }
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
        (folder / "rules.yaml").write_text(yaml.safe_dump(queries.rules()), encoding="utf-8")
        self.process = subprocess.Popen(
            [
                programs.program("prometheus"),
                "--config.file=prometheus.yaml",
                "--storage.tsdb.path=data",
                f"--web.listen-address={self.address}",
            ],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.begun = time.time()

    def values(self, expression: str) -> set[float]:
        """Every value that an expression had so far; none for what is not a number."""
        asked = {"query": expression, "start": self.begun, "end": time.time(), "step": 1}
        url = f"http://{self.address}/api/v1/query_range?{urllib.parse.urlencode(asked)}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                series: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from error
        found = {float(value) for each in series for _, value in each["values"]}
        return {value for value in found if value == value}

    def wait(self) -> None:
        """Until it answers."""
        for _ in range(300):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=5).close()
                return
            time.sleep(0.2)
        raise AssertionError("Prometheus did not answer within 60 s")


def without_threshold(expression: str) -> str:
    """An alert's number instead of whether it fires, against seconds ago instead of a day."""
    return re.sub(r" (?:>|==) [\d.]+", "", expression).replace("[1d] offset 1h", "[5s] offset 5s")


def load(address: str, image: bytes, ends: float) -> None:
    with OcrClient(address) as one, OcrClient(address, model="ocr_bls") as other:
        while time.time() < ends:
            one.read(image)
            other.read(image)


@pytest.fixture(scope="module")
def worked(
    server_environment: ServerEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Prometheus, str]]:
    """Prometheus after a Triton had load, lost its models and ended; and its last /metrics."""
    page = np.full((200, 600, 3), 255, np.uint8)
    cv2.putText(page, "Hello Triton", (20, 120), cv2.FONT_HERSHEY_SIMPLEX, 2, (0, 0, 0), 3)
    image = cv2.imencode(".png", page)[1].tobytes()
    with LocalServer(BUILT, environment=server_environment) as server, kept_port() as port:
        prometheus = Prometheus(tmp_path_factory.mktemp("prometheus"), server.metrics, port)
        try:
            prometheus.wait()
            ends = time.time() + LOAD_SECONDS
            threads = [
                threading.Thread(target=load, args=(server.grpc, image, ends)) for _ in range(6)
            ]
            for thread in threads:
                thread.start()
            with OcrClient(server.grpc) as client:
                for _ in range(BROKEN):
                    time.sleep(2)
                    with pytest.raises(RequestError):
                        client.read(image[:100])
            for thread in threads:
                thread.join()
            with urllib.request.urlopen(f"http://{server.metrics}/metrics") as answer:
                exposed = answer.read().decode()
            for model in ("ocr", "ocr_bls", *sorted(path.name for path in BUILT.glob("*/"))):
                with contextlib.suppress(Exception):
                    server.control.unload(model)
            time.sleep(4)
            server.stop(now=True)
            time.sleep(3)
            yield prometheus, exposed
        finally:
            prometheus.process.terminate()
            prometheus.process.wait(timeout=30)


def test_every_real_query_returns_numbers_that_move(worked: tuple[Prometheus, str]) -> None:
    prometheus, _ = worked
    wrong = {}
    for query in queries.every():
        if query.where not in known.REAL:
            continue
        asked = query.filled("10s")
        values = prometheus.values(asked if query.where in ABSENCE else without_threshold(asked))
        if query.where in STEADY:
            if values != STEADY[query.where]:
                wrong[query.where] = values
        elif query.where in ABSENCE:
            if values != {1.0}:
                wrong[query.where] = values
        elif len(values) < 2 and values != LIMITS.get(query.where):
            wrong[query.where] = values
    assert wrong == {}


def test_the_metrics_that_are_called_local_are_exposed(worked: tuple[Prometheus, str]) -> None:
    exposed = set(re.findall(r"^(nv_\w+)", worked[1], re.MULTILINE))
    assert exposed >= known.LOCAL
    assert exposed.isdisjoint(known.ELSEWHERE)


def test_a_steps_failure_is_two_of_the_ensemble_and_none_of_the_step(
    worked: tuple[Prometheus, str],
) -> None:
    """Why the recorded rate of failures halves them."""
    failed = dict(
        re.findall(
            r'nv_inference_request_failure\{model="(\w+)",reason="OTHER".*\} (\d+)', worked[1]
        )
    )
    assert (failed["ocr"], failed["decode_image"]) == (str(2 * BROKEN), "0")


def test_servers_that_end_are_seen_as_down(worked: tuple[Prometheus, str]) -> None:
    assert worked[0].values(queries.alerts()["TritonDown"]["expr"]) == {0}
