"""Requests for chats: what is read, what is ignored, and what is refused by its name."""

from __future__ import annotations

import json
import string
import typing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import completion_create_params

from gateway.asking.chat import IGNORED, REFUSED, read_chat
from gateway.errors import ApiError
from gateway.settings import Limits

LIMITS = Limits()
READ = {
    *("model", "messages", "n", "stream", "stream_options", "temperature", "top_p", "seed"),
    *("stop", "max_tokens", "max_completion_tokens", "frequency_penalty", "presence_penalty"),
}
OURS = {"top_k", "ignore_eos", "min_tokens"}
"""What OpenAI's API has not, and other servers have."""

MESSAGES: list[Any] = [{"role": "user", "content": "Hello"}]


def request(**further: Any) -> dict[str, Any]:
    return {"model": "generate", "messages": MESSAGES, **further}


def refusal(values: dict[str, Any]) -> ApiError:
    with pytest.raises(ApiError) as raised:
        read_chat(values, LIMITS)
    assert raised.value.status == 400
    return raised.value


def test_every_parameter_of_the_api_is_read_ignored_or_refused() -> None:
    kinds = (
        completion_create_params.CompletionCreateParamsBase,
        completion_create_params.CompletionCreateParamsStreaming,
    )
    declared = {name for kind in kinds for name in typing.get_type_hints(kind)}
    known = READ | set(IGNORED) | set(REFUSED)
    assert declared <= known
    assert known - OURS <= declared


@pytest.mark.parametrize("name", [*REFUSED])
def test_what_is_not_supported_is_refused_by_its_name(name: str) -> None:
    error = refusal(request(**{name: {"something": ["else"]}}))
    assert (error.code, error.param) == ("unsupported_parameter", name)
    assert f"'{name}' is not supported" in str(error)
    for harmless in (None, *REFUSED[name][0]):
        read_chat(request(**{name: harmless}), LIMITS)


@pytest.mark.parametrize("name", IGNORED)
def test_what_changes_nothing_is_ignored(name: str) -> None:
    read_chat(request(**{name: "anything"}), LIMITS)


def test_what_is_unknown_is_refused_by_its_name() -> None:
    error = refusal(request(temprature=1))
    assert (error.code, error.param) == ("unknown_parameter", "temprature")


CANNOT_BE: dict[str, tuple[Any, ...]] = {
    "temperature": (-0.1, 2.1, "1", True, [1], float("nan")),
    "top_p": (0, 1.01, -1),
    "top_k": (-1, 1.5, 2**31),
    "frequency_penalty": (-2.1, 2.1),
    "presence_penalty": (-2.1, 2.1),
    "seed": (2**63, -(2**63) - 1, 0.5, "1"),
    "max_tokens": (0, -1, 2**31, 10**99, 1e300, True),
    "max_completion_tokens": (0, "7"),
    "n": (0, -1, 17, 1.5),
    "stop": ("", [""], [1], {}, ["a"] * 17, 7),
    "stream": (1, "true"),
    "model": (None, 1, ["generate"]),
    "messages": (None, [], "Hello", {}, [7], [None]),
    "ignore_eos": (1, "no"),
}
"""A member -> values that it cannot have."""


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in CANNOT_BE.items() for value in values]
)
def test_a_value_that_cannot_be_is_refused(name: str, value: Any) -> None:
    error = refusal(request(**{name: value}))
    assert (error.param or "").split("[")[0] == name
    assert f"'{name}" in str(error)


def test_the_two_names_of_the_length_have_to_agree() -> None:
    read = read_chat(request(max_tokens=5, max_completion_tokens=5), LIMITS)
    assert read.sampling.options == {"max_tokens": 5}
    assert refusal(request(max_tokens=5, max_completion_tokens=6)).param == "max_completion_tokens"


@pytest.mark.parametrize(
    ("further", "param"),
    [
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        (
            {"stream": True, "stream_options": {"include_usage": 1}},
            "stream_options.include_usage",
        ),
        (
            {"stream": True, "stream_options": {"include_obfuscation": True}},
            "stream_options.include_obfuscation",
        ),
        ({"stream": True, "stream_options": {"else": 1}}, "stream_options.else"),
    ],
)
def test_options_of_streams_are_held_to_what_there_is(further: dict[str, Any], param: str) -> None:
    assert refusal(request(**further)).param == param


