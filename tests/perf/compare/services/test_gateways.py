"""Both gateways before the same servers answer as the ensemble does, failures included."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tritonclient.grpc as grpc
from grpc import RpcError, insecure_channel
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

from clients.chained import request_input
from perf.compare.services import Gateway, StepServers
from runtime import processes
from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer

Arrays = Mapping[str, np.ndarray]
# An environment of its own is installed for it, which takes most of a minute.
KSERVE = pytest.param("kserve", marks=pytest.mark.thorough)


@dataclass(frozen=True)
class Running:
    """One Triton with the ensemble, and the steps' servers."""

    ensemble: str
    steps: StepServers


@pytest.fixture(scope="module")
def running(repository: Path, server_environment: ServerEnvironment) -> Iterator[Running]:
    with (
        contextlib.ExitStack() as stack,
        StepServers(repository, "toy", environment=server_environment) as steps,
    ):
        server = LocalServer(repository, load=("toy",), environment=server_environment)
        stack.callback(server.stop, now=True)
        server.start()
        yield Running(server.grpc, steps)


@pytest.fixture(scope="module")
def tritonclient(running: Running) -> Iterator[Gateway]:
    with Gateway(running.steps.plan, running.steps.addresses) as started:
        yield started


@pytest.fixture(scope="module")
def kserve(running: Running) -> Iterator[Gateway]:
    with Gateway(running.steps.plan, running.steps.addresses, kind="kserve") as started:
        yield started


@pytest.fixture(params=["tritonclient", KSERVE])
def gateway(request: pytest.FixtureRequest) -> Gateway:
    """A gateway of either kind."""
    started: Gateway = request.getfixturevalue(request.param)
    return started


def sentence(text: str | bytes, **more: np.ndarray) -> dict[str, np.ndarray]:
    content = text.encode() if isinstance(text, str) else text
    return {"sentence": np.array([content], np.object_), **more}


def limit(value: int) -> np.ndarray:
    return np.array([value], np.int32)


def infer(address: str, inputs: Arrays, wanted: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    with grpc.InferenceServerClient(address) as client:
        result = client.infer(
            "toy",
            [request_input(name, array) for name, array in inputs.items()],
            outputs=[grpc.InferRequestedOutput(name) for name in wanted] or None,
            request_id="7",
        )
        answer = result.get_response()
        assert (answer.id, answer.model_name) == ("7", "toy")
        names = [output.name for output in answer.outputs]
        return {name: np.asarray(result.as_numpy(name)) for name in names}


def refusal(call: Callable[..., Any], *arguments: Any) -> tuple[str, str]:
    """The gRPC code and the sentence that a call fails with."""
    with pytest.raises(InferenceServerException) as refused:
        call(*arguments)
    return str(refused.value.status()).removeprefix("StatusCode."), str(refused.value.message())


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "inputs",
    [
        sentence("an ensemble costs next to nothing"),
        sentence(b"\xff\x00\xfe  end"),
        sentence("two of three", limit=limit(2)),
        sentence("none", limit=limit(0)),
        sentence(b"x" * 9_000_000),
    ],
    ids=["optional absent", "bytes and empty strings", "optional given", "zero rows", "9 MB"],
)
def test_answers_equal_the_ensembles(running: Running, gateway: Gateway, inputs: Arrays) -> None:
    expected = infer(running.ensemble, inputs)
    answer = infer(gateway.address, inputs)
    assert list(expected) and sorted(answer) == sorted(expected)
    for name, array in expected.items():
        assert answer[name].dtype == array.dtype and answer[name].shape == array.shape
        np.testing.assert_array_equal(answer[name], array)


def test_only_requested_outputs_are_sent(gateway: Gateway) -> None:
    wanted = ("fourfold", "words")
    assert sorted(infer(gateway.address, sentence("a b"), wanted)) == sorted(wanted)


