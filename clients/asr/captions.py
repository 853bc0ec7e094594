"""Segments as subtitles: SubRip, WebVTT, JSON, or plain lines."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from clients.asr.client import Segment, Word, places

WIDEST = 42
"""Characters of a line, and two lines a caption: what broadcasters' guidelines ask for."""

LONGEST = 6.0
"""Seconds that a caption stands at most."""

SHORTEST = 0.2
"""Seconds that a caption stands at least: the words that Whisper aligns may last no time."""

Placed = tuple[Word, int]
"""A word, and where it begins in its segment's text."""


@dataclass(frozen=True)
class Caption:
    """Text with the time that it stands, in seconds."""

    start: float
    end: float
    text: str


def captions(segments: Iterable[Segment]) -> Iterator[Caption]:
    """Segments cut into captions that can be read; one without words' times stays whole."""
    for segment in segments:
        if not segment.words:
            yield Caption(segment.start, segment.end, segment.text)
            continue
        at = places(segment.text, [word.text for word in segment.words])
        for group in _groups(segment.text, list(zip(segment.words, at, strict=True))):
            (first, _), (last, _) = group[0], group[-1]
            end = max(last.end, first.start + SHORTEST)
            yield Caption(first.start, end, "\n".join(_lines(_spelt(segment.text, group))))


def _groups(text: str, words: Sequence[Placed]) -> Iterator[list[Placed]]:
    group: list[Placed] = []
    for word, at in words:
        longer = [*group, (word, at)]
        too_long = len(_lines(_spelt(text, longer))) > 2 or word.end - longer[0][0].start > LONGEST
        if group and too_long:
            yield group
            longer = longer[-1:]
        group = longer
    yield group


def _spelt(text: str, group: Sequence[Placed]) -> str:
    """A segment's text from the first of these words to the last, as spaces part it or do not."""
    last, at = group[-1]
    return text[group[0][1] : at + len(last.text)]


def _lines(text: str) -> list[str]:
    """The text in lines of at most :data:`WIDEST` characters; a longer word stands alone."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= WIDEST:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def srt(segments: Iterable[Segment]) -> Iterator[str]:
    """SubRip, one caption after the other."""
    for number, each in enumerate(captions(segments), 1):
        yield f"{number}\n{clock(each.start, ',')} --> {clock(each.end, ',')}\n{each.text}\n"


def vtt(segments: Iterable[Segment]) -> Iterator[str]:
    """WebVTT (https://www.w3.org/TR/webvtt1/), its head first."""
    cues = (
        f"{clock(each.start)} --> {clock(each.end)}\n{_escaped(each.text)}\n"
        for each in captions(segments)
    )
    return itertools.chain(["WEBVTT\n"], cues)


def as_json(segments: Iterable[Segment]) -> str:
    """The segments with their words, as a JSON list; times to the millisecond."""
    listed = [asdict(each, dict_factory=_rounded) for each in segments]
    return json.dumps(listed, ensure_ascii=False, indent=2)


def _rounded(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """A dataclass' fields; what was FP32 without the digits that it did not have."""
    return {name: round(v, 3) if isinstance(v, float) else v for name, v in fields}


def line(segment: Segment) -> str:
    """One line for a reader: times, text."""
    return f"{clock(segment.start)} {clock(segment.end)}  {segment.text}"


def clock(seconds: float, point: str = ".") -> str:
    """``00:01:02.345``."""
    milliseconds = round(max(seconds, 0.0) * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d}{point}{milliseconds % 1000:03d}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
