"""What is asked again and what is not, and the sentence for each way in which no answer comes."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import serialize_byte_tensor

from clients import connection
from clients.asr import AsrClient
from clients.errors import CutOff, RequestError
from clients.ocr import OcrClient
from tests.clients.listeners import (
    Listener,
    accepts_then_cuts,
    closes,
    free_port,
    is_silent,
    listening,
    reset,
    resets,
    says,
)


class Server(service_pb2_grpc.GRPCInferenceServiceServicer):
    """A gRPC server that answers ``ocr``, ``asr`` and ``asr_stream``, or refuses with a status."""

    def __init__(self) -> None:
        self.asked: list[service_pb2.ModelInferRequest] = []
        self.refuse: tuple[grpc.StatusCode, str] | None = None
        self.sequences: dict[int, int] = {}

    def ModelInfer(
        self, request: service_pb2.ModelInferRequest, context: grpc.ServicerContext
    ) -> service_pb2.ModelInferResponse:
        self.asked.append(request)
        if self.refuse is not None:
            context.abort(*self.refuse)
        if request.model_name == "ocr":
            return answer(text=np.array([b"read"], object), boxes=BOX, scores=SCORE)
        nothing = {
            "segment_text": np.array([], object),
            "words": np.array([], object),
            "scores": SCORE[:0],
            "word_scores": SCORE[:0],
            "segments": np.zeros((0, 2), np.float32),
            "word_times": np.zeros((0, 2), np.float32),
        }
        if request.model_name == "asr":
            return answer(**nothing)
        heard = self._heard(request.parameters, context)
        return answer(partial=np.array([heard], object), partial_start=SCORE, **nothing)

    def _heard(self, part: Any, context: grpc.ServicerContext) -> bytes:
        """How many pieces of its sequence a request is, as Triton tells sequences apart."""
        sequence = part["sequence_id"].int64_param
        if part["sequence_start"].bool_param:
            self.sequences[sequence] = 0
        if sequence not in self.sequences:
            context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"inference request for sequence {sequence} to model 'asr_stream' must specify "
                "the START flag on the first request of the sequence",
            )
        self.sequences[sequence] += 1
        return f"piece {self.sequences[sequence]}".encode()


BOX = np.zeros((1, 4, 2), np.float32)
SCORE = np.array([0.5], np.float32)


def answer(**outputs: np.ndarray) -> service_pb2.ModelInferResponse:
    made = service_pb2.ModelInferResponse(model_name="m", model_version="1")
    for name, array in outputs.items():
        is_text = array.dtype == object
        made.outputs.add(name=name, datatype="BYTES" if is_text else "FP32", shape=array.shape)
        if is_text:
            content = serialize_byte_tensor(array).item() if array.size else b""
        else:
            content = array.tobytes()
        made.raw_output_contents.append(content)
    return made


class Served:
    """The server, listening or not."""

    def __init__(self, port: int) -> None:
        self.servicer = Server()
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self.servicer, self._server)
        assert self._server.add_insecure_port(f"127.0.0.1:{port}") == port
        self._server.start()

    def stop(self) -> None:
        self._server.stop(None).wait()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def served(port: int) -> Iterator[Served]:
    server = Served(port)
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("grpc_proxy", "https_proxy", "http_proxy", "no_grpc_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def read(url: str, **options: object) -> list[str]:
    with OcrClient(url, **options) as client:
        return [line.text for line in client.read(b"page")]


def refusal(url: str, **options: object) -> RequestError:
    with pytest.raises(RequestError) as refused:
        read(url, **options)
    sentence = str(refused.value)
    assert not is_raw(sentence), sentence
    return refused.value


def is_raw(sentence: str) -> bool:
    """Whether it holds something of gRPC's own texts."""
    raw = ("UNKNOWN", "ipv4:", "ipv6:", "recvmsg", "StatusCode", "last error", "Deadline Exceeded")
    return any(each in sentence for each in raw) or "\n" in sentence


def test_a_server_that_is_still_starting_is_waited_for(port: int) -> None:
    told: list[str] = []
    started: list[Served] = []

    def waiting(sentence: str) -> None:
        told.append(sentence)
        if len(told) == 3:
            started.append(Served(port))

    try:
        assert read(f"127.0.0.1:{port}", waiting=waiting, patience=60) == ["read"]
        assert len(started[0].servicer.asked) == 1
    finally:
        for each in started:
            each.stop()
    assert told[0].startswith(f"no server answers at 127.0.0.1:{port}")


@pytest.mark.parametrize("behave", [resets, closes], ids=lambda each: each.__name__)
def test_a_listener_that_closes_before_anything_was_sent_is_asked_again(
    behave: Callable[[Listener, socket.socket], None], port: int
) -> None:
    """As a proxy does in front of a server that is starting."""
    with listening(behave, port) as listener:
        error = refusal(listener.address, patience=1.0)
        assert isinstance(error, CutOff) and not error.sent
        assert len(listener.seen) >= 3


