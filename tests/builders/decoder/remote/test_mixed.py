"""Right and hostile answers, and clients that leave, all at once."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from builders.kit.unavailable import Unavailable
from tests.builders.decoder.remote.asking import Client, Engine
from tests.builders.decoder.remote.stub import Exchange, Stub, echoes, says
from tests.waiting import until

Make = Callable[..., Engine]


def _slowly(exchange: Exchange) -> None:
    says(*exchange.asked["prompt"])(exchange)


def _breaks_off(exchange: Exchange) -> None:
    exchange.head()
    exchange.text(exchange.asked["prompt"])
    raise ConnectionError("breaks off")


def _wrong(exchange: Exchange) -> None:
    exchange.head()
    exchange.data("{")


def _goes_on(exchange: Exchange) -> None:
    # At once: what comes long after an answer is taken for the next one's.
    with exchange.together():
        echoes(exchange)
        says("of nobody")(exchange)


def _never(exchange: Exchange) -> None:
    exchange.wait_closed()


def _busy(exchange: Exchange) -> None:
    exchange.body_of("503 Busy", b"{}")


BEHAVIOURS = (echoes, _slowly, _breaks_off, _wrong, _goes_on, _never, _busy)


@pytest.mark.parametrize("count", [120, pytest.param(1500, marks=pytest.mark.thorough)])
def test_each_gets_its_own_answer_or_an_error_and_nothing_is_left(
    server: Stub, make: Make, count: int
) -> None:
    chance = random.Random(count)
    server.behave = lambda exchange: BEHAVIOURS[int(exchange.asked["prompt"][:1])](exchange)
    engine = make(slots=8, waiting=count, first_token_seconds=0.5, retries=1)
    before = len(list(Path("/proc/self/fd").iterdir()))
    asked: list[tuple[str, Client]] = []
    for number in range(count):
        text = f"{chance.randrange(len(BEHAVIOURS))} of {number}"
        client = engine.ask(text)
        if chance.random() < 0.2:
            threading.Timer(chance.random(), setattr, (client, "gone", True)).start()
        asked.append((text, client))
    for text, client in asked:
        client.wait()
        came = "".join(each["text_output"].decode() for each in client.responses)
        assert text.startswith(came)
        if client.error is not None:
            assert isinstance(client.error, Unavailable)
        elif client.responses and client.responses[-1]["finish_reason"]:
            assert came == text
        else:
            assert client.gone
    until(lambda: (engine.host["running"], engine.host["waiting"]) == (0, 0))
    engine.remote.close()
    server.close()
    names = [each.name for each in threading.enumerate()]
    assert not [each for each in names if each.startswith("remote")]
    until(lambda: len(list(Path("/proc/self/fd").iterdir())) <= before + 2)
