"""The bytes of a config as text, and what is said of those that are none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repository.config.bytes import NoText, is_odd, odd_lines, readable
from repository.config.text import ConfigError, parse

QUOTED = st.binary(max_size=12).filter(lambda content: not set(content) & set(b'"\\\n\0'))


@given(QUOTED, QUOTED)
def test_names_that_differ_still_differ(first: bytes, second: bytes) -> None:
    read = [parse(b'name: "%s"' % each, "m").name for each in (first, second)]
    assert (read[0] == read[1]) is (first == second)


@given(QUOTED)
def test_text_in_utf_8_is_kept_as_it_is(content: bytes) -> None:
    name = parse(b'name: "%s"' % content, "m").name
    assert is_odd(name) is bool(odd_lines(b'name: "%s"' % content))
    if not is_odd(name):
        assert name.encode() == content


@given(QUOTED)
def test_bytes_read_the_same_by_their_escapes(content: bytes) -> None:
    escaped = "".join(f"\\{byte:03o}" for byte in content).encode()
    assert parse(b'name: "%s"' % escaped, "m") == parse(b'name: "%s"' % content, "m")


@given(st.binary(max_size=60))
def test_any_bytes_are_text_or_a_reason(content: bytes) -> None:
    try:
        text = readable(content)
    except NoText as error:
        assert 1 <= error.line <= content.count(b"\n") + 1
        assert str(error).isprintable()
    else:
        assert re.sub(r"[#\"'].*", "", text, flags=re.DOTALL).isascii()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("backend: python", "'python' where a text in quotes belongs"),
        ("colour: 3", "the field 'colour', which ModelConfig does not have"),
        ("input { data_type: FLOAT }", "'FLOAT', which is no DataType"),
        ("max_batch_size: many", "'many' where a whole number belongs"),
        ("max_batch_size: 99999999999", "99999999999, which is too small or too large"),
        ('backend "x"', "no ':' where one belongs"),
        ('backend: "x', "a text that begins with a quote and does not end"),
        ("}", "'}' where the name of a field belongs"),
        ("optimization {} optimization {}", "the field 'optimization' twice"),
        ("dynamic_batching {} sequence_batching {}", "of which one alone may stand"),
        ("model_transaction_policy { decoupled: yes }", "where true or false belongs"),
        (r'backend: "\q"', r"the escape '\q', which means nothing"),
        (r'backend: "\x"', "an escape between quotes that means nothing"),
        ("gr\u00f6\u00dfe: 3", r"'\xf6' outside quotes and comments"),
        ("\ufeffname: 'a'", "a byte order mark"),
    ],
)
def test_what_is_found_is_said_in_plain_words(text: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text.encode(), "m/config.pbtxt")
    assert found in caught.value.found
    assert not caught.value.found.endswith(".") and "inference." not in caught.value.found
    assert str(caught.value).startswith("m/config.pbtxt:1: expected a ModelConfig as text, found ")