def test_a_cut_request_is_asked_again_until_it_is_answered(port: int) -> None:
    """The server ends in the middle of the first request, and is there again for the second."""
    told: list[str] = []
    listener = Listener(accepts_then_cuts, port)
    started: list[Served] = []

    def waiting(sentence: str) -> None:
        told.append(sentence)
        if len(told) == 1:
            listener.close()
            started.append(Served(port))

    try:
        assert read(f"127.0.0.1:{port}", waiting=waiting, patience=60) == ["read"]
    finally:
        for each in started:
            each.stop()
    assert "was cut off before the answer came" in told[0]
    assert len(started[0].servicer.asked) == 1


def test_a_request_that_ends_every_server_is_not_asked_for_ever(port: int) -> None:
    with listening(accepts_then_cuts, port) as listener:
        error = refusal(listener.address)
        assert isinstance(error, CutOff) and error.sent
        assert sum(b"ModelInfer" in each for each in listener.seen) == 1 + connection.CUTS
        assert "was cut off before the answer came" in str(error)


@pytest.mark.parametrize(
    ("status", "text", "said"),
    [
        (grpc.StatusCode.UNAVAILABLE, "Exceeds maximum queue size", "Exceeds maximum queue size"),
        (grpc.StatusCode.UNAVAILABLE, "in ensemble 'ocr', Connection limit", "Connection limit"),
        (grpc.StatusCode.INVALID_ARGUMENT, "not an image", "not an image"),
        (grpc.StatusCode.INTERNAL, "stage failed\n  File /x.py, line 3", "stage failed"),
        (grpc.StatusCode.UNIMPLEMENTED, "", "is no Triton"),
        (grpc.StatusCode.UNAUTHENTICATED, "", "asks for credentials"),
        (grpc.StatusCode.PERMISSION_DENIED, "", "asks for credentials"),
        (grpc.StatusCode.CANCELLED, "CANCELLED", "was cancelled before its answer came"),
        (grpc.StatusCode.UNAVAILABLE, "no healthy upstream", "has no server behind it"),
        (grpc.StatusCode.DATA_LOSS, "", "gRPC status DATA_LOSS"),
        (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "SERVER: Received message larger than max (70000000 vs. 64000000)",
            "the request is larger than the server at 127.0.0.1:{port} takes: 70,000,000 bytes, "
            "at most 64,000,000",
        ),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_refusal_is_an_answer_and_is_not_asked_again(
    served: Served, port: int, status: grpc.StatusCode, text: str, said: str
) -> None:
    served.servicer.refuse = (status, text)
    error = refusal(f"127.0.0.1:{port}")
    assert error.code == status.name and said.format(port=port) in str(error)
    assert len(served.servicer.asked) == 1


def test_no_answer_in_time_is_said_with_the_time() -> None:
    with listening(is_silent) as listener:
        error = refusal(listener.address, timeout=0.3)
    assert error.code == "DEADLINE_EXCEEDED"
    assert f"the server at {listener.address} did not answer within 0.3 s" in str(error)


def test_the_callers_deadline_ends_the_asking(port: int) -> None:
    began = time.monotonic()
    refusal(f"127.0.0.1:{port}", timeout=0.5, patience=3600)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "speaks HTTP, and the address"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "does not speak gRPC"),
    ],
)
def test_another_protocol_is_recognised_at_once(text: bytes, said: str) -> None:
    with listening(says(text)) as listener:
        error = refusal(listener.address, patience=3600)
        assert said in str(error) and "gRPC port is 8001" in str(error)
        assert len(listener.seen) <= 3


def test_a_server_without_tls_is_recognised(served: Served, port: int) -> None:
    assert "does not speak TLS" in str(refusal(f"https://127.0.0.1:{port}"))


