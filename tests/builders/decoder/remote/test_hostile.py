"""Servers that hang, stop halfway, or answer with what nobody asked for."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from builders.kit.invalid_argument import InvalidArgument
from builders.kit.unavailable import Unavailable
from tests.builders.decoder.remote.asking import Engine
from tests.builders.decoder.remote.stub import Behaviour, Exchange, Stub, echoes
from tests.waiting import until

Make = Callable[..., Engine]

OVER = 64 << 20
"""Bytes that no test sends to the end: the engine closes long before."""


def _hang(exchange: Exchange) -> None:
    exchange.wait_closed()


def _hang_in_the_head(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Ty")
    exchange.wait_closed()


def _drip(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        exchange.send(b"X")
        time.sleep(0.02)


def _comments(exchange: Exchange) -> None:
    exchange.head()
    while True:
        exchange.chunk(b": still here\n\n")
        time.sleep(0.02)


def _hang_in_the_middle(exchange: Exchange) -> None:
    exchange.head()
    exchange.text("half")
    exchange.chunk(b'data: {"choi')
    exchange.wait_closed()


def _half_a_chunk(exchange: Exchange) -> None:
    exchange.head()
    exchange.text("half")
    exchange.send(b"400\r\ndata: {")
    raise ConnectionError("closes")


def _closes(exchange: Exchange) -> None:
    raise ConnectionError("closes")


def _ends_without_a_reason(exchange: Exchange) -> None:
    exchange.head()
    exchange.text("half")
    exchange.done()


def _ends_the_body(exchange: Exchange) -> None:
    exchange.head()
    exchange.text("half")
    exchange.chunk(b"")


def _sends(*data: object) -> Behaviour:
    def behave(exchange: Exchange) -> None:
        exchange.head()
        exchange.text("half")
        for each in data:
            if isinstance(each, bytes):
                exchange.chunk(each)
            else:
                exchange.data(each)
        exchange.wait_closed()

    return behave


def _endless(head: bytes, piece: bytes) -> Behaviour:
    def behave(exchange: Exchange) -> None:
        exchange.send(head)
        while exchange.sent < OVER:
            exchange.send(piece)
        raise AssertionError("all of it was read")

    return behave


def _usage(found: object) -> Behaviour:
    return _sends({"choices": [{"index": 0, "text": "", "finish_reason": "stop"}], "usage": found})


_CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
_PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"

SLOW: dict[str, tuple[Behaviour, str]] = {
    "hangs": (_hang, "did not begin to answer within 0.5 s"),
    "hangs in the head": (_hang_in_the_head, "did not begin to answer within 0.5 s"),
    "drips headers": (_drip, "did not begin to answer within 0.5 s"),
    "sends comments alone": (_comments, "did not begin to answer within 0.5 s"),
    "hangs in the middle": (_hang_in_the_middle, "sent nothing for 0.4 s"),
}

HOSTILE: dict[str, tuple[Behaviour, str]] = {
    "half a chunk": (_half_a_chunk, "closed the connection before the end of its answer"),
    "closes": (_closes, "closed the connection"),
    "[DONE] without a reason": (_ends_without_a_reason, "ended its answer without a reason"),
    "ends the body": (_ends_the_body, "closed the connection before the end of its answer"),
    "an error": (
        _sends({"error": {"message": "CUDA out of memory", "code": 500}}),
        "stopped with an error: CUDA out of memory",
    ),
    "an error as text": (
        _sends({"error": "out of blocks"}),
        "stopped with an error: out of blocks",
    ),
    "an error as TensorRT-LLM has it": (
        _sends({"object": "error", "message": "too long", "type": "BadRequest", "code": 400}),
        "stopped with an error: too long",
    ),
    "an error of paths": (
        _sends({"error": {"message": "in /opt/vllm/engine.py line 3"}}),
        "stopped with an error",
    ),
    "an error of many lines": (
        _sends({"error": {"message": "Traceback (most recent call last):\n  File"}}),
        "stopped with an error",
    ),
    "an endless error": (_sends({"error": "x" * 10_000}), "x…"),
    "not JSON": (_sends(b"data: {'choices'\n\n"), "sent an event that is not JSON"),
    "a deep list": (_sends("[" * 50_000), "sent an event that is not JSON"),
    "a list": (_sends([1]), "sent an event that is not a JSON object"),
    "an endless number": (_sends('{"choices": ' + "9" * 5000 + "}"), "sent an event that"),
    "no choices": (_sends({"object": "chunk"}), "sent an event without choices"),
    "two choices": (_sends({"choices": [{"text": "a"}, {"text": "b"}]}), "of another choice"),
    "another choice": (_sends({"choices": [{"index": 1, "text": "a"}]}), "of another choice"),
    "a choice of text": (_sends({"choices": ["a"]}), "of another choice"),
    "a text of numbers": (_sends({"choices": [{"text": 3}]}), "text that is not a string"),
    "a delta of text": (_sends({"choices": [{"delta": "a"}]}), "delta that is not an object"),
    "a reason of numbers": (
        _sends({"choices": [{"text": "", "finish_reason": 1}]}),
        "finish_reason that is not a string",
    ),
    "a filter": (
        _sends({"choices": [{"text": "", "finish_reason": "content_filter"}]}),
        "withheld the rest",
    ),
    "text after its end": (
        _sends(
            {"choices": [{"text": "", "finish_reason": "stop"}]}, {"choices": [{"text": "more"}]}
        ),
        "went on after the end of its answer",
    ),
    "a usage of text": (_usage("many"), "usage that is not an object"),
    "a count of text": (_usage({"prompt_tokens": "7"}), "count that is not a whole number"),
    "a count below 0": (_usage({"completion_tokens": -1}), "count that is not a whole number"),
    "a count of infinity": (_usage({"prompt_tokens": 1e999}), "count that is not a whole number"),
    "a count of truth": (_usage({"prompt_tokens": True}), "count that is not a whole number"),
    "a huge count": (_usage({"prompt_tokens": 2**31}), "count that is not a whole number"),
    "details of text": (
        _usage({"prompt_tokens_details": [1]}),
        "details that are not an object",
    ),
    "not UTF-8": (_sends(b'data: {"choices": "\xff"}\n\n'), "sent what is not valid UTF-8"),
    "an endless line": (
        _endless(_PLAIN + b"data: ", b"x" * 65536),
        "sent an event of more than 262,144 bytes",
    ),
    "an endless event": (
        _endless(_PLAIN, b"data: " + b"x" * 65536 + b"\n"),
        "sent an event of more than 262,144 bytes",
    ),
    "endless comments": (
        _endless(_PLAIN, b": hello\n" * 10_000),
        "answered with far more than was asked for",
    ),
    "an endless size of a chunk": (_endless(_CHUNKED, b"1" * 65536), "closed the connection"),
    "endless headers": (
        _endless(b"HTTP/1.1 200 OK\r\n", b"X-Many: yes\r\n" * 1000),
        "answered with something else than HTTP",
    ),
    "an endless header": (
        _endless(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 65536),
        "answered with something else than HTTP",
    ),
    "an endless first line": (
        _endless(b"HTTP/1.1 200 ", b"x" * 65536),
        "answered with something else than HTTP",
    ),
    "something else than HTTP": (
        lambda it: it.send(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"),
        "answered with something else than HTTP",
    ),
    "JSON": (
        lambda it: it.body_of("200 OK", b'{"choices": []}'),
        "answered with something else than a stream of events",
    ),
    "a page": (
        lambda it: it.body_of("200 OK", b"<html>", Content_Type="text/html"),
        "answered with something else than a stream of events",
    ),
    "compressed": (
        lambda it: it.head(Content_Encoding="gzip"),
        "answered with something else than a stream of events",
    ),
    "an unknown path": (
        lambda it: it.body_of("404 Not Found", b'{"detail": "Not Found"}'),
        "did not take the request (status 404)",
    ),
    "a failure": (
        lambda it: it.body_of("500 Oh no", b"Traceback"),
        "did not take the request (status 500)",
    ),
    "no body": (
        lambda it: it.body_of("503 Busy", b"", Content_Length="100"),
        "is overloaded; try again later",
    ),
    "nonsense for Retry-After": (
        lambda it: it.body_of("429 Busy", b"[", Retry_After="soon"),
        "is overloaded; try again later",
    ),
}


@pytest.mark.parametrize("case", [*SLOW, *HOSTILE])
def test_a_hostile_server_is_told_in_a_sentence_and_leaves_nothing(
    server: Stub, make: Make, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builders.decoder.stages.reaching.wire.ERROR", 0.3)
    behave, words = (SLOW | HOSTILE)[case]
    limits = {"first_token_seconds": 0.5, "idle_seconds": 0.4} if case in SLOW else {}
    engine = make(slots=1, **limits)
    server.behave = behave
    client = engine.ask("hello")
    error = client.refused()
    assert isinstance(error, Unavailable), error
    assert str(error).startswith("the remote decoder ")
    assert words in str(error)
    assert len(str(error)) < 400
    assert engine.host.log, "the log has no reason"
    assert "".join(each["text_output"].decode() for each in client.responses) in ("", "half")
    assert server.last().sent < OVER // 2

    server.behave = echoes
    assert engine.ask("the next").answer() == "the next"
    until(lambda: engine.host["running"] == 0)


def test_chunks_after_the_end_are_nobodys(server: Stub, make: Make) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.head()
        exchange.text(exchange.asked["prompt"], "stop")
        exchange.data("[DONE]")
        exchange.text(" and more")
        exchange.done()

    server.behave = behave
    engine = make()
    for text in ("one", "two"):
        assert engine.ask(text).answer() == text


def test_more_events_than_tokens_are_refused(server: Stub, make: Make) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.head()
        while exchange.sent < OVER:
            exchange.text("word ")

    server.behave = behave
    error = make(max_tokens=2).ask(stream=False).refused()
    assert "far more than was asked for" in str(error)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": {"message": "max_tokens is too large"}}', ": max_tokens is too large"),
        (b'{"message": "too long", "object": "error"}', ": too long"),
        (b'{"detail": [{"loc": 1}]}', " (status 400)"),
        (b'{"error": {"message": "see /etc/vllm/config"}}', " (status 400)"),
        (b"\xff", " (status 400)"),
        (b"", " (status 400)"),
    ],
)
def test_a_request_that_the_server_refuses_is_the_clients_fault(
    server: Stub, make: Make, body: bytes, words: str
) -> None:
    server.behave = lambda it: it.body_of("400 Bad Request", body)
    error = make(retries=3).ask().refused()
    assert isinstance(error, InvalidArgument)
    assert str(error) == f"the remote decoder refused the request{words}"
    assert len(server.exchanges) == 1


def test_a_refusal_before_the_request_is_read_is_told(server: Stub, make: Make) -> None:
    """A proxy refuses a large body by its length, and closes."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        engine = make(url=f"http://127.0.0.1:{listening.getsockname()[1]}/v1")
        chat = '[{"role": "user", "content": [{"type": "image"}]}]'
        image = b"\x89PNG\r\n\x1a\n" + bytes(20_000_000)
        client = engine.ask(text_input=None, messages=chat, image=image)
        connection, _ = listening.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(
                b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 20):
                pass
        assert "refused the request (status 413)" in str(client.refused())


def test_redirects_are_not_followed(server: Stub, make: Make) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.body_of("307 Temporary Redirect", b"", Location=server.url + "/elsewhere")

    server.behave = behave
    engine = make(retries=2)
    assert "did not take the request (status 307)" in str(engine.ask().refused())
    assert len(server.exchanges) == 1
    assert "redirect" in engine.host.log[-1]
