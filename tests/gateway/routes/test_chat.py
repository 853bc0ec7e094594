"""Chats by OpenAI's own client, before a server whose model gives the prompt's words back."""

from __future__ import annotations

import base64
import json
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from tests.gateway.running import Gateway

pytestmark = pytest.mark.xdist_group("gateway")

PNG = base64.b64encode(b"\x89PNG not really").decode()
CHAT = "/v1/chat/completions"


def said(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def streamed(client: OpenAI, text: str, **further: Any) -> list[ChatCompletionChunk]:
    return [
        *client.chat.completions.create(
            model="generate", messages=said(text), stream=True, **further
        )
    ]


def test_an_answer_comes_whole(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="generate", messages=said("red grün 赤 🟥"))
    (choice,) = answer.choices
    assert choice.message.content == "red grün 赤 🟥"
    assert choice.message.role == "assistant"
    assert choice.finish_reason == "stop"
    assert answer.object == "chat.completion"
    assert answer.id.startswith("chatcmpl-")
    assert answer.model == "generate"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (4, 4)
    assert answer.usage.total_tokens == 8


def test_an_answer_comes_piece_by_piece(client: OpenAI) -> None:
    chunks = streamed(client, 'red "grün" 赤 🟥 a\\b')
    assert chunks[0].choices[0].delta.role == "assistant"
    pieces = [each.choices[0].delta.content for each in chunks if each.choices]
    assert pieces[1:-1] == ["red", ' "grün"', " 赤", " 🟥", " a\\b"]
    reasons = [each.choices[0].finish_reason for each in chunks]
    assert reasons == [None] * (len(chunks) - 1) + ["stop"]
    assert len({each.id for each in chunks}) == 1
    assert {each.object for each in chunks} == {"chat.completion.chunk"}
    assert all(each.usage is None for each in chunks)


def test_a_stream_tells_its_tokens_at_the_end(client: OpenAI) -> None:
    *chunks, last = streamed(client, "red green", stream_options={"include_usage": True})
    assert last.choices == []
    assert last.usage is not None and last.usage.completion_tokens == 2
    assert last.usage.prompt_tokens_details is not None
    assert all("usage" in each.model_fields_set and each.usage is None for each in chunks)


@pytest.mark.parametrize("usage", [False, True])
def test_events_are_as_the_types_of_openai_have_them(gateway: Gateway, usage: bool) -> None:
    body = gateway.chat("red", stream=True, stream_options={"include_usage": usage}, n=2)
    status, headers, content = gateway.ask("POST", CHAT, body)
    assert status == 200
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    events = content.decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    for event in events[:-2]:
        chunk = json.loads(event.removeprefix("data: "))
        ChatCompletionChunk.model_validate(chunk, strict=True, extra="forbid")
        assert ("usage" in chunk) == usage


def test_the_length_is_bounded_by_either_name(client: OpenAI) -> None:
    for bound in ({"max_tokens": 2}, {"max_completion_tokens": 2}):
        answer = client.chat.completions.create(
            model="generate", messages=said("red green blue"), extra_body=bound
        )
        assert answer.choices[0].message.content == "red green"
        assert answer.choices[0].finish_reason == "length"


def test_all_settings_reach_the_pipeline(gateway: Gateway) -> None:
    told = gateway.inputs(
        CHAT,
        gateway.chat(
            "!inputs",
            temperature=0.5,
            top_p=0.25,
            top_k=7,
            max_tokens=9,
            frequency_penalty=-1,
            presence_penalty=2,
            seed=-(2**63),
            stop=["\n", "。"],
            ignore_eos=True,
        ),
    )
    assert told == {
        "messages": [{"role": "user", "content": "!inputs"}],
        "temperature": [0.5],
        "top_p": [0.25],
        "top_k": [7],
        "max_tokens": [9],
        "frequency_penalty": [-1.0],
        "presence_penalty": [2.0],
        "seed": [-(2**63)],
        "stop": ["\n", "。"],
        "ignore_eos": [True],
        "stream": [False],
    }


def test_what_is_not_given_is_left_to_the_pipeline(gateway: Gateway) -> None:
    told = gateway.inputs(CHAT, gateway.chat("!inputs", temperature=None, stop=None))
    assert told.keys() == {"messages", "stream"}


def test_a_client_sends_back_what_it_got(client: OpenAI) -> None:
    first = client.chat.completions.create(model="generate", messages=said("red"))
    message: Any = first.choices[0].message
    answer = client.chat.completions.create(
        model="generate", messages=[*said("red"), message.model_dump(), *said("blue")]
    )
    assert answer.choices[0].message.content == "blue"


def test_images_come_as_data(gateway: Gateway) -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    parts = [image, {"type": "text", "text": "!inputs"}, image]
    body = gateway.chat("") | {
        "messages": [
            {"role": "developer", "content": "be short"},
            {"role": "user", "content": parts},
        ]
    }
    told = gateway.inputs(CHAT, body)
    assert told["image"] == [PNG, PNG]
    shown = {"type": "image"}
    assert told["messages"] == [
        {"role": "system", "content": "be short"},
        {"role": "user", "content": [shown, {"type": "text", "text": "!inputs"}, shown]},
    ]


def test_several_choices_have_seeds_that_are_counted_up(gateway: Gateway) -> None:
    body = gateway.chat("!inputs", n=3, seed=2**63 - 2)
    status, _, content = gateway.ask("POST", CHAT, body)
    assert status == 200
    choices = json.loads(content)["choices"]
    assert [each["index"] for each in choices] == [0, 1, 2]
    seeds = [json.loads(each["message"]["content"])["seed"][0] for each in choices]
    assert seeds == [2**63 - 2, 2**63 - 1, -(2**63)]


def test_several_choices_are_streamed_side_by_side(client: OpenAI) -> None:
    chunks = streamed(client, "!wait=0.02 red blue", n=2, stream_options={"include_usage": True})
    texts = ["", ""]
    for chunk in chunks[:-1]:
        (choice,) = chunk.choices
        texts[choice.index] += choice.delta.content or ""
    assert texts == ["red blue", "red blue"]
    usage = chunks[-1].usage
    assert usage is not None and (usage.prompt_tokens, usage.completion_tokens) == (3, 4)
    ended = [each.choices[0].finish_reason for each in chunks[:-1]]
    assert ended.count("stop") == 2


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("order", "status", "told", "code"),
    [
        ("!refuse", 400, "the prompt is refused", "invalid_value"),
        ("!busy", 503, "64 requests wait already; ask again later", "overloaded"),
        ("!break", 502, "generate failed; the server's log says why", "server_failed"),
        ("!half=0 red", 502, "ended in the middle of its answer", "server_failed"),
    ],
)
def test_what_the_pipeline_refuses_has_its_status(
    gateway: Gateway, stream: bool, order: str, status: int, told: str, code: str
) -> None:
    answered, headers, content = gateway.ask("POST", CHAT, gateway.chat(order, stream=stream))
    error = json.loads(content)["error"]
    assert (answered, error["code"]) == (status, code)
    assert told in error["message"]
    assert (headers.get("retry-after") == "1") == (status == 503)