def test_a_certificate_that_is_not_trusted_is_recognised(tmp_path: Path, port: int) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    server = grpc.server(futures.ThreadPoolExecutor(1))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(Server(), server)
    credentials = grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())])
    server.add_secure_port(f"127.0.0.1:{port}", credentials)
    server.start()
    try:
        assert "certificate of localhost" in str(refusal(f"grpcs://localhost:{port}"))
        trusting = subprocess.run(
            [sys.executable, "-c", TRUSTING, f"grpcs://localhost:{port}"],
            env={"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(certificate), "PATH": "/usr/bin"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert trusting.stdout == "read\n", trusting.stderr
    finally:
        server.stop(None).wait()


TRUSTING = """
import sys
from clients.ocr import OcrClient
with OcrClient(sys.argv[1]) as client:
    print(client.read(b"page")[0].text)
"""


def test_a_name_that_nobody_knows_is_said() -> None:
    error = refusal("nowhere.invalid:8001", patience=3600)
    assert "the name nowhere.invalid is not known here" in str(error)


def test_loopback_is_asked_directly_whatever_the_proxy(
    served: Served, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        assert read(f"127.0.0.1:{port}") == read(f"localhost:{port}") == ["read"]


def test_a_proxy_that_is_not_there_or_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://u:secret@127.0.0.1:{free_port()}")
    absent = str(refusal("triton.invalid:8001", patience=0))
    assert "no server answers at triton.invalid:8001 by way of the proxy 127.0.0.1:" in absent
    assert "(http_proxy)" in absent and "secret" not in absent and "no_proxy" in absent
    with listening(says(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")) as proxy:
        monkeypatch.setenv("grpc_proxy", f"http://{proxy.address}/")
        refused = str(refusal("triton.invalid:8001", patience=3600))
        assert f"by way of the proxy {proxy.address} (grpc_proxy)" in refused
        assert "refused with HTTP status 403" in refused


def test_an_answer_without_the_outputs_is_one_sentence(served: Served, port: int) -> None:
    with (
        AsrClient(f"127.0.0.1:{port}", model="ocr") as client,
        pytest.raises(RequestError, match="the answer of 'ocr' has no output 'words'"),
    ):
        client.transcribe(b"sound")


PIECES = [np.full(16_000, value, np.float32) for value in range(4)]


class Relay:
    """Passes a port's connections on to another, until it is told to cut them all."""

    def __init__(self, to: int, port: int = 0) -> None:
        self._to = to
        self._both: list[socket.socket] = []
        self._listener = Listener(self._pass, port)
        self.address = self._listener.address

    def _pass(self, _: Listener, here: socket.socket) -> None:
        there = socket.create_connection(("127.0.0.1", self._to))
        self._both += [here, there]
        threading.Thread(target=_pump, args=(there, here), daemon=True).start()
        _pump(here, there)

    def cut(self) -> None:
        for each in self._both:
            reset(each)
        self._both.clear()

    def close(self) -> None:
        self.cut()
        self._listener.close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
    except OSError:
        pass


@pytest.fixture
def relay(served: Served, port: int) -> Iterator[Relay]:
    made = Relay(port)
    yield made
    made.close()


ALL = [f"piece {number}" for number in range(1, len(PIECES) + 2)]
"""What the whole stream brings, its end included."""


@pytest.mark.parametrize("how", ["cut", "forgotten", "both"])
def test_a_stream_of_a_whole_sound_begins_again_and_gives_nothing_twice(
    how: str, served: Served, relay: Relay
) -> None:
    told: list[str] = []
    with AsrClient(relay.address, waiting=told.append) as client:
        stream = client.stream(PIECES)
        heard = [next(stream), next(stream)]
        lose(how, served, relay)
        heard += stream
    assert [each.partial for each in heard] == ALL
    starts = [a for a in served.servicer.asked if a.parameters["sequence_start"].bool_param]
    if how != "cut":
        assert "the stream begins again" in told[-1] and len(starts) == 2


def lose(how: str, served: Served, relay: Relay) -> None:
    if how != "cut":
        served.servicer.sequences.clear()
    if how != "forgotten":
        relay.cut()


def test_a_stream_that_cannot_be_sent_again_ends_with_a_sentence(
    served: Served, relay: Relay
) -> None:
    with AsrClient(relay.address) as client:
        stream = client.stream(iter(PIECES))
        assert [next(stream).partial, next(stream).partial] == ALL[:2]
        lose("both", served, relay)
        with pytest.raises(CutOff, match=r"2\.0 s of the sound were sent") as cut:
            next(stream)
    assert str(cut.value).endswith("the stream cannot go on: begin it again")
    assert "START" not in str(cut.value) and not is_raw(str(cut.value))


def test_a_stream_begins_again_only_so_often(served: Served, relay: Relay) -> None:
    with AsrClient(relay.address) as client:
        stream = client.stream(PIECES)
        next(stream)
        ask = served.servicer._heard

        def forgetting(part: Any, context: grpc.ServicerContext) -> bytes:
            told = ask(part, context)
            served.servicer.sequences.clear()
            return told

        served.servicer._heard = forgetting  # type: ignore[method-assign]
        with pytest.raises(CutOff, match="begin it again"):
            list(stream)
    starts = [a for a in served.servicer.asked if a.parameters["sequence_start"].bool_param]
    assert len(starts) == 1 + connection.CUTS


def test_a_server_that_is_not_there_is_no_stream_that_was_cut(port: int) -> None:
    with AsrClient(f"127.0.0.1:{port}", patience=0) as client:
        for pieces in (PIECES, iter(PIECES)):
            with pytest.raises(RequestError, match=r"^no server answers at .*; start one with"):
                next(client.stream(pieces))
