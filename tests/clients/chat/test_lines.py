"""Lines of a conversation that come by a pipe."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.cli.chat.given import LONGEST, NotSaid
from clients.cli.chat.lines import Pipe


def read(content: bytes) -> Iterator[str | None]:
    """Each line; None for one that cannot be taken."""
    pipe = Pipe(io.BytesIO(content))
    while True:
        try:
            yield pipe.read()
        except NotSaid:
            yield None
        except EOFError:
            return


def test_a_line_may_end_as_on_windows_or_not_at_all() -> None:
    assert list(read("é\r\n\nb".encode())) == ["é", "", "b"]


def test_other_bytes_are_told_with_their_line() -> None:
    pipe = Pipe(io.BytesIO(b"a\nb\xff\nc"))
    assert pipe.read() == "a"
    with pytest.raises(NotSaid, match="line 2: expected UTF-8, found other bytes at byte 1"):
        pipe.read()
    assert pipe.read() == "c"


def test_a_line_that_is_too_long_is_left_out() -> None:
    longest = b"x" * LONGEST
    assert list(read(longest + b"\n" + longest + b"yz" * LONGEST + b"\nc\n" + longest + b"y")) == [
        longest.decode(),
        None,
        "c",
        None,
    ]


@given(st.lists(st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]))))
def test_lines_come_as_they_were_written(lines: list[str]) -> None:
    assert list(read("".join(f"{each}\n" for each in lines).encode())) == lines


@given(st.binary())
def test_any_bytes_are_lines_or_told(content: bytes) -> None:
    assert len(list(read(content))) == len(content.splitlines(keepends=True)) or b"\r" in content
