"""What is sent to the server for a request."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.decoder.stages.reaching.question import asked
from builders.kit.invalid_argument import InvalidArgument

PNG, JPEG, WEBP = b"\x89PNG\r\n\x1a\nrest", b"\xff\xd8\xff\xe0rest", b"RIFF1234WEBPrest"

ALWAYS = {
    "model": "toy",
    "temperature": 0.0,
    "top_p": 1.0,
    "max_tokens": 256,
    "stream": True,
    "stream_options": {"include_usage": True},
}
"""What is sent whatever a request says: servers have defaults of their own."""


def _inputs(**values: Any) -> dict[str, np.ndarray]:
    kinds = {"max_tokens": "i4", "top_k": "i4", "seed": "i8", "stream": "?", "ignore_eos": "?"}
    found = {}
    for name, value in values.items():
        listed = value if isinstance(value, list) else [value]
        is_text = isinstance(listed[0], bytes)
        found[name] = np.array(listed, "O" if is_text else kinds.get(name, "f4"))
    return found


def _body(**values: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(asked(_inputs(**values), "toy", 256).body)
    return found


def test_a_text_is_a_completion() -> None:
    question = asked(_inputs(text_input=b"Once"), "toy", 256)
    assert (question.path, question.stream, question.most) == ("/completions", False, 256)
    assert json.loads(question.body) == ALWAYS | {"prompt": "Once"}


def test_messages_are_a_chat() -> None:
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hé"}]
    question = asked(_inputs(messages=json.dumps(chat).encode(), stream=True), "toy", 9)
    assert (question.path, question.stream, question.most) == ("/chat/completions", True, 9)
    assert json.loads(question.body) == ALWAYS | {"messages": chat, "max_tokens": 9}


def test_what_a_request_says_is_sent_as_it_was_written() -> None:
    body = _body(
        text_input=b"Once",
        max_tokens=7,
        temperature=0.7,
        top_p=0.95,
        top_k=40,
        frequency_penalty=0.1,
        presence_penalty=-0.3,
        seed=2**40,
        stop=[b"\n", b"END"],
        ignore_eos=True,
    )
    assert body == ALWAYS | {
        "prompt": "Once",
        "max_tokens": 7,
        "temperature": 0.7,
        "top_p": 0.95,
        "top_k": 40,
        "frequency_penalty": 0.1,
        "presence_penalty": -0.3,
        "seed": 2**40,
        "stop": ["\n", "END"],
        "ignore_eos": True,
    }


def test_images_stand_in_their_places() -> None:
    parts = [{"type": "image"}, {"type": "text", "text": "or"}, {"type": "image"}]
    chat = [{"role": "user", "content": parts}, {"role": "user", "content": [{"type": "image"}]}]
    body = _body(messages=json.dumps(chat).encode(), image=[PNG, JPEG, WEBP])
    first, second = (each["content"] for each in body["messages"])
    assert first[1] == {"type": "text", "text": "or"}
    found = [first[0], first[2], second[0]]
    kinds = zip((PNG, JPEG, WEBP), ("png", "jpeg", "webp"), strict=True)
    for part, (file, kind) in zip(found, kinds, strict=True):
        uri = f"data:image/{kind};base64,{base64.b64encode(file).decode()}"
        assert part == {"type": "image_url", "image_url": {"url": uri}}


CHAT = json.dumps([{"role": "user", "content": [{"type": "image"}]}]).encode()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"text_input": b"a", "image": PNG}, "expected messages with a place for each image"),
        ({"messages": CHAT, "image": b"<svg/>"}, "image 1: expected a PNG, JPEG, WebP, GIF"),
        ({"messages": CHAT, "image": b""}, "expected an image file"),
        ({"messages": CHAT}, "expected an image for each"),
        ({"messages": CHAT, "image": [PNG, PNG]}, "expected an image for each"),
        ({"text_input": b"a", "messages": CHAT}, "found both"),
        ({}, "found neither"),
        ({"text_input": b"a", "temperature": 3.0}, "temperature"),
        ({"text_input": b"a", "max_tokens": 0}, "max_tokens"),
    ],
)
def test_mistaken_requests_are_refused_before_anything_is_sent(
    values: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidArgument, match=words):
        asked(_inputs(**values), "toy", 256)


def test_embeddings_of_images_are_refused() -> None:
    inputs = _inputs(messages=CHAT) | {"image_embeds": np.zeros((4, 8), np.float32)}
    with pytest.raises(InvalidArgument, match="image_embeds: this model takes no rows"):
        asked(inputs, "toy", 256)


@given(st.floats(0, 2, width=32))
def test_a_temperature_is_sent_exactly(value: float) -> None:
    assert np.float32(_body(text_input=b"a", temperature=value)["temperature"]) == np.float32(value)
