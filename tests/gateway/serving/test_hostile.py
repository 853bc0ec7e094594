"""Clients that do not keep to HTTP, or take their time, by bare sockets."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator

import pytest

from gateway.settings import Limits
from runtime.server.server import LocalServer
from tests.gateway.running import Gateway, error_in, running, settings
from tests.waiting import until

pytestmark = pytest.mark.xdist_group("gateway")

CHAT = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
SLOW = Limits(
    body_bytes=200_000,
    all_body_bytes=300_000,
    head_seconds=0.4,
    body_seconds=0.4,
    body_rate=100_000,
    write_seconds=0.4,
    keep_alive_seconds=1,
    requests=3,
    connections=20,
)


@pytest.fixture(scope="module")
def bounded(double: LocalServer) -> Iterator[Gateway]:
    """A gateway with little patience."""
    with running(settings(double.grpc, limits=SLOW)) as gateway:
        yield gateway


def read(connection: socket.socket) -> bytes:
    """All that comes until the connection ends."""
    content = b""
    try:
        while more := connection.recv(65536):
            content += more
    except ConnectionResetError:
        pass
    return content


def answered(content: bytes) -> tuple[int, dict[str, str], bytes]:
    """The status, the headers and the body of the first answer."""
    head, _, body = content.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, body


def told(content: bytes) -> tuple[int, str | None]:
    """The status and the code of an error, which has to have OpenAI's shape."""
    status, headers, body = answered(content)
    return status, error_in(headers, body)["code"]


def exchange(gateway: Gateway, sent: bytes) -> bytes:
    with gateway.connected() as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(sent)
        return read(connection)


def is_well(gateway: Gateway) -> bool:
    """Whether it answers as ever."""
    status, _, content = gateway.ask("POST", "/v1/chat/completions", gateway.chat("red"))
    return status == 200 and b'"red"' in content


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a greeting of TLS
        b"GET /health HTTP/1.1\r\n\r\n",  # no host
        b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /he alth HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
        b"\x00" * 1000 + b"\r\n\r\n",
        CHAT + b"Content-Length: -1\r\n\r\n",
        CHAT + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        CHAT + b"Transfer-Encoding: gzip\r\n\r\n",
    ],
    ids=lambda sent: repr(sent[:30]),
)
def test_what_is_no_http_is_refused(gateway: Gateway, sent: bytes) -> None:
    status, headers, body = answered(exchange(gateway, sent))
    assert status in (400, 501)
    assert error_in(headers, body)["code"] == "invalid_http"
    assert is_well(gateway)


@pytest.mark.parametrize(
    "head",
    [
        b"".join(b"X-%d: %s\r\n" % (number, b"a" * 100) for number in range(2000)),
        b"X: " + b"a" * 300_000 + b"\r\n",
        b"Cookie: a=b\r\n" * 20_000,
    ],
    ids=["many", "long", "same"],
)
def test_a_flood_of_headers_is_refused(gateway: Gateway, head: bytes) -> None:
    content = exchange(gateway, b"GET /health HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n")
    assert not content or told(content) == (431, "invalid_http")
    assert is_well(gateway)


def test_a_path_of_any_length_is_refused(gateway: Gateway) -> None:
    content = exchange(gateway, b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert not content or told(content) == (431, "invalid_http")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "//v1/models",
        "/v1//models",
        "/v1/models/",
        "/v1/../v1/models",
        "/v1/%2e%2e/health",
        "/V1/models",
        "/v1/models/..%2f..%2fetc%2fpasswd",
        "/v1/models/%00",
        "/v1/models/\u00e9".encode().decode("latin-1").replace("\u00c3\u00a9", "%C3%A9"),
        "/v1/models/%FF",
        "/static/app.js",
        "/docs",
        "/openapi.json",
    ],
)
def test_a_path_that_is_not_there_is_not_found(gateway: Gateway, path: str) -> None:
    sent = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    status, headers, body = answered(exchange(gateway, sent))
    assert status == 404
    error_in(headers, body)


def test_a_method_that_is_not_there_is_not_allowed(gateway: Gateway) -> None:
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"):
        sent = f"{method} /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        status, headers, body = answered(exchange(gateway, sent.encode()))
        assert (status, headers["allow"]) == (405, "post")
        error_in(headers, body)


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"-1\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}garbage\r\n0\r\n\r\n",
        b"fffffffffffffffffff\r\n",
        b"2;" + b"a" * 100_000 + b"\r\n{}\r\n",
    ],
    ids=lambda chunks: repr(chunks[:20]),
)
def test_garbage_for_chunks_is_refused(bounded: Gateway, chunks: bytes) -> None:
    content = exchange(bounded, CHAT + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
    assert not content or told(content)[0] in (400, 408, 413, 431)
    assert is_well(bounded)


def test_a_body_in_chunks_is_read(gateway: Gateway) -> None:
    body = json.dumps(gateway.chat("red green")).encode()
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in pieces) + b"0\r\n\r\n"
    head = CHAT + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    status, _, content = answered(exchange(gateway, head + chunks))
    assert status == 200 and b"red green" in content


def test_requests_come_one_after_the_other_on_a_connection(gateway: Gateway) -> None:
    body = json.dumps(gateway.chat("red")).encode()
    one = CHAT + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    last = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    content = exchange(gateway, one * 3 + last)
    assert content.count(b"HTTP/1.1 200") == 4
    assert content.count(b'"red"') == 3


def test_garbage_behind_a_request_ends_the_connection(gateway: Gateway) -> None:
    body = json.dumps(gateway.chat("!wait=0.05 red green")).encode()
    one = CHAT + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    exchange(gateway, one + b"\x00nonsense\r\n\r\n")
    assert is_well(gateway)


