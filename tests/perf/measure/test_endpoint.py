"""Calls to a real Triton: gRPC and HTTP, by value and in shared memory."""

from __future__ import annotations

import errno
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import tritonclient.grpc

from perf.errors import LegFailed, PerfError
from perf.measure.endpoint import Endpoint
from perf.measure.loader import closed_loop
from runtime.server.server import LocalServer
from tests.conftest import Serve
from tests.perf.fixtures import WriteModel

WORDS = np.array([b"", b"\xff\x00", "Zeile über".encode()], dtype=object)
REQUESTS = [
    {"x": np.array([1, 2], np.float32), "words": WORDS},
    {"x": np.array([3], np.float32)},  # an optional input is absent
    {"x": np.zeros(0, np.float32), "words": np.zeros(0, dtype=object)},
    {"x": np.arange(2000, dtype=np.float32)},
]
Protocol = Literal["grpc", "http"]
WAYS = [(protocol, memory) for protocol in ("grpc", "http") for memory in ("none", "system")]


def regions() -> list[str]:
    """The shared memory of this process."""
    return [path.name for path in Path("/dev/shm").glob(f"perf_{os.getpid()}_*")]


def registered(server: LocalServer) -> int:
    client = tritonclient.grpc.InferenceServerClient(server.grpc)
    try:
        return len(client.get_system_shared_memory_status().regions)
    finally:
        client.close()


BEGUN = "slow_has_begun"
"""The file beside the models that ``slow`` writes as it begins."""


@pytest.fixture(scope="module")
def server(triton: LocalServer, write_model: WriteModel) -> LocalServer:
    write_model(triton.repository, "echo")
    growing = "x = np.zeros(5000 * self.calls, np.float32)"
    write_model(triton.repository, "growing_grpc", work=growing)
    write_model(triton.repository, "growing_http", work=growing)
    write_model(triton.repository, "broken", work="raise RuntimeError('no such luck')")
    begun = triton.repository / BEGUN
    write_model(
        triton.repository, "slow", work=f"open({str(begun)!r}, 'w').close(); time.sleep(0.3)"
    )
    for name in ("echo", "slow", "growing_grpc", "growing_http", "broken"):
        triton.control.load(name)
    return triton


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_a_server_that_keeps_shared_memory_to_itself_is_a_sentence(
    serve: Serve, tmp_path: Path, write_model: WriteModel, protocol: Protocol
) -> None:
    write_model(tmp_path, "echo")
    server = serve(tmp_path)
    address = server.grpc if protocol == "grpc" else server.http
    with pytest.raises(PerfError, match=r"restricted.*calls of shared-memory open to clients"):
        Endpoint(address, "echo", REQUESTS, protocol=protocol, shared_memory="system").__enter__()
    assert regions() == []


Connect = Callable[..., Endpoint]


