"""JSON from anybody: the value, or a sentence with the place; never much time or memory."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repository.files import json_file
from repository.files.bounded_file import Unreadable, read_bounded
from repository.files.json_file import (
    MAXIMUM_DEPTH,
    parse_json,
    parse_object,
    read_json,
    read_object,
)

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(value=values, ascii_only=st.booleans())
def test_what_json_wrote_is_read_as_it_was(value: Any, ascii_only: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only).encode(), "a.json") == value


@given(content=st.binary(max_size=60) | st.text('{}[]:,"\\u d8e1.-+NaInfity', max_size=60))
def test_any_bytes_are_a_value_or_a_sentence(content: bytes | str) -> None:
    try:
        value = parse_json(content if isinstance(content, bytes) else content.encode(), "a.json")
    except Unreadable as error:
        assert str(error).startswith("a.json") and str(error).endswith(".")
        assert str(error).isprintable()
    else:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()


def refused(content: str | bytes) -> str:
    with pytest.raises(Unreadable) as caught:
        parse_object(content.encode() if isinstance(content, str) else content, "a.json")
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "line 1: expected JSON, found other text (expecting value)"),
        ('{"a": 1,\n "b"}', "line 2: expected JSON, found other text"),
        ('{"a": NaN}', "found NaN, which is no JSON"),
        ('{"a": -Infinity}', "found -Infinity"),
        ('{"a": 1e999}', "found a number beyond 1.8e308"),
        ('{"a": ' + "1" * 5000 + "}", "found an integer of more than 100 digits"),
        ('{"a": 1, "b": 2, "a": 3}', "found the key 'a' twice in an object"),
        ('{"a": "\\ud800"}', "found a half of a surrogate pair"),
        ('{"\\uDFFF": 1}', "found a half of a surrogate pair"),
        (b'{"a": "\xff"}', "expected JSON in UTF-8, found byte 7 that is not"),
        ('{"a": 1}'.encode("utf-16"), "expected JSON in UTF-8"),
        ("[" * 1_000_000, "at most 100 levels, found more"),
        ('{"a":' * 200_000, "at most 100 levels, found more"),
        ("[" * (MAXIMUM_DEPTH + 1) + "]" * (MAXIMUM_DEPTH + 1), "at most 100 levels, found more"),
        ("[" + "[]," * 4_000_000 + "1]", "at most 4,000,000 values, found more"),
        ("[]", "expected a JSON object, found a list"),
        ("null", "found null"),
        ("true", "found true or false"),
        ("5", "found a number"),
        ('"a"', "found text"),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_refused_is_told(content: str | bytes, said: str) -> None:
    assert said in refused(content)


def test_what_is_no_more_than_the_bounds_is_read() -> None:
    deepest = "[" * MAXIMUM_DEPTH + "]" * MAXIMUM_DEPTH
    assert parse_json(deepest.encode(), "a") is not None
    assert parse_json(b"\xef\xbb\xbf5", "a") == 5
    assert parse_json(b'"\\ud83d\\ude00"', "a") == "\N{GRINNING FACE}"
    assert parse_json(b"[1000000000000000019884624838656]", "a") == [int(1e30)]


def test_a_file_that_is_too_large_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    monkeypatch.setattr(json_file, "MAXIMUM_BYTES", 1000)
    with pytest.raises(Unreadable, match="expected at most 1,000 bytes, found more"):
        read_json(path)


def test_what_is_no_file_is_told_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "loop.json").symlink_to("loop.json")
    for name, said in (
        ("", "expected a file, found a folder"),
        ("pipe.json", "expected a file, found a pipe"),
        ("loop.json", "Too many levels of symbolic links"),
        ("none.json", "No such file"),
        ("x" * 5000, "File name too long"),
        ("a\0b", "one that no file can have"),
        ("a\ud800b", "one that no file can have"),
        ("a\udc80b", "No such file"),
    ):
        with pytest.raises(Unreadable, match=said) as caught:
            read_object(tmp_path / name)
        assert str(caught.value).isprintable()
    for path, said in (("/dev/zero", "a device"), ("/proc/self/mem", "Input/output error")):
        with pytest.raises(Unreadable, match=said):
            read_bounded(Path(path), 10)
