"""What is asked again and what is not, and the sentence for each way in which no answer comes."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import pytest
from tritonclient.grpc import service_pb2_grpc
from tritonclient.utils import InferenceServerException

from clients.asr.client import AsrClient
from clients.connection import connection
from clients.connection.address import parse
from clients.connection.errors import CutOff, RequestError, failure, is_unreachable, was_not_sent
from clients.ocr.client import OcrClient
from tests.clients.listeners import (
    Listener,
    accepts_then_cuts,
    closes,
    is_silent,
    listening,
    resets,
    says,
)
from tests.clients.standin import Served, Server, is_raw
from tests.ports import kept_port


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("grpc_proxy", "https_proxy", "http_proxy", "no_grpc_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def read(url: str, **options: Any) -> list[str]:
    with OcrClient(url, **options) as client:
        return [line.text for line in client.read(b"page")]


def refusal(url: str, **options: object) -> RequestError:
    with pytest.raises(RequestError) as refused:
        read(url, **options)
    sentence = str(refused.value)
    assert not is_raw(sentence), sentence
    return refused.value


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
    behave: Callable[[Listener, socket.socket], None], port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a proxy does in front of a server that is starting."""
    monkeypatch.setattr(connection, "WAITS", (0.1, 0.1, 0.1))
    with listening(behave, port) as listener:
        error = refusal(listener.address, patience=3600)
        assert isinstance(error, CutOff) and not error.sent
        assert len(listener.seen) >= 4


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
    told: list[str] = []
    with listening(says(text)) as listener:
        error = refusal(listener.address, patience=3600, waiting=told.append)
        assert said in str(error) and "gRPC port is 8001" in str(error)
        assert told == [], "it is not asked again"


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
from clients.ocr.client import OcrClient
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
    with kept_port() as port:
        monkeypatch.setenv("http_proxy", f"http://u:secret@127.0.0.1:{port}")
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


@pytest.mark.parametrize(
    "text",
    [
        "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:8001: Failed to "
        "connect to remote host: Connection refused",
        "connections to all backends failing; last error: UNKNOWN: ipv4:127.0.0.1:8001: Failed to "
        "connect to remote host: Connection refused",
    ],
)
def test_nothing_answers_however_a_channel_spreads_its_requests(text: str) -> None:
    problem = InferenceServerException(text, "StatusCode.UNAVAILABLE")
    assert is_unreachable(problem) and was_not_sent(problem)
    assert "no server answers at" in str(failure(problem, parse("127.0.0.1:8001")))
