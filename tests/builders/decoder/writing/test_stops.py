"""Stop texts: found wherever the pieces begin, and never given out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.decoder.stages.writing.stops import Stops


def written(stops: Stops, pieces: Sequence[str]) -> list[str]:
    out = [stops.take(piece) for piece in pieces]
    return [*out, stops.end()]


def naive(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """The text up to the longest of those stop texts that end first."""
    for end in range(len(text) + 1):
        ending = [len(stop) for stop in stops if text[:end].endswith(stop)]
        if ending:
            return text[: end - max(ending)], True
    return text, False


@pytest.mark.parametrize(
    ("texts", "pieces", "out", "stopped"),
    [
        ((), ("a", "b"), ["a", "b", ""], False),
        (("END",), ("one E", "ND two"), ["one ", "", ""], True),
        (("END",), ("one E", "NE", "ND"), ["one ", "EN", "", ""], True),
        (("END",), ("one E", "N"), ["one ", "", "EN"], False),
        (("\n\n",), ("a\n", "b\n", "\n", "c"), ["a", "\nb", "", "", ""], True),
        (("aab",), ("aaa", "ab"), ["a", "a", ""], True),
        # The first to be complete counts, and of those the longest.
        (("bc", "abcd"), ("abcd",), ["a", ""], True),
        (("c", "abc"), ("xabc",), ["x", ""], True),
        (("né",), ("n", "é"), ["", "", ""], True),
    ],
)
def test_stops(texts: Sequence[str], pieces: Sequence[str], out: list[str], stopped: bool) -> None:
    stops = Stops(texts)
    assert written(stops, pieces) == out
    assert stops.stopped is stopped


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.text("ab\n", min_size=1, max_size=5), max_size=4),
    st.lists(st.text("ab\n", max_size=6), max_size=12),
)
def test_pieces_are_as_the_whole(texts: list[str], pieces: list[str]) -> None:
    stops = Stops(texts)
    shown = ""
    for piece in pieces:
        shown += stops.take(piece)
        # What went out stays right, whatever comes, and no more than needed is held back.
        assert naive("".join(pieces), texts)[0].startswith(shown)
    assert (shown + stops.end(), stops.stopped) == naive("".join(pieces), texts)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=4),
    st.text("ab", max_size=9),
)
def test_no_more_is_held_back_than_may_become_a_stop(texts: list[str], text: str) -> None:
    stops = Stops(texts)
    shown = stops.take(text)
    if not stops.stopped:
        held = text[len(shown) :]
        assert not held or any(stop.startswith(held) for stop in texts)


def test_long_texts_that_are_nearly_there() -> None:
    stops = Stops(["a" * (241 + number) + "b" for number in range(15)])
    shown = "".join(stops.take("a" * 20) for _ in range(100))
    assert shown == "a" * (2000 - 255)
    assert (stops.take("b"), stops.stopped) == ("", True)
