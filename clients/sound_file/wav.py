"""Where in a WAV file its samples lie, also where its header does not say so rightly.

A recorder that was switched off never wrote the length of its samples: 0 or 0xFFFFFFFF stands
there. Programs put cover pictures of any size before them, and some leave out the byte that makes
the length of a part even. Readers differ in what they make of that, so only this one looks at a
header, and the decoder gets the plain one that it should have had.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

MARKS = {b"RIFF": "<", b"RF64": "<", b"BW64": "<", b"RIFX": ">"}
"""How the files begin, and the order of bytes in their numbers. RF64 and BW64 (EBU Tech 3306, ITU-R
BS.2088) have lengths of 64 bits in a part ``ds64``."""

UNWRITTEN = 0xFFFFFFFF
"""A length that its writer did not know, or that stands in ``ds64``."""

LONGEST_FORMAT = 65_535
"""Bytes of the part that describes the samples; the usual ones have 16 to 50."""

MOST_PARTS = 4_096
"""A file has ten or so before its samples."""

USUAL = frozenset((b"data", b"fmt ", b"fact", b"LIST", b"bext", b"id3 ", b"JUNK", b"PEAK", b"cue "))
"""Names of parts that most files have."""

_LARGEST = 0xFFFFFFFF - 4_096
"""Bytes of samples beyond which a header has lengths of 64 bits."""


@dataclass(frozen=True)
class _Part:
    """A chunk: its name, where its content begins, and how long it says that this is."""

    name: bytes
    start: int
    length: int


class Plain(io.RawIOBase):
    """A file's samples behind a plain header; any other file stays as it is.

    A header may point before the file's first byte. Then the first byte is taken: the error would
    be a traceback in a server's log.

    Args:
        file: it can be sought in. It is closed with this.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._end = file.seek(0, os.SEEK_END)
        self._head, self._from = b"", 0
        if found := _plain(file, self._end):
            self._head, self._from, self._end = found
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """The place of what is read next."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Goes to a place, at least the first."""
        length = len(self._head) + self._end - self._from
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: length}[whence]
        self._at = max(origin + offset, 0)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Reads on."""
        view = memoryview(buffer).cast("B")
        data = self._head[self._at : self._at + len(view)]
        place = self._from + self._at + len(data) - len(self._head)
        wanted = min(len(view) - len(data), self._end - place)
        if wanted > 0:
            self._file.seek(place)
            data += self._file.read(wanted)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        """Closes the file too."""
        self._file.close()
        super().close()


def _plain(file: BinaryIO, size: int) -> tuple[bytes, int, int] | None:
    """A plain header, and where the samples begin and end; None for what is no WAV."""
    file.seek(0)
    start = file.read(12)
    order = MARKS.get(start[:4])
    if order is None or start[8:] != b"WAVE":
        return None
    kept: list[bytes] = []
    long = 0
    for part in _parts(file, size, order):
        if part.name == b"ds64" and part.length >= 24:
            file.seek(part.start + 8)
            (long,) = struct.unpack(order + "Q", _exactly(file, 8))
        elif part.name in (b"fmt ", b"fact") and part.length <= LONGEST_FORMAT:
            file.seek(part.start)
            content = file.read(part.length)
            padding = bytes(len(content) % 2)
            length = struct.pack(order + "I", len(content))
            kept.append(part.name + length + content + padding)
        elif part.name == b"data":
            if not any(each.startswith(b"fmt ") for each in kept):
                return None
            length_here = _length(file, part, size, order, long)
            if length_here != part.length:
                # How many samples it says there are was not written either.
                kept = [each for each in kept if not each.startswith(b"fact")]
            head = _head(order, b"".join(kept), length_here)
            # With the byte that makes it even, which the decoder of GSM 6.10 looks at.
            return head, part.start, min(part.start + length_here + length_here % 2, size)
    return None


def _parts(file: BinaryIO, size: int, order: str) -> Iterator[_Part]:
    """The chunks from the first on, as far as they can be told."""
    at = 12
    for _ in range(MOST_PARTS):
        if at + 8 > size:
            return
        file.seek(at)
        header = _exactly(file, 8)
        part = _Part(header[:4], at + 8, struct.unpack(order + "I", header[4:])[0])
        yield part
        at = part.start + part.length
        if part.length % 2:
            file.seek(at)
            at += _padding(file.read(5))


def _padding(after: bytes) -> int:
    """Whether a byte stands between a part of odd length and the next, as it should.

    It should be 0. Without one the next part's name comes.
    """
    if after[:1] == b"\0" or not _is_name(after[:4]):
        return 1
    return int(after[:4] not in USUAL and _is_name(after[1:]))


def _length(file: BinaryIO, part: _Part, size: int, order: str, long: int) -> int:
    """How many bytes of samples there are."""
    rest = size - part.start
    said = long if part.length == UNWRITTEN and long not in (0, 2**64 - 1) else part.length
    if said == 0 and not _ends_in_parts(file, part.start, size, order):
        return rest
    return min(said, rest, _LARGEST if order == ">" else rest)


def _ends_in_parts(file: BinaryIO, at: int, size: int, order: str) -> bool:
    """Whether chunks follow, one after the other up to the end: then there are no samples."""
    first = at
    for _ in range(MOST_PARTS):
        if at >= size:
            return True
        file.seek(at)
        header = file.read(8)
        if len(header) < 8 or not _is_name(header[:4]):
            return at > first and not header.strip(b"\0")
        length = struct.unpack(order + "I", header[4:])[0]
        at += 8 + length + length % 2
        if at > size + 1:
            return False
    return False


def _head(order: str, described: bytes, length: int) -> bytes:
    """The header before so many bytes of samples."""
    if length <= _LARGEST:
        mark = b"RIFF" if order == "<" else b"RIFX"
        data = b"data" + struct.pack(order + "I", length)
        inside = b"WAVE" + described + data
        return mark + struct.pack(order + "I", len(inside) + length) + inside
    inside = described + b"data" + struct.pack("<I", UNWRITTEN)
    whole = 4 + 8 + 28 + len(inside) + length
    sizes = b"ds64" + struct.pack("<IQQQI", 28, whole, length, 0, 0)
    return b"RF64" + struct.pack("<I", UNWRITTEN) + b"WAVE" + sizes + inside


def _is_name(text: bytes) -> bool:
    return len(text) == 4 and all(32 <= byte < 127 for byte in text) and text[:1].isalnum()


def _exactly(file: BinaryIO, count: int) -> bytes:
    return file.read(count).ljust(count, b"\0")
