"""Answers in pieces over gRPC: their deadlines, errors and ends, and a client that leaves.

The server here does what each test says; ``tests/builders/kit/emit/test_streamed.py`` has Triton.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from clients.connection.address import address_of
from clients.connection.connection import Connection, tensor
from clients.connection.errors import CutOff, RequestError
from clients.connection.streaming import status_of
from tests.clients.listeners import accepts_then_cuts, listening
from tests.clients.standin import Relay, answer, is_raw
from tests.waiting import until

ROOT = Path(__file__).parents[3]
Piece = service_pb2.ModelStreamInferResponse
Behave = Callable[[grpc.ServicerContext], Iterator[Piece]]


def piece(text: str, *, final: bool = False) -> Piece:
    found = answer(text=np.array([text.encode()], np.object_))
    found.parameters["triton_final_response"].bool_param = final
    return Piece(infer_response=found)


def end() -> Piece:
    found = service_pb2.ModelInferResponse(model_name="m", model_version="1")
    found.parameters["triton_final_response"].bool_param = True
    return Piece(infer_response=found)


class Server(service_pb2_grpc.GRPCInferenceServiceServicer):
    """Answers each stream as it is told."""

    def __init__(self, behave: Behave) -> None:
        self.behave = behave
        self.asked: list[service_pb2.ModelInferRequest] = []
        self.header: dict[str, object] = {}
        self.left = threading.Event()

    def ModelStreamInfer(
        self, requests: Iterator[service_pb2.ModelInferRequest], context: grpc.ServicerContext
    ) -> Iterator[Piece]:
        if not context.add_callback(self.left.set):
            self.left.set()
        self.header = dict(context.invocation_metadata())
        for request in requests:
            self.asked.append(request)
            yield from self.behave(context)


@pytest.fixture
def serving(port: int) -> Iterator[Callable[[Behave], tuple[Server, Connection]]]:
    started: list[grpc.Server] = []
    open_: list[Connection] = []

    def serve(behave: Behave) -> tuple[Server, Connection]:
        servicer = Server(behave)
        server = grpc.server(futures.ThreadPoolExecutor(8))
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, server)
        assert server.add_insecure_port(f"127.0.0.1:{port}") == port
        server.start()
        started.append(server)
        open_.append(Connection(address_of(f"127.0.0.1:{port}"), timeout=60))
        return servicer, open_[-1]

    yield serve
    for each in open_:
        each.close()
    for server in started:
        server.stop(None).wait()


Serving = Callable[[Behave], tuple[Server, Connection]]
INPUTS = [tensor("x", np.array([1.0, 2.0], np.float32))]


def texts(connection: Connection, **options: float) -> Iterator[str]:
    for each in connection.stream("m", INPUTS, **options):  # type: ignore[arg-type]
        found = each.as_numpy("text")
        assert found is not None
        yield found[0].decode()


def refusal(connection: Connection, **options: float) -> RequestError:
    with pytest.raises(RequestError) as refused:
        list(texts(connection, **options))
    assert not is_raw(str(refused.value)), str(refused.value)
    return refused.value


@pytest.mark.parametrize("last", [piece("b", final=True), end()], ids=["with", "alone"])
def test_pieces_come_one_by_one_until_the_last(serving: Serving, last: Piece) -> None:
    more = threading.Event()

    def behave(_: grpc.ServicerContext) -> Iterator[Piece]:
        yield piece("a")
        more.wait(60)
        yield last

    servicer, connection = serving(behave)
    came = texts(connection)
    assert next(came) == "a"
    more.set()
    assert list(came) == (["b"] if last.infer_response.outputs else [])
    (request,) = servicer.asked
    assert [each.name for each in request.inputs] == ["x"]
    assert np.frombuffer(request.raw_input_contents[0], np.float32).tolist() == [1.0, 2.0]
    assert request.parameters["triton_enable_empty_final_response"].bool_param
    assert request.parameters["error_code_in_text"].bool_param
    assert "triton_grpc_error" not in servicer.header, "it can end a server"


def test_nothing_of_ours_sends_the_header_that_ends_a_server() -> None:
    """Triton 24.10 aborts when some streams at once end with their status, as it asks for."""
    sends = re.compile(r"""["']triton_grpc_error["']""")
    folders = (each.parent for each in ROOT.glob("*/__init__.py") if each.parent.name != "tests")
    found = [
        str(path.relative_to(ROOT))
        for folder in folders
        for path in folder.rglob("*.py")
        if sends.search(path.read_text("utf-8"))
    ]
    assert not found, "take status and sentence from clients.connection.streaming.status_of"


def test_a_generator_that_is_closed_cancels_the_request(serving: Serving) -> None:
    def behave(context: grpc.ServicerContext) -> Iterator[Piece]:
        while context.is_active():
            yield piece("a")
            time.sleep(0.01)

    servicer, connection = serving(behave)
    came = connection.stream("m", INPUTS)
    next(came)
    assert not servicer.left.is_set()
    came.close()
    until(servicer.left.is_set)


def waits(context: grpc.ServicerContext) -> Iterator[Piece]:
    yield piece("a")
    while context.is_active():
        time.sleep(0.01)


@pytest.mark.parametrize("options", [{"timeout": 0.3}, {"wait": 0.3}])
def test_a_piece_that_does_not_come_is_not_waited_for(
    serving: Serving, options: dict[str, float]
) -> None:
    servicer, connection = serving(waits)
    # It connects before: that may take 0.3 s, and then the server would never be asked.
    came = connection.stream("m", INPUTS)
    next(came)
    came.close()
    until(servicer.left.is_set)
    servicer.left.clear()
    error = refusal(connection, **options)
    assert error.code == "DEADLINE_EXCEEDED" and "did not answer within 0.3 s" in str(error)
    until(servicer.left.is_set)


def test_the_wait_is_for_each_piece_and_not_for_what_reads_them(serving: Serving) -> None:
    def behave(_: grpc.ServicerContext) -> Iterator[Piece]:
        for number in range(4):
            time.sleep(0.2)
            yield piece(str(number), final=number == 3)

    _, connection = serving(behave)
    came = []
    for each in texts(connection, wait=15.0):
        came.append(each)
        time.sleep(0.1)
    assert came == ["0", "1", "2", "3"]


@pytest.mark.parametrize("before", [[], ["a"]])
def test_an_error_has_its_status_and_its_sentence(serving: Serving, before: list[str]) -> None:
    def behave(_: grpc.ServicerContext) -> Iterator[Piece]:
        yield from map(piece, before)
        yield Piece(error_message="INVALID_ARG: not this word")

    servicer, connection = serving(behave)
    error = refusal(connection)
    assert (error.code, str(error)) == ("INVALID_ARGUMENT", "not this word")
    assert len(servicer.asked) == 1


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("UNAVAILABLE: all places are taken", "UNAVAILABLE"),
        ("UNSUPPORTED: no such thing", "UNIMPLEMENTED"),
        ("in ensemble 'whole', INVALID_ARG: no image", "INVALID_ARGUMENT"),
        ("a model that is not the kit's", "UNKNOWN"),
        ("SUPREME: a code that there is not", "UNKNOWN"),
        ("Request for unknown model: 'm' is not found", "NOT_FOUND"),
        ("[request id: 1] Exceeds maximum queue size", "UNAVAILABLE"),
        ("[request id: 1] unexpected shape for input 'x' for model 'm'", "INVALID_ARGUMENT"),
    ],
)
def test_the_status_is_in_the_text_of_an_error(said: str, status: str) -> None:
    found, sentence = status_of(said)
    assert found == status
    assert said.endswith(sentence) and not sentence.startswith(
        ("UNAVAILABLE", "UNSUPPORTED", "in ")
    )


