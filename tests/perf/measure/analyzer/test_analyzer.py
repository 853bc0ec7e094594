"""Runs of the real perf_analyzer on a real Triton.

Its tensors have names of their own, since perf_analyzer names shared memory after them.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import hashlib
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perf.errors import LegFailed
from perf.measure.analyzer import Analyzer
from perf.measure.analyzer.installation import source
from perf.measure.loader import Sample, arrivals
from perf.result import Load
from runtime.server.server import LocalServer

Run = Callable[..., Sample]
TWO = Load(kind="concurrency", value=2)
SLEEP, REFUSED = -1.0, 13.0
"""What x holds for the model to sleep, for as many seconds as follow, or to refuse a seventh."""

MODEL = f"""
import time
import triton_python_backend_utils as pb


class TritonPythonModel:
    def initialize(self, arguments):
        self.calls = 0

    def execute(self, requests):
        answers = []
        for request in requests:
            self.calls += 1
            inputs = {{
                name: tensor.as_numpy()
                for name in ("probe_in", "text", "half")
                if (tensor := pb.get_input_tensor_by_name(request, name)) is not None
            }}
            x = inputs["probe_in"]
            with open(SEEN, "a") as seen:
                seen.write(repr({{name: array.tolist() for name, array in inputs.items()}}) + "\\n")
            if x.size and x.flat[0] == {SLEEP}:
                time.sleep(float(x.flat[1]))
            if x.size and x.flat[0] == {REFUSED} and self.calls % 7 == 0:
                answers.append(pb.InferenceResponse(error=pb.TritonError("the seventh is refused")))
            else:
                answers.append(pb.InferenceResponse([pb.Tensor("probe_out", x)]))
        return answers
