"""Completions by OpenAI's own client."""

from __future__ import annotations

import json

import pytest
from openai import OpenAI
from openai.types import Completion

from tests.gateway.running import Gateway

pytestmark = pytest.mark.xdist_group("gateway")


def test_prompts_are_answered_in_their_order(client: OpenAI) -> None:
    answer = client.completions.create(model="generate", prompt=["red", "green blue"], n=2)
    assert [each.text for each in answer.choices] == ["red", "red", "green blue", "green blue"]
    assert [each.index for each in answer.choices] == [0, 1, 2, 3]
    assert answer.object == "text_completion"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 6)


def test_an_answer_comes_piece_by_piece(client: OpenAI) -> None:
    stream = client.completions.create(
        model="generate",
        prompt="red grün 赤",
        stream=True,
        max_tokens=2,
        stream_options={"include_usage": True},
    )
    *chunks, last = stream
    assert [each.choices[0].text for each in chunks] == ["red", " grün", ""]
    assert [each.choices[0].finish_reason for each in chunks] == [None, None, "length"]
    assert last.choices == [] and last.usage is not None


def test_events_have_the_members_that_the_types_of_openai_have(gateway: Gateway) -> None:
    body = {"model": "generate", "prompt": "red", "stream": True}
    _, _, content = gateway.ask("POST", "/v1/completions", body)
    first, last, end, _ = content.decode().split("\n\n")
    assert end == "data: [DONE]"
    assert Completion.model_validate_json(last[6:], strict=True, extra="forbid").choices
    assert json.loads(first[6:]).keys() == json.loads(last[6:]).keys()


def test_a_prompt_is_sent_as_it_stands(gateway: Gateway) -> None:
    body = {"model": "generate", "prompt": " !inputs \n", "seed": 4}
    told = gateway.inputs("/v1/completions", body)
    assert told == {"text_input": [" !inputs \n"], "seed": [4], "stream": [False]}