def test_a_gateways_error_ends_the_stream_with_its_status(serving: Serving) -> None:
    def behave(context: grpc.ServicerContext) -> Iterator[Piece]:
        context.abort(grpc.StatusCode.UNAVAILABLE, "no healthy upstream")

    _, connection = serving(behave)
    error = refusal(connection)
    assert error.code == "UNAVAILABLE" and "has no server behind it" in str(error)


def test_a_stream_that_ends_before_its_last_piece_is_not_taken_for_whole(serving: Serving) -> None:
    _, connection = serving(lambda _: iter([piece("a")]))
    error = refusal(connection)
    assert isinstance(error, CutOff) and error.sent


def test_a_stream_that_is_cut_after_its_first_piece_is_not_asked_again(serving: Serving) -> None:
    servicer, straight = serving(waits)
    relay = Relay(straight.address.port)
    connection = Connection(address_of(relay.address), timeout=60)
    try:
        came = texts(connection)
        assert next(came) == "a"
        relay.cut()
        with pytest.raises(CutOff, match="was cut off before the answer came"):
            next(came)
        assert len(servicer.asked) == 1
    finally:
        connection.close()
        relay.close()


def test_a_stream_that_is_cut_before_its_first_piece_is_asked_again(port: int) -> None:
    with listening(accepts_then_cuts, port) as listener:
        connection = Connection(address_of(listener.address), timeout=60)
        try:
            assert isinstance(refusal(connection), CutOff)
        finally:
            connection.close()
        assert sum(b"ModelStreamInfer" in each for each in listener.seen) == 3


def test_no_server_is_a_sentence(port: int) -> None:
    connection = Connection(address_of(f"127.0.0.1:{port}"), timeout=60, patience=0)
    try:
        assert "no server answers at" in str(refusal(connection))
    finally:
        connection.close()


def test_many_streams_share_a_connection(serving: Serving) -> None:
    def behave(_: grpc.ServicerContext) -> Iterator[Piece]:
        yield piece("a")
        yield piece("b", final=True)

    _, connection = serving(behave)
    with futures.ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: list(texts(connection)), range(60)))
    assert answers == [["a", "b"]] * 60
