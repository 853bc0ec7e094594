"""Chat messages: OpenAI's shape is read, and every other is refused in one sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.decoder.stages.asking.messages import (
    MOST_MESSAGES,
    MOST_PARTS,
    Image,
    Message,
    Text,
    read_messages,
)
from builders.kit.invalid_argument import InvalidArgument


def read(messages: Any) -> tuple[Message, ...]:
    return read_messages(json.dumps(messages))


def test_texts_and_parts() -> None:
    found = read(
        [
            {"role": "developer", "content": "Be brief."},
            {
                "role": "user",
                "name": "Ada",
                "content": [{"type": "image"}, {"type": "text", "text": "What is it?"}],
            },
            {"role": "assistant", "content": "A tree."},
            {"role": "user", "content": "Which?"},
        ]
    )
    assert found == (
        Message("system", "Be brief."),
        Message("user", (Image(), Text("What is it?"))),
        Message("assistant", "A tree."),
        Message("user", "Which?"),
    )
    assert [each.images for each in found] == [0, 1, 0, 0]


def test_an_answer_may_come_back_with_all_its_fields() -> None:
    answer: dict[str, Any] = {
        "role": "assistant",
        "content": "Yes.",
        "refusal": None,
        "annotations": [],
        "audio": None,
        "function_call": None,
        "tool_calls": None,
    }
    assert read([answer]) == (Message("assistant", "Yes."),)


USER = {"role": "user", "content": "Hello"}


def part(**fields: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [fields]}]


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ({}, "found an empty object"),
        ([], "at least one message, found an empty list"),
        ("hello", 'found "hello"'),
        (None, "found none"),
        ([USER] * (MOST_MESSAGES + 1), f"at most {MOST_MESSAGES} messages, found 2049"),
        ([USER, "hello"], 'message 2: expected an object with role and content, found "hello"'),
        ([{"content": "Hello"}], "as the role, found none"),
        ([{"role": "robot", "content": "x"}], 'system, developer, user or assistant .* "robot"'),
        ([{"role": "x" * 99, "content": "x"}], 'found "x{38}…'),
        ([{"role": ["user"], "content": "x"}], "as the role, found a list"),
        ([{"role": "tool", "content": "x", "tool_call_id": "1"}], "tools are not served"),
        (
            [USER, {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}],
            'found also "tool_calls"; tools are not served',
        ),
        ([{"role": "user", "content": "x", "mood": 1}], 'found also "mood"; leave it out'),
        ([{"role": "user"}], "as the content, found none"),
        ([{"role": "user", "content": 5}], "as the content, found 5"),
        ([{"role": "user", "content": {}}], "as the content, found an empty object"),
        ([{"role": "user", "content": []}], "as the content, found none"),
        ([{"role": "user", "content": " \n"}], "message 1: expected a text, found an empty one"),
        (part(type="text", text=""), "message 1: expected a text, found an empty one"),
        (part(type="text"), "message 1, part 1: expected a string as the text, found none"),
        (part(type="text", text=["x"]), "expected a string as the text, found a list"),
        (part(text="x"), "expected text or image as the type, found none"),
        (part(type="video"), 'expected text or image as the type, found "video"'),
        (
            part(type="image_url", image_url={"url": "x"}),
            "give the image's file in the input image",
        ),
        (part(type="image", url="http://x"), 'only what a part has, found "url" also'),
        (part(type={}), "as the type, found an empty object"),
        ([{"role": "user", "content": ["x"]}], 'an object with a type, found "x"'),
        (
            [{"role": "user", "content": [{"type": "image"}] * (MOST_PARTS + 1)}],
            f"message 1: expected at most {MOST_PARTS} parts, found 1025",
        ),
        (
            [{"role": "system", "content": [{"type": "image"}]}],
            "message 1: expected images in messages of the user alone",
        ),
    ],
)
def test_what_is_no_chat_is_refused(messages: Any, told: str) -> None:
    with pytest.raises(InvalidArgument, match=told) as raised:
        read(messages)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", "mistake at character 0"),
        ('[{"role": "user"', "mistake at character 16"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        (f"[{'9' * 100_000}]", "a number of 100000 digits"),
        ("[NaN]", "NaN, which is not JSON"),
        ("[1e999]", "message 1: expected an object"),
        (r'[{"role": "user", "content": "a\ud800"}]', "half of a surrogate pair at character 1"),
        (r'[{"role": "\ud800", "content": "a"}]', "as the role"),
        (r'[{"role": "user", "content": "a", "\ud800": 1}]', r'"\\ud800"'),
    ],
)
def test_what_is_no_json_is_refused(given: str, told: str) -> None:
    with pytest.raises(InvalidArgument, match=told) as raised:
        read_messages(given)
    str(raised.value).encode()


def test_a_surrogate_pair_is_a_character() -> None:
    (message,) = read_messages(r'[{"role": "user", "content": "\ud83d\ude00"}]')
    assert message.content == "\U0001f600"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "name", "tool_calls"]) | st.text(),
            inner | st.sampled_from(["user", "assistant", "text", "image"]),
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_any_json_is_read_or_refused(value: Any) -> None:
    try:
        found = read(value)
    except InvalidArgument as error:
        assert len(str(error)) < 300
    else:
        assert len(found) == len(value)


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_messages(text)
    except InvalidArgument as error:
        assert len(str(error)) < 300
