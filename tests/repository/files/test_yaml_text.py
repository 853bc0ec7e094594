"""YAML from anybody: the value, or a sentence with the line; never much time or memory."""

from __future__ import annotations

import contextlib
import resource
import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from repository.files.bounded_file import Unreadable
from repository.files.yaml_text import MAXIMUM_DEPTH, parse_yaml


def parse(text: str) -> Any:
    return parse_yaml(text.encode(), "mine.yaml").value


def refused(text: str | bytes) -> str:
    with pytest.raises(Unreadable) as caught:
        parse_yaml(text.encode() if isinstance(text, str) else text, "mine.yaml")
    return str(caught.value)


LAUGHS = "a0: &a0 [ha]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 14)
)


def test_aliases_that_multiply_are_refused_at_once() -> None:
    assert len(LAUGHS) < 900
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said = refused(LAUGHS)
    # Before 10,000 values are repeated: on the fifth line.
    assert said == (
        "mine.yaml, line 5: expected aliases that repeat at most 10,000 values, found more."
    )
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KiB


def test_an_alias_repeats_its_value() -> None:
    assert parse("a: &x {b: [1, 2]}\nc: *x\nd: [*x, *x]\n") == {
        "a": {"b": [1, 2]},
        "c": {"b": [1, 2]},
        "d": [{"b": [1, 2]}, {"b": [1, 2]}],
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &a [*a]\n", "line 1: expected an alias, found one inside its own value"),
        ("a: 1\nb: *c\n", "line 2: expected an alias, found one of no anchor before it"),
        ("a: !!bool 'zz'\n", "line 1: expected YAML without tags, found '!!bool'"),
        ("a: !!timestamp x\n", "without tags"),
        ("a: !!python/object/apply:os.system [true]\n", "without tags, found '!!python/"),
        ("a: !mine {b: 1}\n", "without tags, found '!mine'"),
        ("a: 1\n---\nb: 2\n", "line 2: expected one YAML document, found another"),
        ("{[a]: 1}", "expected a key of one word, found a list or a mapping"),
        ("a: &a {b: 1}\nc:\n  <<: *a\n", "line 3: expected keys and values, found the merge key"),
        ("a: [\n", "line 2: expected YAML"),
        ("[" * (MAXIMUM_DEPTH + 1), f"at most {MAXIMUM_DEPTH} levels, found more"),
        (
            "a: &a " + "[" * 30 + "]" * 30 + "\nb: " + "[" * 30 + "*a" + "]" * 30,
            f"at most {MAXIMUM_DEPTH} levels, found more",
        ),
        (b"a: \xff\n", "expected YAML"),
        ("a: \0\n", "expected YAML"),
        ("x" * (1 << 21), "at most 1,048,576 bytes"),
    ],
)
def test_what_is_refused_is_told_with_its_line(text: str | bytes, said: str) -> None:
    assert said in refused(text)


def test_a_key_that_stands_twice_is_noted_with_both_lines() -> None:
    document = parse_yaml(b"a: {b: 1}\nc: 2\na: 3\n", "mine.yaml")
    assert document.repeated == [(("a",), 1, 3)]
    assert document.lines[("a", "b")] == 1


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "text",
    [
        "[" * 500_000,
        "- " * 500_000,
        "a: {" * 200_000,
        "&a " * 300_000,
        "? " * 500_000,
        "\n".join(f"k{n}: *a" for n in range(90_000)),
        "a:\n" + "- &a x\n" * 140_000,
        "{" + ", ".join(f"k{n}: 1" for n in range(80_000)) + "}",
        '"' + "\\\n" * 500_000,
        "a: |\n" + " x\n" * 340_000,
        "#" * 1_000_000,
    ],
    ids=lambda text: repr(text[:8]),
)
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()
    with contextlib.suppress(Unreadable):
        parse(text)
    assert time.process_time() - began < 20


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(value=plain.filter(lambda value: value is not None), flow=st.booleans())
def test_what_pyyaml_wrote_is_read_as_it_was(value: Any, flow: bool) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow)
    if "<<" not in text:
        assert parse(text) == value


@given(text=st.text("{}[]:,&*!-| \n\"'#%@?az01<~", max_size=60) | st.binary(max_size=60))
def test_any_text_is_a_document_or_a_sentence(text: str | bytes) -> None:
    try:
        parse_yaml(text.encode() if isinstance(text, str) else text, "mine.yaml")
    except Unreadable as error:
        assert str(error).startswith("mine.yaml") and str(error).endswith(".")
        assert str(error).isprintable()
