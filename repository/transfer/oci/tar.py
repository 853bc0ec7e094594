"""Reads a layer's tar: where its regular files lie, and nothing else of it.

The standard library's reader unpacks what is compressed, allocates what a header asks for, and
keeps every entry; a layer may come from a stranger. A push writes uncompressed tars of folders and
files, with POSIX extended headers for long names and large sizes (POSIX.1-2001, pax). Other entries
are passed over: links, devices, sparse files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from repository.transfer.contents import CHUNK
from repository.transfer.errors import TransferError, plain

_BLOCK = 512
_REGULAR = (b"0", b"\0", b"7")
_EXTENDED, _GLOBAL = b"x", b"g"
_HEADER_BYTES = 1 << 20
"""An extended header larger than this is refused; a push writes a few hundred bytes."""


@dataclass(frozen=True)
class Member:
    """Where a file's bytes lie in a tar."""

    offset: int
    size: int


class _Mistake(Exception):
    """What was found."""


def members(path: Path, wanted: Collection[str], place: str) -> dict[str, Member]:
    """Where some files lie in a tar. If one is there twice, the last counts.

    Args:
        path: the tar.
        wanted: names as in the tar, as ``models/ocr/config.pbtxt``. All others are passed over.
        place: what it is, for sentences.

    Raises:
        TransferError: it is not a tar, is compressed, or is cut off.
    """
    found: dict[str, Member] = {}
    size = path.stat().st_size
    try:
        with path.open("rb") as tar:
            for name, member in _members(tar, size):
                if name in wanted:
                    found[name] = member
    except _Mistake as mistake:
        raise TransferError(
            f"{place}: expected an uncompressed tar, as a push writes it, found {mistake}. "
            "Push it again."
        ) from mistake
    return found


def content(path: Path, member: Member, offset: int = 0) -> Iterator[bytes]:
    """A file's bytes from an offset on."""
    with path.open("rb") as tar:
        tar.seek(member.offset + offset)
        left = member.size - offset
        while left > 0 and (chunk := tar.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk


def _members(tar: BinaryIO, end: int) -> Iterator[tuple[str, Member]]:
    at = 0
    extended: Mapping[str, str] = {}
    while at < end:
        tar.seek(at)
        header = tar.read(_BLOCK)
        if len(header) < _BLOCK:
            raise _Mistake("one that is cut off")
        if not header.strip(b"\0"):
            return
        _check_sum(header, at)
        kind, size = header[156:157], _number(header[124:136])
        if kind in (_EXTENDED, _GLOBAL):
            records = _records(tar, size)
            # A global header says nothing of one file's name or size.
            extended = records if kind == _EXTENDED else extended
        else:
            size = _size(extended.get("size"), size)
            if kind in _REGULAR and not any(key.startswith("GNU.sparse") for key in extended):
                member = Member(at + _BLOCK, size)
                if member.offset + member.size > end:
                    raise _Mistake("one that is cut off")
                yield extended.get("path") or _name(header), member
            extended = {}
        at += _BLOCK + -(-size // _BLOCK) * _BLOCK
    raise _Mistake("one that is cut off" if end else "an empty file")


def _check_sum(header: bytes, at: int) -> None:
    total = sum(header) - sum(header[148:156]) + 8 * ord(" ")
    if _number(header[148:156]) != total:
        raise _Mistake("a damaged entry" if at else "another format")


def _number(field: bytes) -> int:
    """An octal number, or one in base 256 (GNU)."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big") & ~(0x80 << 8 * (len(field) - 1))
        if value >= 1 << 63:
            raise _Mistake("a size that cannot be")
        return value
    try:
        return int(field.rstrip(b"\0 ").strip() or b"0", 8)
    except ValueError as error:
        raise _Mistake("a size that is no number") from error


def _size(text: str | None, size: int) -> int:
    if text is None:
        return size
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise _Mistake(f"a size of {plain(repr(text), 40)}")
    return int(text)


def _records(tar: BinaryIO, size: int) -> dict[str, str]:
    """The records of an extended header: ``length key=value`` and a line end each."""
    if size > _HEADER_BYTES:
        raise _Mistake(f"an extended header of {size:,} bytes")
    text = tar.read(size)
    found: dict[str, str] = {}
    while text:
        length, space, _ = text.partition(b" ")
        if not space or not length.isdigit() or not len(length) < int(length[:8]) <= len(text):
            raise _Mistake("an extended header that is damaged")
        record, text = text[: int(length[:8])], text[int(length[:8]) :]
        key, _, value = record[len(length) + 1 : -1].partition(b"=")
        try:
            found[key.decode()] = value.decode()
        except UnicodeDecodeError as error:
            raise _Mistake("a name that is no UTF-8") from error
    return found


def _name(header: bytes) -> str:
    name, prefix = header[:100].split(b"\0")[0], header[345:500].split(b"\0")[0]
    if header[257:263] == b"ustar\0" and prefix:
        name = prefix + b"/" + name
    return name.decode(errors="surrogateescape")
