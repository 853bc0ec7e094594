"""A client that leaves frees what it asked for; so does a server that ends, and a gateway."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from runtime.machine.environment import ServerEnvironment
from runtime.server.server import LocalServer
from tests.gateway.conftest import DOUBLE
from tests.gateway.running import Gateway, running, settings
from tests.waiting import until

pytestmark = pytest.mark.xdist_group("gateway")

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def request(body: object) -> bytes:
    content = json.dumps(body).encode()
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(content) + content


@pytest.mark.parametrize(
    ("order", "stream"),
    [("!wait=0.01 !count=100000 red", True), ("!hang", True), ("!hang", False)],
)
def test_a_client_that_leaves_cancels_its_answer(
    gateway: Gateway, order: str, stream: bool
) -> None:
    before = gateway.state()
    with gateway.connected() as connection:
        connection.sendall(request(gateway.chat(order, stream=stream, max_tokens=100000)))
        until(lambda: gateway.state()["under_way"] == before["under_way"] + 1)
        if "count" in order:
            assert connection.recv(100)
    until(lambda: gateway.state()["under_way"] == before["under_way"])
    assert gateway.state()["cancelled"] == before["cancelled"] + 1


def test_a_client_that_leaves_cancels_all_its_choices(gateway: Gateway) -> None:
    before = gateway.state()
    with gateway.connected() as connection:
        connection.sendall(request(gateway.chat("!hang", stream=True, n=3)))
        until(lambda: gateway.state()["under_way"] == before["under_way"] + 3)
    until(lambda: gateway.state()["cancelled"] == before["cancelled"] + 3)


def test_a_choice_that_fails_ends_the_others(gateway: Gateway, double: LocalServer) -> None:
    from gateway.together import together

    async def fails() -> None:
        raise KeyError("one")

    ended = threading.Event()

    async def waits() -> None:
        import asyncio

        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    import asyncio

    with pytest.raises(KeyError):
        asyncio.run(together([waits(), fails()]))
    assert ended.is_set()


def test_a_model_that_takes_too_long_is_given_up(double: LocalServer) -> None:
    with running(settings(double.grpc, answer_seconds=0.3)) as gateway:
        before = gateway.state()
        for stream in (False, True):
            body = gateway.chat("!hang", stream=stream)
            status, error = gateway.refused("/v1/chat/completions", body)
            assert (status, error["code"]) == (504, "timeout")
        body = gateway.chat("!wait=0.02 !count=60 red", stream=True)
        status, _, content = gateway.ask("POST", "/v1/chat/completions", body)
        assert status == 200 and content.endswith(b"[DONE]\n\n"), "each piece has its own time"
        body = gateway.chat("!wait=0.02 red blue !fail=9", stream=True)
        until(lambda: gateway.state()["cancelled"] == before["cancelled"] + 2)


def test_a_stream_that_stalls_ends_with_an_error(double: LocalServer) -> None:
    with running(settings(double.grpc, answer_seconds=1)) as gateway:
        body = gateway.chat("!late=30 red blue", stream=True)
        status, _, content = gateway.ask("POST", "/v1/chat/completions", body)
        assert status == 200
        *_, last, end = content.split(b"\n\n")
        assert end == b"" and json.loads(last[6:])["error"]["code"] == "timeout"


def test_a_gateway_that_ends_lets_answers_end(double: LocalServer) -> None:
    with running(settings(double.grpc), exit_seconds=60) as gateway:
        connection = gateway.connected()
        connection.sendall(request(gateway.chat("!wait=0.02 !count=40 red", stream=True)))
        assert connection.recv(10)
    content = b""
    while more := connection.recv(65536):
        content += more
    connection.close()
    assert content.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")


def test_an_answer_that_outlasts_the_gateway_ends_with_an_error(double: LocalServer) -> None:
    with running(settings(double.grpc), exit_seconds=0) as gateway:
        before = gateway.state()
        connection = gateway.connected()
        connection.sendall(request(gateway.chat("!wait=0.02 !count=99999 red", stream=True)))
        assert connection.recv(10)
    content = b""
    while more := connection.recv(65536):
        content += more
    connection.close()
    assert b"the gateway is ending" in content
    with running(settings(double.grpc)) as gateway:
        until(lambda: gateway.state()["under_way"] == before["under_way"])


def test_a_server_that_ends_and_comes_back(
    server_environment: ServerEnvironment, tmp_path: Path
) -> None:
    server = LocalServer(DOUBLE, environment=server_environment)
    server.start()
    try:
        with running(settings(server.grpc)) as gateway:
            assert gateway.ask("GET", "/health")[0] == 200
            connection = gateway.connected()
            connection.sendall(request(gateway.chat("!wait=0.02 !count=99999 red", stream=True)))
            assert connection.recv(10)
            server.end_now()
            content = b""
            while b"\r\n0\r\n" not in content and (more := connection.recv(65536)):
                content += more
            connection.close()
            assert b'"code":"server_unreachable"' in content
            assert gateway.ask("GET", "/health")[0] == 503
            assert gateway.ask("GET", "/health/live")[0] == 200
            status, error = gateway.refused("/v1/chat/completions", gateway.chat("red"))
            assert (status, error["code"]) == (502, "server_unreachable")
            assert server.grpc not in error["message"]
            server.restart()
            until(lambda: gateway.ask("GET", "/health")[0] == 200)
            status, _, _ = gateway.ask("POST", "/v1/chat/completions", gateway.chat("red"))
            assert status == 200
    finally:
        server.stop(now=True)