@pytest.fixture(params=WAYS, ids=["-".join(way) for way in WAYS])
def connect(server: LocalServer, request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Makes endpoints of the server, in each of the ways; holds that nothing is left of them."""
    protocol, memory = request.param

    def make(
        requests: Sequence[Mapping[str, np.ndarray]] = REQUESTS,
        model: str = "echo",
        address: str | None = None,
    ) -> Endpoint:
        address = address or (server.grpc if protocol == "grpc" else server.http)
        return Endpoint(address, model, requests, protocol=protocol, shared_memory=memory)

    yield make
    assert regions() == []
    assert registered(server) == 0


def check(answer: dict[str, np.ndarray], i: int) -> None:
    request = REQUESTS[i % len(REQUESTS)]
    words = request.get("words", np.array([b"nothing"], dtype=object))
    assert set(answer) == {"y", "said"}
    assert answer["y"].dtype == np.float32
    assert answer["y"].tolist() == request["x"].tolist()
    assert answer["said"].tolist() == words.tolist()


def test_all_outputs_come_back_and_requests_cycle(connect: Connect) -> None:
    with connect() as endpoint:
        for i in range(2 * len(REQUESTS)):
            endpoint(i)
            check(endpoint.outputs(i), i)


def test_calls_at_once_each_get_their_own_answer(connect: Connect) -> None:
    with connect() as endpoint:
        for _ in range(2):  # each time from other threads
            sample = closed_loop(
                lambda i: check(endpoint.outputs(i), i), concurrency=4, count=60, warmup=4
            )
            assert (sample.errors, sample.first_error) == (0, None)


def test_a_refusal_is_one_sentence_and_the_next_request_is_answered(connect: Connect) -> None:
    with connect() as endpoint:
        endpoint._inputs.append(endpoint._tensors({"x": np.array([-1], np.float32)}))
        with pytest.raises(PerfError, match=r"^echo: x is negative$"):
            endpoint(len(REQUESTS))
        check(endpoint.outputs(0), 0)


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_an_answer_larger_than_its_region_is_an_error(
    server: LocalServer, protocol: Protocol
) -> None:
    model = f"growing_{protocol}"  # its answers grow from call to call
    address = server.grpc if protocol == "grpc" else server.http
    with Endpoint(
        address, model, REQUESTS[:1], protocol=protocol, shared_memory="system"
    ) as endpoint:
        assert endpoint.outputs(0)["y"].size == 10_000  # twice what was seen
        with pytest.raises(PerfError, match=r"'y' \(40000 bytes\) should be at least 60000 bytes"):
            endpoint(0)
    assert regions() == []


def test_messages_of_many_megabytes(connect: Connect) -> None:
    x = np.arange(4_000_000, dtype=np.float32)
    with connect([{"x": x}]) as endpoint:
        assert np.array_equal(endpoint.outputs(0)["y"], x)


def test_unknown_models_and_inputs_are_told(connect: Connect) -> None:
    cases = [
        (REQUESTS, "nope", "^nope: .*'nope' is not found"),
        ([{"z": np.zeros(1, np.float32)}], "echo", "^echo: .*input 'z'"),
        ([{"x": np.zeros(1, np.int32)}], "echo", "^echo: .*INT32"),
    ]
    for requests, model, sentence in cases:
        with pytest.raises(PerfError, match=sentence), connect(requests, model) as endpoint:
            endpoint(0)


def test_a_stage_that_fails_by_its_own_fault_shows_no_path(connect: Connect) -> None:
    with pytest.raises(PerfError) as caught, connect(model="broken") as endpoint:
        endpoint(0)
    assert re.search("no such luck$", str(caught.value))
    assert "/" not in str(caught.value)


def test_a_server_that_is_not_there_is_told(connect: Connect) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        told = f"no server answers at {address}"
        with pytest.raises(PerfError, match=told), connect(address=address) as endpoint:
            endpoint(0)


def test_nothing_is_left_after_an_error_within(connect: Connect) -> None:
    with pytest.raises(ZeroDivisionError), connect() as endpoint:
        endpoint(0)
        raise ZeroDivisionError


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_regions_that_a_request_still_uses_are_removed_after_it(
    server: LocalServer, protocol: Protocol
) -> None:
    begun = server.repository / BEGUN
    address = server.grpc if protocol == "grpc" else server.http
    endpoint = Endpoint(address, "slow", REQUESTS[:1], protocol=protocol, shared_memory="system")
    answers: list[dict[str, np.ndarray]] = []
    with endpoint:
        call = threading.Thread(target=lambda: answers.append(endpoint.outputs(0)))
        begun.unlink(missing_ok=True)
        call.start()
        while not begun.exists():
            assert call.is_alive()
            time.sleep(0.02)
        endpoint._unregister(endpoint._regions[0])  # that of the inputs
        assert registered(server) == 1
        call.join()
    check(answers[0], 0)
    assert registered(server) == 0
    assert regions() == []


def test_a_server_that_ends_is_told_and_nothing_is_left(
    serve: Serve, write_model: WriteModel, tmp_path: Path
) -> None:
    write_model(tmp_path, "echo")
    server = serve(tmp_path, open_groups=("shared-memory",))
    addresses = {"grpc": server.grpc, "http": server.http}
    for protocol in ("grpc", "http"):
        endpoint = Endpoint(
            addresses[protocol], "echo", REQUESTS, protocol=protocol, shared_memory="system"
        )
        with endpoint:
            endpoint(0)
            if protocol == "http":
                server.stop(now=True)
                with pytest.raises(PerfError, match="no server answers at"):
                    endpoint(0)
    with (
        pytest.raises(LegFailed, match="no server answers at"),
        Endpoint(addresses["grpc"], "echo", REQUESTS, shared_memory="system"),
    ):
        pass
    assert regions() == []


def test_too_little_shared_memory_is_told(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with (
        pytest.raises(LegFailed, match=r"no room for .* MiB .*No space left .*/dev/shm"),
        Endpoint(server.grpc, "echo", REQUESTS, shared_memory="system"),
    ):
        pass
    assert regions() == []


def test_an_endpoint_needs_a_request() -> None:
    with pytest.raises(ValueError, match="at least one request"):
        Endpoint("127.0.0.1:1", "echo", [])