@pytest.mark.parametrize(
    ("message", "param", "told"),
    [
        ({}, "messages[0].role", "is missing"),
        ({"role": "user"}, "messages[0].content", "is missing"),
        ({"role": "robot", "content": "x"}, "messages[0].role", "'robot'"),
        ({"role": "tool", "content": "x"}, "messages[0].role", "tools are not supported"),
        ({"role": "user", "content": 7}, "messages[0].content", "found 7"),
        ({"role": "user", "content": []}, "messages[0].content", "is empty"),
        ({"role": "user", "content": ["x"]}, "messages[0].content[0]", "an object"),
        ({"role": "user", "content": "x", "more": 1}, "messages[0].more", "not known"),
        (
            {"role": "assistant", "content": "x", "tool_calls": [{}]},
            "messages[0].tool_calls",
            "tools are not supported",
        ),
    ],
)
def test_a_message_that_cannot_be_is_refused(
    message: dict[str, Any], param: str, told: str
) -> None:
    error = refusal(request(messages=[message]))
    assert error.param == param
    assert told in str(error)


def part(**values: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [values]}]


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
SOUND = {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}


@pytest.mark.parametrize(
    ("values", "at", "told"),
    [
        ({}, "type", "is missing"),
        ({"type": "file"}, "type", "'file'"),
        ({"type": "text"}, "text", "is missing"),
        ({"type": "text", "text": "x", "more": 1}, "more", "not known"),
        ({"type": "image_url", "image_url": "data:"}, "image_url", "an object"),
        ({"type": "image_url", "image_url": {}}, "image_url.url", "is missing"),
        (
            {"type": "image_url", "image_url": {"url": "x", "detail": "high"}},
            "image_url.detail",
            "'auto'",
        ),
        ({"type": "input_audio", "input_audio": {}}, "input_audio.data", "is missing"),
        (
            {"type": "input_audio", "input_audio": {"data": "?", "format": "wav"}},
            "input_audio.data",
            "base64",
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "aac"}},
            "input_audio.format",
            "'wav'",
        ),
    ],
)
def test_a_part_that_cannot_be_is_refused(values: dict[str, Any], at: str, told: str) -> None:
    error = refusal(request(messages=part(**values)))
    assert error.param == f"messages[0].content[0].{at}"
    assert told in str(error)


@pytest.mark.parametrize("given_", [IMAGE, SOUND])
def test_parts_are_counted_and_of_users_alone(given_: dict[str, Any]) -> None:
    message = {"role": "user", "content": [given_] * 9}
    read_chat(request(messages=[message]), LIMITS)
    assert "at most 16" in str(refusal(request(messages=[message] * 2)))
    assert "'user'" in str(refusal(request(messages=[{**message, "role": "system"}])))


def test_parts_become_what_a_pipeline_takes() -> None:
    parts = [{"type": "text", "text": "a"}, IMAGE, SOUND, {"type": "text", "text": "b"}]
    conversation = read_chat(
        request(messages=[{"role": "user", "content": parts, "name": "me"}]), LIMITS
    ).conversation
    assert conversation.messages == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a"},
                {"type": "image"},
                {"type": "text", "text": ""},
                {"type": "text", "text": "b"},
            ],
        }
    ]
    assert conversation.images == ["data:image/png;base64,AA=="]
    ((content, place),) = conversation.sounds
    assert content == b"\0"
    place["text"] = "heard"
    assert conversation.messages[0]["content"][2]["text"] == "heard"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(string.ascii_lowercase, max_size=6), inner, max_size=3)
    ),
    max_leaves=4,
)
NAMES = st.sampled_from([*READ, *IGNORED, *REFUSED, "top_k", "ignore_eos", "else"])
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["text", "image_url", "input_audio", "else"]) | VALUES,
        "text": VALUES,
        "image_url": VALUES | st.fixed_dictionaries({}, optional={"url": VALUES, "detail": VALUES}),
        "input_audio": VALUES
        | st.fixed_dictionaries({}, optional={"data": VALUES, "format": VALUES}),
    },
)
TURNS = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["system", "user", "assistant", "tool"]) | VALUES,
        "content": VALUES | st.lists(PARTS | VALUES, max_size=3),
        "name": VALUES,
    },
)


@given(st.dictionaries(NAMES, VALUES, max_size=5), st.lists(TURNS, max_size=3) | VALUES)
def test_whatever_comes_is_read_or_refused_in_a_sentence(
    values: dict[str, Any], messages: Any
) -> None:
    try:
        read = read_chat({"model": "m", "messages": messages, **values}, LIMITS)
    except ApiError as error:
        assert error.status == 400
        assert len(str(error)) < 500
        assert "\n" not in str(error)
        json.dumps(error.body)
    else:
        assert read.conversation.messages
        assert 1 <= read.sampling.choices <= LIMITS.choices
        assert len([*read.sampling.each()]) == read.sampling.choices
