"""A stream that is cut off begins again where its sound can be had again, or ends in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest

from clients.asr.client import AsrClient
from clients.connection import connection
from clients.connection.errors import CutOff, RequestError
from tests.clients.standin import Relay, Served, is_raw

PIECES = [np.full(16_000, value, np.float32) for value in range(4)]


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


@pytest.mark.parametrize("how", ["forgotten", "both"])
def test_a_stream_that_cannot_be_sent_again_ends_with_a_sentence(
    how: str, served: Served, relay: Relay
) -> None:
    with AsrClient(relay.address) as client:
        stream = client.stream(iter(PIECES))
        assert [next(stream).partial, next(stream).partial] == ALL[:2]
        lose(how, served, relay)
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
