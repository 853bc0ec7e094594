"""Server-sent events in the bytes of an answer, read as the HTML standard says, within bounds."""

from __future__ import annotations

from collections.abc import Iterator

from .faults import RemoteFault

LONGEST = 1 << 18
"""Bytes of an event, and of a line. An honest server's have a few hundred."""


class Events:
    """Takes bytes as they come, and gives the data of the events that are complete.

    Args:
        longest: bytes of an event, and of a line.
    """

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._rest = bytearray()
        self._after_return = False
        self._first = True
        self._data: list[str] = []
        self._size = 0

    def take(self, piece: bytes) -> Iterator[str]:
        """The data of the events that end in a piece; one without data is none.

        Raises:
            RemoteFault: a line or an event is longer than the bound, or is not valid UTF-8.
        """
        if self._after_return and piece.startswith(b"\n"):
            piece = piece[1:]  # the other half of a "\r\n" that was cut
            self._after_return = False
        if not piece:
            return
        self._after_return = piece.endswith(b"\r")
        for part in piece.splitlines(keepends=True):
            self._rest += part
            if len(self._rest) > self._longest:
                raise self._too_long()
            if part.endswith((b"\n", b"\r")):
                line = bytes(self._rest).rstrip(b"\r\n")
                self._rest.clear()
                data = self._line(line)
                if data is not None:
                    yield data

    def _line(self, line: bytes) -> str | None:
        if self._size + len(line) > self._longest:
            raise self._too_long()
        if self._first:
            line = line.removeprefix(b"\xef\xbb\xbf")
            self._first = False
        if not line:
            return self._event()
        try:
            field, _, value = line.decode("utf-8").partition(":")
        except UnicodeDecodeError as error:
            raise RemoteFault("sent what is not valid UTF-8", str(error)[:200]) from None
        value = value[1:] if value.startswith(" ") else value
        if field == "data":
            self._size += len(line)
            self._data.append(value)
        return None

    def _event(self) -> str | None:
        data = self._data
        self._data, self._size = [], 0
        return "\n".join(data) if data else None

    def _too_long(self) -> RemoteFault:
        return RemoteFault(f"sent an event of more than {self._longest:,} bytes")
