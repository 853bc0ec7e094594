"""What a request asks: every input is read, and every mistake in one told in a sentence."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.decoder.stages.asking.messages import Message
from builders.decoder.stages.asking.request import Ask, Limits, read, shares, tokens_to_generate
from builders.kit.invalid_argument import InvalidArgument
from repository.arrays import Array

WIDTH = 4
LIMITS = Limits(width=WIDTH, files=True, images=3, rows=12, file_bytes=100, text_bytes=1000)


def texts(*values: bytes) -> Array:
    return np.array(values, np.object_)


def real(value: float) -> Array:
    return np.array([value], np.float32)


def whole(*values: int) -> Array:
    return np.array(values, np.int32)


def rows(count: int, width: int = WIDTH) -> Array:
    return np.arange(count * width, dtype=np.float32).reshape(count, width)


TEXT = {"text_input": texts(b"Once")}


def chat(images: int = 0) -> dict[str, Array]:
    content = [*[{"type": "image"}] * images, {"type": "text", "text": "What?"}]
    return {"messages": texts(json.dumps([{"role": "user", "content": content}]).encode())}


def test_a_prompt_alone_is_enough() -> None:
    assert read(TEXT, LIMITS) == Ask(text="Once")
    found = read({"messages": texts(b'[{"role": "user", "content": "Hi"}]')}, LIMITS)
    assert found == Ask(messages=(Message("user", "Hi"),))


def test_all_that_can_be_said() -> None:
    found = read(
        {
            **TEXT,
            "max_tokens": whole(7),
            "temperature": real(0.5),
            "top_p": real(0.25),
            "top_k": whole(40),
            "frequency_penalty": real(-2),
            "presence_penalty": real(2),
            "seed": np.array([-(2**63)], np.int64),
            "stop": texts(b"\n", "Ende…".encode(), b"\n"),
            "stream": np.array([True]),
            "ignore_eos": np.array([True]),
        },
        LIMITS,
    )
    assert found == Ask(
        text="Once",
        max_tokens=7,
        temperature=0.5,
        top_p=0.25,
        top_k=40,
        frequency_penalty=-2.0,
        presence_penalty=2.0,
        seed=-(2**63),
        stop=("\n", "Ende…"),
        stream=True,
        ignore_eos=True,
    )


def test_images_as_files() -> None:
    found = read({**chat(2), "image": texts(b"one", b"two")}, LIMITS)
    assert (found.image_files, found.image_rows) == ((b"one", b"two"), None)
    assert read({**TEXT, "image": texts(b"one")}, LIMITS).image_files == (b"one",)


def test_images_as_rows() -> None:
    found = read({**chat(2), "image_embeds": rows(6)}, LIMITS)
    assert found.image_rows is not None
    np.testing.assert_array_equal(found.image_rows, rows(6))
    assert found.image_tokens == (3, 3)
    given = {**chat(2), "image_embeds": rows(6), "image_tokens": whole(5, 1)}
    assert read(given, LIMITS).image_tokens == (5, 1)
    # A text says by its places how many images there are.
    assert read({**TEXT, "image_embeds": rows(6)}, LIMITS).image_tokens == ()
    flipped = {**chat(1), "image_embeds": rows(6)[::-1]}
    assert read(flipped, LIMITS).image_rows.flags.c_contiguous  # type: ignore[union-attr]


def test_an_empty_tensor_is_as_none() -> None:
    empty: dict[str, Array] = {
        **TEXT,
        "image": texts(),
        "image_embeds": rows(0),
        "image_tokens": whole(),
        "stop": texts(),
    }
    assert read(empty, Limits()) == Ask(text="Once")


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({}, "expected text_input or messages, found neither"),
    ({**TEXT, **chat()}, "found both"),
    ({"text_input": texts(b"a", b"b")}, r"text_input: expected one value, found .* shape \[2\]"),
    ({"text_input": texts()}, r"text_input: expected one value, found .* shape \[0\]"),
    ({"text_input": texts(b"")}, "text_input: expected a text, found an empty one"),
    ({"messages": texts(b"")}, "messages: expected a text, found an empty one"),
    ({"text_input": texts(b"ab\xff")}, "text_input: expected UTF-8, found other bytes at byte 2"),
    (
        {"messages": texts(b"[\xed\xa0\x80]")},
        "messages: expected UTF-8, found other bytes at byte 1",
    ),
    ({"text_input": texts(b"a" * 1001)}, "at most 1000 bytes, found 1001"),
    ({"messages": texts(b"[" * 1001)}, "at most 1000 bytes, found 1001"),
    ({**TEXT, "max_tokens": whole(0)}, "max_tokens: expected 1 or more, found 0"),
    ({**TEXT, "max_tokens": whole(-5)}, "max_tokens: expected 1 or more, found -5"),
    ({**TEXT, "max_tokens": whole(1, 2)}, "max_tokens: expected one value"),
    ({**TEXT, "max_tokens": real(5)}, "max_tokens: expected a whole number, found float"),
    ({**TEXT, "max_tokens": np.array([True])}, "max_tokens: expected a whole number, found bool"),
    (
        {**TEXT, "temperature": real(float("nan"))},
        "temperature: expected a finite number, found nan",
    ),
    (
        {**TEXT, "temperature": real(float("inf"))},
        "temperature: expected a finite number, found inf",
    ),
    ({**TEXT, "temperature": real(-0.5)}, "temperature: expected from 0 to 2, found -0.5"),
    ({**TEXT, "temperature": real(2.5)}, "temperature: expected from 0 to 2, found 2.5"),
    ({**TEXT, "temperature": texts(b"1")}, "temperature: expected a number, found bytes"),
    ({**TEXT, "top_p": real(0)}, "top_p: expected above 0 and up to 1, found 0"),
    ({**TEXT, "top_p": real(1.5)}, "top_p: expected above 0 and up to 1, found 1.5"),
    ({**TEXT, "top_p": real(float("nan"))}, "top_p: expected a finite number"),
    ({**TEXT, "top_k": whole(-1)}, "top_k: expected 0 or more, found -1"),
    ({**TEXT, "frequency_penalty": real(3)}, "frequency_penalty: expected from -2 to 2, found 3"),
    ({**TEXT, "presence_penalty": real(-3)}, "presence_penalty: expected from -2 to 2, found -3"),
    ({**TEXT, "seed": real(1)}, "seed: expected a whole number"),
    ({**TEXT, "stream": whole(1)}, "stream: expected true or false, found int"),
    ({**TEXT, "ignore_eos": texts(b"x")}, "ignore_eos: expected true or false, found bytes"),
    ({**TEXT, "stop": texts(b"a", b"")}, "stop: expected texts, found an empty one"),
    ({**TEXT, "stop": texts(*[b"a"] * 17)}, "stop: expected at most 16 texts, found 17"),
    ({**TEXT, "stop": texts(b"a" * 257)}, "at most 256 bytes, found one of 257"),
    ({**TEXT, "stop": texts(b"\xff")}, "stop: expected UTF-8"),
    ({**TEXT, "image": texts(b"a"), "image_embeds": rows(1)}, "image or image_embeds, found both"),
    ({**TEXT, "image": texts(b"")}, "image 1: expected an image file, found no bytes"),
    ({**TEXT, "image": texts(*[b"a"] * 4)}, "image: expected at most 3, found 4"),
    ({**TEXT, "image": texts(b"a" * 101)}, "at most 100 bytes of all images, found 101"),
    ({**TEXT, "image_embeds": rows(2, 5)}, r"expected \[rows, 4\], found a .* shape \[2, 5\]"),
    ({**TEXT, "image_embeds": rows(2)[None]}, r"found a tensor of shape \[1, 2, 4\]"),
    ({**TEXT, "image_embeds": rows(13)}, "at most 12 rows, found 13"),
    ({**TEXT, "image_embeds": rows(1).astype(np.float64)}, "expected float32, found float64"),
    ({**TEXT, "image_embeds": np.full((1, 4), np.nan, np.float32)}, "found NaN or infinity"),
    ({**TEXT, "image_tokens": whole(1)}, "only with image_embeds, found them alone"),
    ({**TEXT, "image_embeds": rows(2), "image_tokens": whole(2, 0)}, "1 or more, found 0"),
    ({**TEXT, "image_embeds": rows(2), "image_tokens": whole(3, -1)}, "1 or more, found -1"),
    ({**TEXT, "image_embeds": rows(2), "image_tokens": whole(3)}, "a sum of 2, .* found 3"),
    ({**TEXT, "image_embeds": rows(4), "image_tokens": whole(1, 1, 1, 1)}, "at most 3 images"),
    ({**TEXT, "image_embeds": rows(2), "image_tokens": whole(2)[None]}, r"shape \[1, 1\]"),
    ({**chat(1)}, "for each of the 1 parts of type image in messages, found none"),
    ({**chat(), "image": texts(b"a")}, "the 0 parts of type image in messages, found 1 images"),
    ({**chat(2), "image": texts(b"a")}, "the 2 parts of type image in messages, found 1 images"),
    ({**chat(), "image_embeds": rows(2)}, "the 0 parts of type image .* found rows of images"),
    ({**chat(2), "image_embeds": rows(5)}, "a multiple of 2 rows for 2 images, found 5"),
    ({**chat(4), "image_embeds": rows(4)}, "messages: expected at most 3 images, found 4"),
    ({**chat(2), "image_embeds": rows(2), "image_tokens": whole(2)}, "the 2 parts .* 1 images"),
    (
        {**chat(), "image_embeds": rows(2), "image_tokens": whole(2)},
        "the 0 parts of type image in messages, found 1 images",
    ),
]


@pytest.mark.parametrize(("inputs", "told"), MISTAKES, ids=[told for _, told in MISTAKES])
def test_every_mistake_is_told(inputs: dict[str, Array], told: str) -> None:
    with pytest.raises(InvalidArgument, match=told) as raised:
        read(inputs, LIMITS)
    assert "\n" not in str(raised.value)


def test_a_model_without_eyes_takes_no_images() -> None:
    with pytest.raises(InvalidArgument, match="image: this model takes no images"):
        read({**TEXT, "image": texts(b"a")}, Limits())
    with pytest.raises(InvalidArgument, match="image_embeds: this model takes no rows"):
        read({**TEXT, "image_embeds": rows(2)}, Limits())


def test_rows_of_any_width_where_the_model_is_elsewhere() -> None:
    found = read({**TEXT, "image_embeds": rows(2, 7)}, Limits(width=-1)).image_rows
    assert found is not None and found.shape == (2, 7)
    with pytest.raises(InvalidArgument, match=r"expected \[rows, numbers\]"):
        read({**TEXT, "image_embeds": rows(2)[0]}, Limits(width=-1))


def test_the_default_is_cut_to_what_the_context_leaves() -> None:
    assert tokens_to_generate(None, 256, 10, 512) == 256
    assert tokens_to_generate(None, 256, 500, 512) == 12
    assert tokens_to_generate(12, 256, 500, 512) == 12
    with pytest.raises(InvalidArgument, match=r"max_tokens: expected at most 12, .* found 13"):
        tokens_to_generate(13, 256, 500, 512)
    with pytest.raises(InvalidArgument, match="the prompt has 512 tokens; expected at most 511"):
        tokens_to_generate(1, 256, 512, 512)


def test_rows_are_shared_equally() -> None:
    assert shares(6, 3) == (2, 2, 2)
    with pytest.raises(InvalidArgument, match="say in image_tokens how many each has"):
        shares(7, 3)


ANY = st.sampled_from(
    [
        texts(),
        texts(b""),
        texts(b"x", b"\xff"),
        *(np.array([value], kind) for kind in (np.float32, np.int64) for value in (0, 1, -7)),
        *(np.array(shape, np.float32) for shape in ([], [[1.0] * 4], [float("nan")])),
        np.array([True]),
        np.array([[2**31 - 1]], np.int32),
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["text_input", "messages", "image", "stop", "stream", "seed", "top_k"])
        | st.sampled_from(["image_embeds", "image_tokens", "max_tokens", "temperature", "top_p"]),
        ANY,
    )
)
def test_anything_is_read_or_refused(inputs: dict[str, Array]) -> None:
    try:
        read(inputs, LIMITS)
    except InvalidArgument as error:
        assert 10 < len(str(error)) < 300


def test_an_image_may_be_a_uri() -> None:
    uri = b"data:image/png;base64,iVBORw=="
    assert read({**TEXT, "image": texts(uri, b"\x89PNG")}, LIMITS).image_files == (b"\x89PNG",) * 2


@pytest.mark.parametrize(
    "uri",
    [b"data:", b"data:image/png,abc", b"data:image/png;base64,####", b"data:image/png;base64,\xff"],
)
def test_another_uri_is_refused(uri: bytes) -> None:
    with pytest.raises(InvalidArgument, match=r"^image 1: expected data:image/…;base64, and the"):
        read({**TEXT, "image": texts(uri)}, LIMITS)
