"""Requests that wait, go away, or are there when the model is unloaded."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from builders.decoder.stages import remote
from builders.kit.unavailable import Unavailable
from tests.builders.decoder.remote.asking import Client, Engine
from tests.builders.decoder.remote.stub import Behaviour, Exchange, Stub, echoes, says
from tests.waiting import until

Make = Callable[..., Engine]


def _once(gate: threading.Event, then: Behaviour = echoes) -> Behaviour:
    def behave(exchange: Exchange) -> None:
        assert gate.wait(60)
        then(exchange)

    return behave


def _endless(exchange: Exchange) -> None:
    exchange.head()
    while True:
        exchange.text("on and ")
        time.sleep(0.01)


def test_so_many_are_under_way_so_many_wait_and_the_next_is_refused(
    server: Stub, make: Make
) -> None:
    gate = threading.Event()
    server.behave = _once(gate)
    engine = make(slots=2, waiting=3)
    clients = [engine.ask(str(number)) for number in range(5)]
    with pytest.raises(Unavailable, match="full: 2 being answered, 3 waiting"):
        engine.ask("too many")
    until(lambda: len(server.exchanges) == 2)
    assert (engine.host["running"], engine.host["waiting"], engine.host["slots"]) == (2, 3, 2)
    gate.set()
    assert [each.answer() for each in clients] == ["0", "1", "2", "3", "4"]
    until(lambda: engine.host["running"] == 0 and engine.host["waiting"] == 0)
    assert engine.ask("again").answer() == "again"


def test_none_waits_if_none_may(server: Stub, make: Make) -> None:
    gate = threading.Event()
    server.behave = _once(gate)
    engine = make(slots=1, waiting=0)
    client = engine.ask("one")
    with pytest.raises(Unavailable):
        engine.ask("two")
    gate.set()
    assert client.answer() == "one"


def test_what_is_held_is_bounded_in_bytes(
    server: Stub, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "HELD_BYTES", 100_000)
    gate = threading.Event()
    server.behave = _once(gate)
    engine = make(slots=1, waiting=64)
    first = engine.ask("one")
    until(lambda: server.exchanges)
    second = engine.ask("x" * 60_000)
    with pytest.raises(Unavailable, match="full: 1 being answered, 1 waiting"):
        engine.ask("y" * 60_000)
    gate.set()
    assert (first.answer(), len(second.answer())) == ("one", 60_000)
    until(lambda: engine.host["running"] == 0)
    # One alone may be larger.
    server.behave = says("fine")
    assert engine.ask("z" * 200_000).answer() == "fine"


def test_a_request_waits_for_so_long_only(server: Stub, make: Make) -> None:
    gate = threading.Event()
    server.behave = _once(gate)
    engine = make(slots=1, waiting_seconds=0.2)
    first = engine.ask("one")
    until(lambda: server.exchanges)
    error = engine.ask("two").refused()
    assert isinstance(error, Unavailable)
    assert "waited for 0.2 s without being begun" in str(error)
    gate.set()
    assert first.answer() == "one"
    assert len(server.exchanges) == 1


def test_a_client_that_goes_away_closes_the_connection_at_once(server: Stub, make: Make) -> None:
    server.behave = _endless
    engine = make(slots=1, max_tokens=100_000)
    client = engine.ask()
    until(lambda: len(client.responses) > 3)
    since = time.monotonic()
    client.gone = True
    assert server.last().closed.wait(60)
    until(lambda: client.is_over)
    assert time.monotonic() - since < 60
    assert client.error is None
    until(lambda: engine.host["running"] == 0)
    server.behave = echoes
    assert engine.ask("next").answer() == "next"


def test_a_client_that_goes_away_before_the_first_token_does_so_too(
    server: Stub, make: Make
) -> None:
    server.behave = lambda it: it.wait_closed()
    engine = make(slots=1)
    client = engine.ask()
    until(lambda: server.exchanges)
    client.gone = True
    assert server.last().closed.wait(60)
    client.wait()
    assert (client.error, client.responses) == (None, [])


def test_a_client_that_goes_away_while_it_waits_is_never_asked_for(
    server: Stub, make: Make
) -> None:
    gate = threading.Event()
    server.behave = _once(gate)
    engine = make(slots=1)
    first = engine.ask("one")
    until(lambda: server.exchanges)
    waits = engine.ask("two")
    waits.gone = True
    waits.wait()
    assert waits.error is None
    assert engine.host["waiting"] == 0
    gate.set()
    assert first.answer() == "one"
    assert engine.ask("three").answer() == "three"
    assert [each.asked["prompt"] for each in server.exchanges] == ["one", "three"]


def test_a_client_that_goes_away_between_two_attempts_is_let_go(server: Stub, make: Make) -> None:
    server.behave = lambda it: it.body_of("503 Busy", b"", Retry_After="25")
    engine = make(slots=1, retries=1)
    client = engine.ask()
    until(lambda: server.exchanges)
    client.gone = True
    client.wait()
    assert client.error is None
    assert len(server.exchanges) == 1


def test_a_client_that_goes_away_during_a_handshake_is_let_go(make: Make) -> None:
    """The server takes the connection, and does not answer to TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        engine = make(url=f"https://127.0.0.1:{listening.getsockname()[1]}/v1", slots=1)
        client = engine.ask()
        connection, _ = listening.accept()
        with connection:
            client.gone = True
            client.wait()
            assert client.error is None