@pytest.mark.parametrize("sent", [b"", b"POST /v1/chat/comp", CHAT + b"X: "])
def test_a_head_that_does_not_come_is_not_waited_for(bounded: Gateway, sent: bytes) -> None:
    began = time.monotonic()
    assert told(exchange(bounded, sent)) == (408, "timeout")
    assert time.monotonic() - began >= SLOW.head_seconds


def test_a_head_that_comes_byte_by_byte_is_not_waited_for(bounded: Gateway) -> None:
    with bounded.connected() as connection:
        connection.settimeout(0.05)
        content = b""
        until_ = time.monotonic() + 30
        try:
            for each in CHAT * 1000:
                connection.send(bytes([each]))
                try:
                    content = connection.recv(65536)
                    break
                except TimeoutError:
                    assert time.monotonic() < until_
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert not content or told(content) == (408, "timeout")


@pytest.mark.parametrize("length", [b"Content-Length: 1000\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_a_body_that_does_not_come_is_not_waited_for(bounded: Gateway, length: bytes) -> None:
    content = exchange(bounded, CHAT + length + b"\r\n")
    assert told(content) == (408, "timeout")
    assert answered(content)[1]["connection"] == "close"


def test_a_body_that_drips_is_not_waited_for(bounded: Gateway) -> None:
    with bounded.connected() as connection:
        connection.sendall(CHAT + b"Content-Length: 100000\r\n\r\n")
        connection.settimeout(0.05)
        content = b""
        for _ in range(600):
            try:
                connection.send(b" ")
                content = connection.recv(65536)
                break
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
    assert not content or told(content) == (408, "timeout")


def test_a_large_body_has_the_time_that_it_takes(bounded: Gateway) -> None:
    body = json.dumps(bounded.chat("red" + " " * 150_000)).encode()
    with bounded.connected() as connection:
        connection.sendall(CHAT + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
        for at in range(0, len(body), 15_000):
            time.sleep(0.06)
            connection.sendall(body[at : at + 15_000])
        assert answered(read(connection))[0] == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(bounded: Gateway, chunked: bool) -> None:
    body = b" " * (SLOW.body_bytes + 1)
    if chunked:
        head, body = b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n%s\r\n" % (len(body), body)
        body += b"0\r\n\r\n"
    else:
        head = b"Content-Length: %d\r\n\r\n" % len(body)
    assert told(exchange(bounded, CHAT + b"Connection: close\r\n" + head + body)) == (
        413,
        "request_too_large",
    )
    assert is_well(bounded)


def test_a_body_that_is_announced_too_large_is_not_asked_for(bounded: Gateway) -> None:
    head = b"Expect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n"
    content = exchange(bounded, CHAT + head)
    assert told(content) == (413, "request_too_large")
    assert b"100 Continue" not in content


def test_a_body_that_is_announced_is_asked_for(bounded: Gateway) -> None:
    body = json.dumps(bounded.chat("red")).encode()
    head = b"Connection: close\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    with bounded.connected() as connection:
        connection.sendall(CHAT + head)
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert answered(read(connection))[0] == 200


@pytest.mark.thorough
def test_a_client_that_does_not_read_is_let_go(bounded: Gateway) -> None:
    before = bounded.state()
    body = json.dumps(
        bounded.chat("!count=10000000 " + "a" * 2000, stream=True, max_tokens=10_000_000)
    ).encode()
    with bounded.connected() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(CHAT + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        until(lambda: bounded.state()["under_way"] == before["under_way"] + 1)
        until(lambda: bounded.state()["under_way"] == before["under_way"])
    assert bounded.state()["cancelled"] == before["cancelled"] + 1


def test_an_idle_connection_ends(bounded: Gateway) -> None:
    with bounded.connected() as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        content = read(connection)
    assert content.count(b"HTTP/1.1 200") == 1


def test_more_requests_than_are_taken_are_refused(bounded: Gateway) -> None:
    body = json.dumps(bounded.chat("!hang", stream=True)).encode()
    sent = CHAT + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    before = bounded.state()
    connections = [bounded.connected() for _ in range(SLOW.requests - 1)]
    for each in connections:
        each.sendall(sent)
    until(lambda: bounded.state()["under_way"] == before["under_way"] + SLOW.requests - 1)
    last = bounded.connected()
    last.sendall(sent)

    def is_full() -> bool:
        answer = bounded.ask("GET", "/v1/models")
        return answer[0] == 429 and answer[1]["retry-after"] == "1"

    until(is_full)
    assert bounded.ask("GET", "/health/live")[0] == 200
    for each in (*connections, last):
        each.close()
    until(lambda: bounded.ask("GET", "/v1/models")[0] == 200)


def test_more_connections_than_are_taken_are_refused(bounded: Gateway) -> None:
    connections = [bounded.connected() for _ in range(SLOW.connections + 5)]
    try:
        found = [read(each) for each in connections]
    finally:
        for each in connections:
            each.close()
    statuses = {told(each) for each in found}
    assert (503, "overloaded") in statuses
    until(lambda: is_well(bounded))


def test_bodies_are_bounded_together(bounded: Gateway) -> None:
    body = json.dumps(bounded.chat("!hang" + " " * 180_000)).encode()
    sent = CHAT + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    before = bounded.state()
    with bounded.connected() as first:
        first.sendall(sent)
        until(lambda: bounded.state()["under_way"] == before["under_way"] + 1)
        assert told(exchange(bounded, sent)) == (503, "overloaded")
    until(lambda: bounded.state()["under_way"] == before["under_way"])
    large = bounded.chat("red" + " " * 180_000)
    assert bounded.ask("POST", "/v1/chat/completions", large)[0] == 200