@pytest.mark.parametrize(
    ("inputs", "code", "words"),
    [
        (sentence("x", limit=limit(-1)), "INVALID_ARGUMENT", "limit is negative"),
        # The server stands and refuses, so nobody may say that it does not answer.
        (sentence("busy"), "UNAVAILABLE", "come back later"),
    ],
    ids=["refused", "overloaded"],
)
def test_a_steps_refusal_keeps_its_code_and_sentence(
    running: Running, gateway: Gateway, inputs: Arrays, code: str, words: str
) -> None:
    assert refusal(infer, gateway.address, inputs) == (code, words)
    theirs = refusal(infer, running.ensemble, inputs)
    assert theirs[0] == code and theirs[1].endswith(words)


def raw(address: str, **changes: Any) -> Any:
    """A request as a message, changed from a good one."""
    fields: dict[str, Any] = {
        "model_name": "toy",
        "inputs": [{"name": "sentence", "datatype": "BYTES", "shape": [1]}],
        "raw_input_contents": [b"\x01\x00\x00\x00a"],
    }
    with insecure_channel(address) as channel:
        try:
            return service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(
                service_pb2.ModelInferRequest(**fields | changes), timeout=60
            )
        except RpcError as error:
            raise InferenceServerException(error.details(), str(error.code())) from None


CONTENTS = [
    {"name": "sentence", "datatype": "BYTES", "shape": [1], "contents": {"bytes_contents": [b"a"]}}
]
SHARED = [
    {
        "name": "sentence",
        "datatype": "BYTES",
        "shape": [1],
        "parameters": {"shared_memory_region": {"string_param": "r"}},
    }
]
LIMIT = [{"name": "limit", "datatype": "INT32", "shape": [1]}]
SPEECH = [{"name": "speech", "datatype": "BYTES", "shape": [1]}]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"inputs": CONTENTS, "raw_input_contents": []}, "in raw_input_contents: expected 1"),
        ({"raw_input_contents": [b"", b""]}, "1"),
        ({"inputs": SHARED}, "cannot have 'shared_memory_region'"),
        ({"inputs": SPEECH}, "has no input ['speech']"),
        ({"inputs": LIMIT, "raw_input_contents": [b"\0\0\0\0"]}, "needs input ['sentence']"),
        ({"inputs": [], "raw_input_contents": []}, "needs input ['sentence']"),
        ({"outputs": [{"name": "song"}]}, "has no output ['song']"),
        ({"raw_input_contents": [b"\xff\xff\xff\xff"]}, "'sentence'"),
    ],
    ids=[
        "typed contents",
        "too many contents",
        "shared memory",
        "unknown input",
        "missing input",
        "no input",
        "unknown output",
        "torn bytes, which the step refuses",
    ],
)
def test_a_wrong_request_is_refused_in_a_sentence(
    gateway: Gateway, changes: dict[str, Any], words: str
) -> None:
    code, said = refusal(lambda: raw(gateway.address, **changes))
    assert code == "INVALID_ARGUMENT" and words in said, said
    assert len(raw(gateway.address).outputs) == 3


def test_another_model_is_not_found(gateway: Gateway) -> None:
    assert refusal(lambda: raw(gateway.address, model_name="ocr"))[0] == "NOT_FOUND"


def test_another_version_is_not_found(tritonclient: Gateway) -> None:
    address = tritonclient.address
    assert refusal(lambda: raw(address, model_version="2"))[0] == "NOT_FOUND"


def test_concurrent_requests_are_not_mixed_up(gateway: Gateway) -> None:
    def ask(number: int) -> None:
        words = [f"{number}-{place}" for place in range(number % 5 + 1)]
        answer = infer(gateway.address, sentence(" ".join(words)))
        assert [word.decode() for word in answer["shouted"]] == words
        # The first column is the length, four times.
        assert answer["fourfold"][:, 0].tolist() == [4.0 * len(word) for word in words]

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, range(200)))


