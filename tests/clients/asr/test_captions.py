"""Subtitles: every word once and in order, short enough to read, in the formats' own spelling."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from clients.asr.captions import (
    LONGEST,
    SHORTEST,
    WIDEST,
    Caption,
    as_json,
    captions,
    clock,
    line,
    srt,
    vtt,
)
from clients.asr.client import Segment, Word, places

Text = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=50)


@st.composite
def talks(draw: st.DrawFn) -> list[Segment]:
    """Segments one after the other, their words likewise."""
    now, found = 0.0, []
    for _ in range(draw(st.integers(0, 4))):
        begin, words = now, []
        for text in draw(st.lists(Text, min_size=1, max_size=40)):
            length = draw(st.floats(0.05, 1.5))
            words.append(Word(text, now, now + length, 0.9))
            now += length + draw(st.floats(0, 0.5))
        found.append(Segment(" ".join(w.text for w in words), begin, now, 0.9, tuple(words)))
        now += draw(st.floats(0, 3))
    return found


@given(talks())
def test_every_word_stands_once_in_order_in_captions_that_can_be_read(talk: list[Segment]) -> None:
    found = list(captions(talk))
    assert [w for each in found for w in each.text.split()] == [
        w for segment in talk for w in segment.text.split()
    ]
    for each in found:
        lines = each.text.split("\n")
        alone = len(each.text.split()) == 1
        assert len(lines) <= 2
        assert alone or all(len(part) <= WIDEST or " " not in part for part in lines)
        assert alone or each.end - each.start <= LONGEST
        assert each.start < each.end
    assert [c.start for c in found] == sorted(c.start for c in found)


def test_words_stand_as_in_the_text_where_no_spaces_part_them() -> None:
    said = [Word("今", 1.0, 1.2, 0.9), Word("日。", 1.2, 1.2, 0.9)]
    (whole,) = captions([Segment("今日。", 1.0, 1.5, 0.9, tuple(said))])
    assert whole == Caption(1.0, 1.2, "今日。")


def test_a_word_that_lasts_no_time_can_be_read_too() -> None:
    said = (Word("stop", 0.0, LONGEST, 0.9), Word("now", LONGEST + 1, LONGEST + 1, 0.9))
    _, last = captions([Segment("stop now", 0.0, LONGEST + 1, 0.9, said)])
    assert last == Caption(LONGEST + 1, LONGEST + 1 + SHORTEST, "now")


def test_words_are_found_in_a_text_up_to_the_first_that_is_not_its_own() -> None:
    assert places("a half-past  aa", ["a", "half", "-past", "aa"]) == [0, 2, 6, 13]
    assert places("a b", ["a", "b", "b"]) == [0, 2]
    assert places("a b", ["b"]) == places("", ["b"]) == places("a", []) == []


TALK = [
    Segment("stop", 1.2, 1.75, 0.91, (Word("stop", 1.3, 1.7, 0.91),)),
    Segment("a <b> & c", 3723.5, 3725.0, 0.5, ()),
]


def test_subrip() -> None:
    assert "\n".join(srt(TALK)) == (
        "1\n00:00:01,300 --> 00:00:01,700\nstop\n\n2\n01:02:03,500 --> 01:02:05,000\na <b> & c\n"
    )


def test_webvtt_escapes_what_it_would_read_as_tags() -> None:
    assert "\n".join(vtt(TALK)) == (
        "WEBVTT\n\n00:00:01.300 --> 00:00:01.700\nstop\n\n"
        "01:02:03.500 --> 01:02:05.000\na &lt;b&gt; &amp; c\n"
    )


def test_json_has_words_with_times() -> None:
    first, second = json.loads(as_json(TALK))
    assert first["words"] == [{"text": "stop", "start": 1.3, "end": 1.7, "score": 0.91}]
    assert second["text"] == "a <b> & c"


def test_a_line_for_a_reader() -> None:
    assert line(TALK[0]) == "00:00:01.200 00:00:01.750  stop"


@given(st.floats(0, 1e5))
def test_a_clock_is_never_malformed(seconds: float) -> None:
    found = re.fullmatch(r"(\d\d+):([0-5]\d):([0-5]\d)\.(\d{3})", clock(seconds))
    assert found
    hours, minutes, whole, thousandths = map(int, found.groups())
    assert abs(hours * 3600 + minutes * 60 + whole + thousandths / 1000 - seconds) < 6e-4
