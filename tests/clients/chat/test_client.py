"""A decoder's answers over gRPC, from a real Triton."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from clients.chat.answer import Piece
from clients.chat.client import ChatClient
from clients.chat.conversation import Conversation, Message, question
from clients.connection.errors import RequestError
from runtime.server.server import LocalServer
from tests.waiting import until

pytestmark = pytest.mark.xdist_group("chat")


@pytest.fixture(scope="module")
def client(talking: LocalServer) -> Iterator[ChatClient]:
    with ChatClient(talking.grpc, timeout=60, patience=0) as client:
        yield client


def refusal(client: ChatClient, messages: list[Message], *images: bytes, **options: Any) -> Any:
    with pytest.raises(RequestError) as refused:
        list(client.answer(messages, images, **options))
    return refused.value


def test_pieces_come_with_their_counts(client: ChatClient) -> None:
    assert list(client.answer([question("words a b")])) == [
        Piece("a ", "", 7, 5, 1),
        Piece("b ", "", 7, 5, 2),
        Piece("", "stop", 7, 5, 3),
    ]


def test_what_is_given_reaches_the_decoder_and_nothing_else_does(client: ChatClient) -> None:
    said = Conversation("Be brief: é")
    said.ask("words first", [b"one"])
    said.answered("first")
    said.ask("echo", [b"two", b"three"])
    options = {"max_tokens": 9, "temperature": 0.5, "top_p": 0.25, "top_k": 3, "seed": 2**62}
    (piece,) = client.answer(said.messages, said.images, **options, stop=["é", "x"])  # type: ignore[arg-type]
    assert json.loads(piece.text) == {
        "messages": said.messages,
        "image": ["one", "two", "three"],
        "stop": ["é".encode().decode("latin-1"), "x"],
        "stream": [True],
        **{name: [value] for name, value in options.items()},
    }
    assert piece.finish_reason == "length"
    (bare,) = client.answer([question("echo")])
    assert json.loads(bare.text).keys() == {"messages", "stream"}


def test_an_answer_that_is_closed_is_cancelled(client: ChatClient) -> None:
    def left() -> int:
        (piece,) = client.answer([question("left")])
        return int(piece.text)

    before = left()
    pieces = client.answer([question("wait a")])
    assert next(pieces).text == "a"
    pieces.close()
    until(lambda: left() == before + 1)


def test_a_piece_that_does_not_come_is_not_waited_for(talking: LocalServer) -> None:
    with ChatClient(talking.grpc, timeout=0.5, patience=0) as client:
        error = refusal(client, [question("wait a")])
    assert error.code == "DEADLINE_EXCEEDED"
    assert "did not answer within 0.5 s" in str(error)


@pytest.mark.parametrize(
    ("said", "code", "told"),
    [
        ("refuse", "INVALID_ARGUMENT", "max_tokens: expected fewer, found 7"),
        ("full", "UNAVAILABLE", "all places are taken; try again later"),
        ("fail", "INVALID_ARGUMENT", "not this word"),
    ],
)
def test_a_refusal_keeps_its_code(client: ChatClient, said: str, code: str, told: str) -> None:
    error = refusal(client, [question(said)])
    assert (error.code, str(error)) == (code, told)


def test_a_character_that_is_cut_comes_whole(client: ChatClient) -> None:
    assert [each.text for each in client.answer([question("cut")])] == ["1 ", "€ ", "\ufffd"]


def test_what_cannot_be_sent_is_refused_here(client: ChatClient) -> None:
    assert "half of a surrogate pair" in str(refusal(client, [question("\ud800")]))
    error = refusal(client, [question("words")], seed=2**63)
    assert str(error).startswith("seed: expected a whole number from -9223372036854775808 to")


def test_the_only_decoder_is_found(client: ChatClient) -> None:
    assert client.decoder().name == "talker"


def test_another_model_is_no_decoder(talking: LocalServer) -> None:
    for model, told in (
        ("deaf", "'deaf' answers no questions: expected the inputs messages and text_input"),
        ("taker", "the server has no model 'taker'; there are: talker"),
    ):
        with ChatClient(talking.grpc, model, patience=0) as client:
            error = refusal(client, [question("words")])
        assert told in str(error) and error.arguments == ("model",)


def test_one_of_several_is_named_and_may_take_no_images(talking: LocalServer) -> None:
    talking.control.load("blind")
    try:
        with ChatClient(talking.grpc, patience=0) as client:
            error = refusal(client, [question("words")])
        assert "several models answer questions: blind, talker" in str(error)
        assert error.arguments == ("model",)
        with ChatClient(talking.grpc, "blind", patience=0) as client:
            assert [each.text for each in client.answer([question("words a")])] == ["a ", ""]
            error = refusal(client, [question("words", 1)], b"one")
            assert str(error) == "image: 'blind' has no such input; leave it out"
            assert "seed: 'blind' has no" in str(refusal(client, [question("words")], seed=1))
    finally:
        talking.control.unload("blind")


def test_a_server_without_decoders_says_how_to_get_one(triton: LocalServer) -> None:
    with ChatClient(triton.grpc, patience=0) as client:
        error = refusal(client, [question("words")])
    assert "has no model that answers questions" in str(error)
    assert "families: {decoder: }" in str(error)