@pytest.mark.parametrize("order", ["!fail=1 red blue", "!half=1 red blue"])
def test_a_stream_that_fails_ends_with_an_error(client: OpenAI, order: str) -> None:
    stream = client.chat.completions.create(model="generate", messages=said(order), stream=True)
    texts = []
    with pytest.raises(openai.APIError, match=r"failed|middle"):
        for each in stream:
            texts.append(each.choices[0].delta.content)
    assert "red" in texts


@pytest.mark.parametrize("order", ["!fail=1 red blue", "!half=1 red blue"])
def test_half_an_answer_is_none(client: OpenAI, order: str) -> None:
    with pytest.raises(openai.InternalServerError) as raised:
        client.chat.completions.create(model="generate", messages=said(order))
    assert raised.value.status_code == 502


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    for name in ("gpt-4o", "../generate", "a" * 300, "generate\n"):
        with pytest.raises(openai.NotFoundError) as raised:
            client.chat.completions.create(model=name, messages=said("red"))
        assert raised.value.code == "model_not_found"
        assert raised.value.param == "model"


def test_an_answer_names_its_request(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="generate", messages=said("red"))
    assert answer._request_id is not None
    assert answer._request_id.startswith("req_")


def test_many_at_once_get_their_own_answers(gateway: Gateway) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def ask(number: int) -> str:
        text = f"!wait=0.005 a{number} b{number} c{number}"
        chunks = streamed(gateway.client(), text)
        return "".join(each.choices[0].delta.content or "" for each in chunks)

    with ThreadPoolExecutor(16) as pool:
        answers = [*pool.map(ask, range(32))]
    assert answers == [f"a{number} b{number} c{number}" for number in range(32)]


@pytest.mark.thorough
def test_many_errors_at_once_leave_the_server_well(gateway: Gateway) -> None:
    """Triton 24.10 may abort if streams end with a status; here they end with a text."""
    from concurrent.futures import ThreadPoolExecutor

    def ask(number: int) -> int:
        orders = ("!refuse", "!busy", "!fail=1 red blue", "!half=1 red blue", "red")
        body = gateway.chat(orders[number % len(orders)], stream=number % 2 == 0)
        return gateway.ask("POST", CHAT, body)[0]

    with ThreadPoolExecutor(16) as pool:
        statuses = [*pool.map(ask, range(2000))]
    assert {*statuses} == {200, 400, 502, 503}
    assert gateway.state()["under_way"] == 0
