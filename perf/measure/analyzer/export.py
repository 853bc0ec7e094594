"""Reads what ``--profile-export-file`` wrote: when each request was sent, and when answered.

The export repeats the inputs and outputs of every request as lists of numbers, gigabytes of them
for large tensors. So the file is mapped, not read, and values are passed over without being made:
memory stays small whatever the file's size. Format: perf_analyzer's ``profile_data_exporter.cc``.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from perf.errors import LegFailed

_STRUCTURE = re.compile(rb'["\[\]{}]')
_SCALAR = re.compile(rb"[^\s,\[\]{}\":]+")
_SPACE = re.compile(rb"[ \t\r\n]*")
_NUMBER = re.compile(rb"[0-9]{1,20}")


@dataclass(frozen=True)
class Timestamps:
    """One request: when it was sent, when its first response came and when its last one did,
    nanoseconds since 1970."""

    sent: int
    first: int
    answered: int


class _Garbled(Exception):
    """The text is no JSON, or not the export's."""


class EmptyExport(LegFailed):
    """perf_analyzer met a number that its JSON writer refuses, and then wrote nothing at all."""


def read(path: Path) -> list[Timestamps]:
    """The requests of an export, in the order in which they were sent.

    Raises:
        LegFailed: there is no such file, or it is no complete export of one measurement;
            :class:`EmptyExport` if there is nothing in it.
    """
    try:
        with path.open("rb") as file:
            if path.stat().st_size == 0:
                raise EmptyExport(
                    "perf_analyzer's export is empty, as it is when an input or output holds NaN "
                    "or infinity; see what the model answers, or use system shared memory"
                )
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
                requests = _requests(_Reader(text))
    except FileNotFoundError:
        raise LegFailed(
            f"perf_analyzer ended well but wrote no export ({path.name}); "
            "`python -m perf install` fetches a version that does"
        ) from None
    except _Garbled as problem:
        raise LegFailed(
            f"perf_analyzer's export is garbled ({problem}); see whether the disk that holds the "
            f"temporary folder is full, and measure again"
        ) from None
    return sorted(requests, key=lambda each: each.sent)


class _Reader:
    """Goes through a JSON text once, from its start; makes only the values that are asked for."""

    def __init__(self, text: mmap.mmap) -> None:
        self._text = text
        self._at = 0

    def members(self) -> Iterator[bytes]:
        """The keys of an object, each with its value next; what is not read is passed over."""
        for _ in self._items(b"{", b"}"):
            start = self._at
            self._string()
            key = self._text[start + 1 : self._at - 1]
            self._expect(b":")
            yield from self._each(key)

    def elements(self) -> Iterator[bytes]:
        """Once for each element of an array, which is next; what is not read is passed over."""
        for _ in self._items(b"[", b"]"):
            yield from self._each(b"")

    def number(self) -> int:
        """A whole number that is not negative.

        Raises:
            _Garbled: something else is next.
        """
        self._space()
        found = _SCALAR.match(self._text, self._at)
        if found is None or not _NUMBER.fullmatch(found[0]):
            raise _Garbled(f"no number at byte {self._at}")
        self._at = found.end()
        return int(found[0])

    def end(self) -> None:
        """Nothing but space may be left.

        Raises:
            _Garbled: more is left.
        """
        self._space()
        if self._at != len(self._text):
            raise _Garbled(f"more than one document, at byte {self._at}")

    def _each(self, key: bytes) -> Iterator[bytes]:
        start = self._at
        yield key
        if self._at == start:
            self._pass()

    def _items(self, opening: bytes, closing: bytes) -> Iterator[None]:
        self._expect(opening)
        if self._is_next(closing):
            self._at += 1
            return
        while True:
            self._space()
            yield
            if not self._is_next(b","):
                break
            self._at += 1
        self._expect(closing)

    def _pass(self) -> None:
        """Passes over a value."""
        self._space()
        if (scalar := _SCALAR.match(self._text, self._at)) is not None:
            self._at = scalar.end()
            return
        depth = 0
        while True:
            mark = _STRUCTURE.search(self._text, self._at)
            if mark is None:
                raise _Garbled("it ends too early")
            if mark[0] == b'"':
                self._at = mark.start()
                self._string()
            else:
                self._at = mark.end()
                depth += 1 if mark[0] in (b"[", b"{") else -1
            if depth <= 0:
                return

    def _string(self) -> None:
        """Passes over a string: up to the first quote that is not escaped."""
        start = self._at
        self._expect(b'"')
        while (quote := self._text.find(b'"', self._at)) >= 0:
            before = quote
            while before > start + 1 and self._text[before - 1] == ord("\\"):
                before -= 1
            self._at = quote + 1
            if (quote - before) % 2 == 0:
                return
        raise _Garbled("it ends within a string")

    def _expect(self, mark: bytes) -> None:
        if not self._is_next(mark):
            raise _Garbled(f"no {mark.decode()} at byte {self._at}")
        self._at += 1

    def _is_next(self, mark: bytes) -> bool:
        self._space()
        return self._text[self._at : self._at + 1] == mark

    def _space(self) -> None:
        found = _SPACE.match(self._text, self._at)
        assert found is not None
        self._at = found.end()


def _requests(reader: _Reader) -> list[Timestamps]:
    """The requests of the one experiment."""
    found: list[list[Timestamps]] = []
    for key in reader.members():
        if key == b"experiments":
            for _ in reader.elements():
                found.append([])
                for part in reader.members():
                    if part == b"requests":
                        found[-1] += [_request(reader) for _ in reader.elements()]
    reader.end()
    if len(found) != 1:
        raise _Garbled(f"{len(found)} experiments instead of one")
    return found[0]


def _request(reader: _Reader) -> Timestamps:
    sent, came = None, [0]
    for key in reader.members():
        if key == b"timestamp":
            sent = reader.number()
        elif key == b"response_timestamps":
            came = [reader.number() for _ in reader.elements()] or [0]
    if sent is None or min(came) < sent:
        raise _Garbled("a request has no times, or was answered before it was sent")
    return Timestamps(sent, min(came), max(came))