def test_a_slow_request_holds_up_no_other(gateway: Gateway, tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.touch()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(infer, gateway.address, sentence(f"held {held}"))
        try:
            infer(gateway.address, sentence("quick"))
            assert not slow.done()
        finally:
            held.unlink()


def test_it_looks_like_a_model_to_perf_analyzer(running: Running, tritonclient: Gateway) -> None:
    address = tritonclient.address
    with (
        grpc.InferenceServerClient(address) as client,
        grpc.InferenceServerClient(running.ensemble) as triton,
    ):
        assert client.is_server_live() and client.is_server_ready()
        assert client.is_model_ready("toy") and not client.is_model_ready("ocr")
        assert "statistics" in client.get_server_metadata().extensions
        ours, theirs = (each.get_model_metadata("toy") for each in (client, triton))
        for side in ("inputs", "outputs"):
            assert [*getattr(ours, side)] == [*getattr(theirs, side)]
        mine, its = (each.get_model_config("toy").config for each in (client, triton))
        assert [*mine.input] == [*its.input] and [*mine.output] == [*its.output]
        assert not mine.HasField("ensemble_scheduling")
        assert refusal(client.get_model_config, "ocr")[0] == "NOT_FOUND"


def test_statistics_are_of_the_requests_that_were_made(tritonclient: Gateway) -> None:
    address = tritonclient.address
    with grpc.InferenceServerClient(address) as client:

        def statistics() -> Any:
            return client.get_inference_statistics("toy").model_stats[0]

        before = statistics()
        for _ in range(3):
            infer(address, sentence("slow 0.05"))
        refusal(infer, address, sentence("busy"))
        after = statistics()
    assert after.inference_count - before.inference_count == 3
    gained = after.inference_stats.success.ns - before.inference_stats.success.ns
    assert gained >= 3 * 50_000_000
    assert after.inference_stats.fail.count - before.inference_stats.fail.count == 1


@pytest.mark.thorough
def test_kserve_tells_its_tensors(kserve: Gateway) -> None:
    with grpc.InferenceServerClient(kserve.address) as client:
        assert client.is_model_ready("toy")
        metadata = client.get_model_metadata("toy")
        assert [tensor.name for tensor in metadata.inputs] == ["sentence", "limit"]
        assert [*metadata.outputs[2].shape] == [-1, 2]


def test_each_model_has_a_server_and_its_own_stubs(running: Running) -> None:
    parts = {part: find() for part, find in running.steps.parts.items()}
    assert list(parts) == ["server", "split", "upper", "double"]
    assert sorted(parts["server"]) == sorted(
        server.pid for server in running.steps.servers.values()
    )
    assert all(len(parts[name]) == 2 for name in ("split", "double", "upper"))
    pids = [pid for each in parts.values() for pid in each]
    assert len(set(pids)) == 9 and all(map(processes.is_running, pids))
    for model, server in running.steps.servers.items():
        assert [each.name for each in server.control.index() if each.ready] == [model]


def test_nothing_listens_beyond_this_machine(gateway: Gateway) -> None:
    connections = psutil.Process(gateway.pid).net_connections("tcp")
    listening = {each.laddr.ip for each in connections if each.status == "LISTEN"}
    # gRPC listens on IPv6 sockets, for IPv4 addresses too.
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


@pytest.mark.thorough
def test_a_server_that_dies_is_unavailable_by_name(
    running: Running, repository: Path, server_environment: ServerEnvironment
) -> None:
    with LocalServer(repository, load=("split",), environment=server_environment) as victim:
        addresses = running.steps.addresses | {"split": victim.grpc}
        with (
            Gateway(running.steps.plan, addresses) as first,
            Gateway(running.steps.plan, addresses, kind="kserve") as second,
            ThreadPoolExecutor(2) as pool,
        ):
            for gateway in (first, second):
                infer(gateway.address, sentence("still here"))
            under_way = [
                pool.submit(refusal, infer, each.address, sentence("slow 20"))
                for each in (first, second)
            ]
            time.sleep(0.3)
            os.kill(victim.pid, signal.SIGKILL)
            told = [each.result() for each in under_way]
            told += [refusal(infer, each.address, sentence("x")) for each in (first, second)]
    for code, said in told:
        assert code == "UNAVAILABLE", said
        assert f"the server of step 'split' at {addresses['split']} does not answer" in said