def test_a_server_that_takes_no_connection_is_given_up(make: Make) -> None:
    """Its queue of connections is full, so that the system answers to none."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        port = listening.getsockname()[1]
        full = [socket.socket() for _ in range(4)]
        for each in full:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        engine = make(url=f"http://127.0.0.1:{port}/v1", connect_seconds=0.3)
        error = engine.ask().refused()
        for each in full:
            each.close()
    assert "cannot be reached" in str(error)
    assert "timed out" in engine.host.log[-1]


def test_unloading_ends_what_runs_and_what_waits(server: Stub, make: Make) -> None:
    server.behave = _endless
    engine = make(slots=1, max_tokens=100_000)
    runs, waits = engine.ask("one"), engine.ask("two")
    until(lambda: runs.responses)
    engine.remote.close()
    for each in (runs, waits):
        assert "is being unloaded" in str(each.refused())
    assert server.last().closed.wait(60)
    with pytest.raises(Unavailable, match="is being unloaded"):
        engine.ask("three")
    assert not [each for each in threading.enumerate() if each.name.startswith("remote")]


def test_many_at_once_get_their_own_answers(server: Stub, make: Make) -> None:
    def behave(exchange: Exchange) -> None:
        says(*exchange.asked["prompt"])(exchange)

    server.behave = behave
    engine = make(slots=16, waiting=200)
    texts = [f"{number} red circles" for number in range(150)]
    clients = [engine.ask(text) for text in texts]
    assert [each.answer() for each in clients] == texts
    assert server.connections < len(texts)
    until(lambda: engine.host["running"] == 0)
    assert engine.host["generated_tokens_total"] == sum(map(len, texts))
    assert engine.host["prompt_tokens_total"] == 7 * len(texts)
    assert engine.host["cached_tokens_total"] == 3 * len(texts)


def test_a_client_whose_answer_cannot_be_sent_leaves_its_slot(server: Stub, make: Make) -> None:
    class Broken(Client):
        def send(self, outputs: object) -> None:
            raise OSError("the pipe is broken")

    engine = make(slots=1)
    broken = engine.ask("one", Broken())
    assert isinstance(broken.refused(), OSError)
    assert engine.ask("two").answer() == "two"


def test_a_mistaken_request_takes_no_slot(server: Stub, make: Make) -> None:
    engine = make(slots=1, waiting=0)
    for _ in range(3):
        with pytest.raises(ValueError):
            engine.ask(max_tokens=np.array([-1], np.int32))
    assert engine.ask("hello").answer() == "hello"