"""
OPTIONAL = """
input { name: "text" data_type: TYPE_STRING dims: [-1] optional: true }
input { name: "half" data_type: TYPE_FP16 dims: [-1] optional: true }
"""
MODELS = {"plain": "", "mixed": OPTIONAL, "batched": "max_batch_size: 4"}


def floats(*values: float) -> dict[str, np.ndarray]:
    return {"probe_in": np.array(values, np.float32)}


@pytest.fixture(scope="module")
def served(triton: LocalServer) -> Iterator[LocalServer]:
    """A server of the models, which write what each request had into a file of their name."""
    for name, config in MODELS.items():
        write_model(triton.repository, name, config)
        triton.control.load(name)
    yield triton


def write_model(repository: Path, name: str, config: str) -> None:
    version = repository / name / "1"
    version.mkdir(parents=True)
    (version.parent / "config.pbtxt").write_text(
        f'backend: "python" {config} instance_group {{ count: 1 kind: KIND_CPU }} '
        'input { name: "probe_in" data_type: TYPE_FP32 dims: [-1] } '
        'output { name: "probe_out" data_type: TYPE_FP32 dims: [-1] }'
    )
    file = repr(str(repository / f"{name}.seen"))
    (version / "model.py").write_text(MODEL.replace("SEEN", file))


def seen(server: LocalServer, model: str) -> Path:
    return server.repository / f"{model}.seen"


@pytest.fixture
def run(
    analyzer: Analyzer, served: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """``run(model, requests, …)``, over gRPC unless told otherwise; leaves nothing behind."""

    def measure(model: str, requests: Sequence[dict[str, np.ndarray]], **options: Any) -> Sample:
        over_http = options.get("protocol") == "http"
        chosen: dict[str, Any] = {
            "address": served.http if over_http else served.grpc,
            "load": TWO,
            "count": 8,
            "warmup": 1,
            "timeout_seconds": 60,
        } | options
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        seen(served, model).write_text("")
        try:
            return analyzer.run(model=model, requests=requests, **chosen)
        finally:
            assert list(tmp_path.iterdir()) == []
            assert list(Path("/dev/shm").glob("probe_*")) == []

    return measure


def test_it_is_the_real_one(analyzer: Analyzer) -> None:
    content = analyzer.path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == source().sha256
    assert len(content) > 10_000_000
    assert source().requirement.endswith(f"=={analyzer.version}")


def test_requests_reach_the_model_as_they_are_and_in_turn(run: Run, served: LocalServer) -> None:
    requests = [
        floats(1, 2) | {"text": np.array([b"hi", b"\xff\x00\xfe", b""], object)},
        floats(3) | {"half": np.array([0.5, -2.0], np.float16)},
        floats() | {"text": np.array([], object)},
    ]
    sample = run("mixed", requests, count=9, warmup=1)
    assert len(sample.latencies_ms) == 9
    assert min(sample.latencies_ms) > 0
    assert sample.seconds * 1e3 >= max(sample.latencies_ms)
    assert (sample.errors, sample.first_error) == (0, None)
    lines = [ast.literal_eval(line) for line in seen(served, "mixed").read_text().splitlines()]
    # The warm-up is as many as the concurrency. A run that stalls on a busy machine is made again.
    assert len(lines) % (2 + 9) == 0
    lines = lines[-(2 + 9) :]
    for request in requests:
        assert {name: array.tolist() for name, array in request.items()} in lines
    assert {len(line) for line in lines} == {2}, "an input that was left out was not sent"


@pytest.mark.thorough
def test_shared_memory_over_http(run: Run, served: LocalServer) -> None:
    large = floats(*range(50_000))
    sample = run("plain", [large, floats(7)], protocol="http", shared_memory="system")
    assert len(sample.latencies_ms) == 8
    assert str(large["probe_in"].tolist()) in seen(served, "plain").read_text()


@pytest.mark.thorough
def test_a_run_that_stalls_is_measured_again(
    analyzer: Analyzer, served: LocalServer, tmp_path: Path
) -> None:
    """Its main thread waits for requests that it has lost count of, and no other thread is left."""
    marker, path = tmp_path / "stalled", tmp_path / "perf_analyzer"
    path.write_text(
        f'#!/bin/sh\n[ -e {marker} ] && exec {analyzer.path} "$@"\ntouch {marker}\nexec sleep 600\n'
    )
    path.chmod(0o755)
    sample = dataclasses.replace(analyzer, path=path).run(
        model="plain",
        address=served.grpc,
        requests=[floats(1)],
        load=TWO,
        count=8,
        warmup=1,
        timeout_seconds=60,
    )
    assert marker.exists()
    assert len(sample.latencies_ms) == 8


@pytest.mark.thorough
def test_two_runs_with_shared_memory_of_one_name_do_not_meet(
    analyzer: Analyzer, served: LocalServer
) -> None:
    def measure(value: float) -> Sample:
        return analyzer.run(
            model="plain",
            address=served.grpc,
            protocol="grpc",
            requests=[floats(value)],
            load=TWO,
            count=8,
            warmup=0,
            shared_memory="system",
            timeout_seconds=60,
        )

    with ThreadPoolExecutor(2) as pool:
        samples = list(pool.map(measure, [1, 2]))
    assert [len(sample.latencies_ms) for sample in samples] == [8, 8]


def test_shared_memory_wants_every_input(run: Run) -> None:
    with pytest.raises(LegFailed, match="'mixed' also has text, half; give a value"):
        run("mixed", [floats(1)], shared_memory="system")


def test_shared_memory_does_not_outlive_a_run_that_is_stopped(run: Run) -> None:
    slow = [floats(SLEEP, 0.2)]
    with pytest.raises(LegFailed, match="did not end within 1 s and was stopped"):
        run("plain", slow, shared_memory="system", count=60, timeout_seconds=1)


@pytest.mark.slow
def test_batches_keep_their_rows(run: Run, served: LocalServer) -> None:
    requests = [
        {"probe_in": np.array([[1, 2], [3, 4]], np.float32)},
        {"probe_in": np.ones((2, 2), np.float32)},
    ]
    assert len(run("batched", requests).latencies_ms) == 8
    expected = {repr({"probe_in": request["probe_in"].tolist()}) for request in requests}
    assert set(seen(served, "batched").read_text().splitlines()) == expected
    with pytest.raises(LegFailed, match="have 1 and 2 rows; give each the same number"):
        run("batched", [*requests, {"probe_in": np.ones((1, 2), np.float32)}])


@pytest.mark.thorough
def test_poisson_latencies_count_from_when_a_request_was_due(run: Run) -> None:
    """One instance of 20 ms at 200 requests a second: the last waits for all before it."""
    load, count = Load(kind="request_rate", value=200), 25
    sample = run("plain", [floats(SLEEP, 0.02)], load=load, count=count, warmup=2, seed=5)
    due = arrivals(200, count, 5)
    assert len(sample.latencies_ms) == count
    # Bounds that hold however slow the machine is; the times are in whole microseconds.
    assert max(sample.latencies_ms) > (count * 0.02 - (due[-1] - due[0])) * 1e3 - 1
    assert min(sample.latencies_ms) > 20
    assert sample.seconds > count * 0.02


def test_a_request_that_fails_ends_the_leg_with_the_servers_sentence(run: Run) -> None:
    with pytest.raises(LegFailed, match=r"a request that failed: .*the seventh is refused"):
        run("plain", [floats(REFUSED)], count=20)


@pytest.mark.slow
def test_answers_that_are_no_numbers_are_a_sentence(run: Run) -> None:
    with pytest.raises(LegFailed, match="holds NaN or infinity"):
        run("plain", [floats(float("nan"))])


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_server_that_dies_fails_the_leg(
    analyzer: Analyzer, serve: Callable[..., LocalServer], tmp_path: Path, protocol: Any
) -> None:
    write_model(tmp_path, "plain", "")
    server = serve(tmp_path)
    killer = threading.Timer(2, os.kill, (server.pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(LegFailed, match="perf_analyzer stopped at a request that failed: "):
        analyzer.run(
            model="plain",
            address=server.http if protocol == "http" else server.grpc,
            protocol=protocol,
            requests=[floats(SLEEP, 0.05)],
            load=TWO,
            count=1000,
            warmup=2,
            timeout_seconds=60,
        )
    killer.join()


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_what_is_not_served_is_a_sentence(run: Run, protocol: str) -> None:
    with pytest.raises(LegFailed, match=r"'none'.* is not found"):
        run("none", [floats(1)], protocol=protocol)
    with pytest.raises(LegFailed, match=r"no server answers at 127\.0\.0\.1:1; see whether"):
        run("none", [floats(1)], protocol=protocol, address="127.0.0.1:1")


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ([{"probe_in": np.ones(2, np.int32)}], "input 'probe_in' is INT32, expected FP32"),
        ([{}], "request 1 of 'plain' lacks probe_in"),
        (
            [floats(1), floats(1) | {"z": np.ones(1)}],
            "request 2 .* has an input 'z'; expected probe_in",
        ),
        ([], "no request to send"),
    ],
)
def test_requests_that_the_model_does_not_take_are_refused(
    run: Run, requests: list[dict[str, np.ndarray]], expected: str
) -> None:
    with pytest.raises(LegFailed, match=expected):
        run("plain", requests)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"count": 1}, "1 requests cannot be measured at concurrency 2; expected at least 2"),
        ({"warmup": -1}, "the warm-up is -1 requests"),
        ({"load": Load(kind="concurrency", value=1.5)}, "concurrency is 1.5, expected a whole"),
    ],
)
def test_loads_that_make_no_sense_are_refused(
    run: Run, options: dict[str, Any], expected: str
) -> None:
    with pytest.raises(LegFailed, match=expected):
        run("plain", [floats(1)], **options)


@pytest.mark.parametrize(("empty", "good"), [(2, True), (3, False)])
def test_an_export_that_shared_memory_left_empty_is_made_again(
    analyzer: Analyzer, served: LocalServer, tmp_path: Path, empty: int, good: bool
) -> None:
    sometimes = tmp_path / "perf_analyzer"
    sometimes.write_text(
        "#!/bin/bash\n"
        f"echo >> {tmp_path}/runs\n"
        f'[ "$(wc -l < {tmp_path}/runs)" -le {empty} ] && : > export.json && exit 0\n'
        # Without shared memory: with it, this run too might be one of those that come out empty.
        f'exec {analyzer.path} "${{@/#system/none}}"\n'
    )
    sometimes.chmod(0o755)
    expected = contextlib.nullcontext() if good else pytest.raises(LegFailed, match="is empty")
    with expected:
        dataclasses.replace(analyzer, path=sometimes).run(
            model="plain",
            address=served.grpc,
            protocol="grpc",
            requests=[floats(1)],
            load=TWO,
            count=8,
            warmup=0,
            shared_memory="system",
            timeout_seconds=60,
        )
    assert len((tmp_path / "runs").read_text()) == 3
