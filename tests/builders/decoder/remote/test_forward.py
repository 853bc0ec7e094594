"""A request to another server and its answer back, over real connections."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

import pytest

from builders.decoder.stages.reaching.wire import QUIET
from builders.kit.unavailable import Unavailable
from tests.builders.decoder.remote.asking import Client, Engine
from tests.builders.decoder.remote.stub import Exchange, Stub, echoes, says
from tests.ports import kept_port
from tests.waiting import SECONDS, until

Make = Callable[..., Engine]


def test_pieces_come_one_by_one_with_counts(server: Stub, make: Make) -> None:
    server.behave = says("Two ", "red ", "circles.")
    client = make().ask()
    assert client.answer() == "Two red circles."
    texts = [each["text_output"].decode() for each in client.responses]
    assert texts == ["Two ", "red ", "circles.", ""]
    assert [each["completion_tokens"] for each in client.responses] == [1, 2, 3, 3]
    assert [each["finish_reason"] for each in client.responses] == [b"", b"", b"", b"stop"]
    last = client.last()
    assert (last["prompt_tokens"], last["cached_tokens"]) == (7, 3)


def test_without_a_stream_one_response_has_all(server: Stub, make: Make) -> None:
    server.behave = says("Two ", "red ", "circles.", finish="length")
    client = make().ask(stream=False)
    assert client.answer() == "Two red circles."
    assert len(client.responses) == 1
    assert client.last()["finish_reason"] == b"length"
    assert server.last().asked["stream"] is True
    assert server.last().asked["stream_options"] == {"include_usage": True}


def test_a_first_piece_comes_before_the_last_is_sent(server: Stub, make: Make) -> None:
    taken = threading.Event()

    def behave(exchange: Exchange) -> None:
        exchange.head()
        exchange.text("first")
        assert taken.wait(60)
        exchange.text(" last", "stop")
        exchange.done()

    server.behave = behave
    client = make().ask()
    until(lambda: client.responses)
    assert client.responses[0]["text_output"] == b"first"
    taken.set()
    assert client.answer() == "first last"


def test_counts_of_a_server_that_tells_none_are_of_its_events(server: Stub, make: Make) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.head()
        for text in ("a", "b", "c"):
            exchange.text(text)
        exchange.text("", "stop")
        exchange.chunk(b"")

    server.behave = behave
    last = make().ask().last()
    assert (last["prompt_tokens"], last["completion_tokens"]) == (0, 3)


def test_a_complete_answer_waits_for_its_counts_for_a_moment_only(
    server: Stub, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builders.decoder.stages.reaching.forward.COUNTS", 0.2)

    def behave(exchange: Exchange) -> None:
        exchange.head()
        exchange.text("whole", "stop")
        exchange.wait_closed()

    server.behave = behave
    client = make().ask()
    assert client.answer() == "whole"
    assert client.last()["completion_tokens"] == 1


def test_halves_of_a_character_in_two_events_become_one(server: Stub, make: Make) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.head()
        for half in ("\ud83d", "\ude00!", "\ud83d"):
            exchange.text(half)
        exchange.text("", "stop")
        exchange.done()

    server.behave = behave
    client = make().ask()
    assert client.answer() == "\U0001f600!\ufffd"
    assert client.responses[0]["text_output"].decode() == "\U0001f600!"


def test_what_a_model_thinks_is_counted_and_not_passed_on(server: Stub, make: Make) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.head()
        exchange.data({"choices": [{"index": 0, "delta": {"role": "assistant"}}]})
        exchange.data({"choices": [{"index": 0, "delta": {"reasoning_content": "Hm."}}]})
        exchange.data({"choices": [{"index": 0, "delta": {"content": "Yes."}}]})
        exchange.text("", "stop")
        exchange.done()

    server.behave = behave
    client = make().ask()
    assert client.answer() == "Yes."
    assert client.last()["completion_tokens"] == 2


def test_a_connection_is_used_again(server: Stub, make: Make) -> None:
    engine = make()
    for number in range(3):
        assert engine.ask(str(number)).answer() == str(number)
        until(lambda: engine.host["running"] == 0)
        time.sleep(2 * QUIET)
    assert server.connections == 1
    assert [each.number for each in server.exchanges] == [0, 1, 2]


def test_a_connection_that_the_server_closed_meanwhile_is_replaced(
    server: Stub, make: Make
) -> None:
    def close_second(exchange: Exchange) -> None:
        if exchange.number == 1:
            raise ConnectionError("as a server that closes an idle connection at that moment")
        echoes(exchange)

    server.behave = close_second
    engine = make()
    for number in range(3):
        assert engine.ask(str(number)).answer() == str(number)
        until(lambda: engine.host["running"] == 0)
        time.sleep(2 * QUIET)
    assert server.connections == 3


def test_a_connection_with_more_than_an_answer_is_not_used_again(server: Stub, make: Make) -> None:
    def behave(exchange: Exchange) -> None:
        with exchange.together():
            echoes(exchange)
            says("of nobody")(exchange)

    server.behave = behave
    engine = make()
    for number in range(4):
        assert engine.ask(str(number)).answer() == str(number)
        until(lambda: engine.host["running"] == 0)
        time.sleep(number * QUIET)


def test_nor_is_one_on_which_more_comes_later(server: Stub, make: Make) -> None:
    gone_on = threading.Semaphore(0)

    def behave(exchange: Exchange) -> None:
        echoes(exchange)
        time.sleep(QUIET / 4)
        with contextlib.suppress(OSError):
            says("of nobody")(exchange)
        gone_on.release()

    server.behave = behave
    engine = make()
    for number in range(3):
        assert engine.ask(str(number)).answer() == str(number)
        assert gone_on.acquire(timeout=SECONDS)
        until(lambda: engine.host["running"] == 0)
        time.sleep(QUIET)
    assert server.connections == 3


def test_a_server_that_is_not_there_is_asked_again_and_then_told(make: Make) -> None:
    with kept_port() as port:
        engine = make(url=f"http://127.0.0.1:{port}/v1", retries=1)
        error = engine.ask().refused()
    assert isinstance(error, Unavailable)
    assert str(error) == "the remote decoder cannot be reached; try again later"
    assert "ConnectionRefusedError" in engine.host.log[-1]


@pytest.mark.parametrize(
    "status", ["429 Too Many Requests", "502 Bad Gateway", "503 Busy", "504 x"]
)
def test_an_overloaded_server_is_asked_again(server: Stub, make: Make, status: str) -> None:
    def behave(exchange: Exchange) -> None:
        if len(server.exchanges) < 3:
            exchange.body_of(status, b"{}")
        else:
            echoes(exchange)

    server.behave = behave
    assert make(retries=2).ask("hello").answer() == "hello"
    assert len(server.exchanges) == 3


def test_retry_after_is_waited_for(server: Stub, make: Make) -> None:
    def behave(exchange: Exchange) -> None:
        if len(server.exchanges) < 2:
            exchange.body_of("429 Too Many Requests", b"", Retry_After="1")
        else:
            echoes(exchange)

    server.behave = behave
    engine = make(retries=1)
    client = engine.ask("hello")
    # Without it, the pause would be of milliseconds here.
    with pytest.raises(AssertionError):
        until(lambda: len(server.exchanges) > 1, 0.6)
    assert client.answer() == "hello"


def test_a_retry_after_of_more_than_the_time_that_is_left_is_not_waited_for(
    server: Stub, make: Make
) -> None:
    server.behave = lambda it: it.body_of("503 Busy", b"", Retry_After="3600")
    error = make(retries=3).ask().refused()
    assert isinstance(error, Unavailable)
    assert "overloaded" in str(error)
    assert len(server.exchanges) == 1


def test_nothing_is_asked_again_after_the_first_token(server: Stub, make: Make) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.head()
        exchange.text("half")
        raise ConnectionError("gone")

    server.behave = behave
    client = make(retries=5).ask()
    error = client.refused()
    assert "before the end of its answer" in str(error)
    assert len(server.exchanges) == 1
    assert [each["text_output"] for each in client.responses] == [b"half"]


def test_an_answer_that_ends_before_the_first_token_is_asked_for_again(
    server: Stub, make: Make
) -> None:
    def behave(exchange: Exchange) -> None:
        if len(server.exchanges) < 2:
            exchange.head()
            exchange.data({"choices": [{"index": 0, "delta": {"role": "assistant"}}]})
            raise ConnectionError("gone")
        echoes(exchange)

    server.behave = behave
    assert make(retries=1).ask("hello").answer() == "hello"


def test_a_slow_client_slows_the_server_and_not_other_clients(server: Stub, make: Make) -> None:
    """What the client does not take stays with the server: it is not read."""
    big = "x" * 60_000

    def behave(exchange: Exchange) -> None:
        if exchange.asked["prompt"] == "quick":
            echoes(exchange)
            return
        exchange.head()
        for _ in range(1000):
            exchange.text(big)
        exchange.text("", "stop")
        exchange.done()

    server.behave = behave
    engine = make(max_tokens=100_000, idle_seconds=0.2)
    gate = threading.Event()
    slow = engine.ask("slow", Client(gate))
    until(lambda: server.exchanges)
    exchange = server.exchanges[0]
    assert engine.ask("quick").answer() == "quick"
    sent = -1
    while sent != exchange.sent:
        sent = exchange.sent
        threading.Event().wait(0.5)
    assert sent < 30_000_000
    assert not slow.is_over
    gate.set()
    assert len(slow.answer()) == 1000 * len(big)
