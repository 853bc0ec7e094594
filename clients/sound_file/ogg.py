"""Whether an Ogg file is intact, page by page (RFC 3533).

libsndfile silently skips a page that is cut off or changed, which may be a second of sound.
"""

from __future__ import annotations

import zlib

MARK = b"OggS"
HEADER = 27
"""Bytes of a page before its table of segments, whose length the last of them gives."""

FLAGS, CHECKSUM = 5, slice(22, 26)
"""Where in the header they are."""

LAST = 4
"""The flag of a stream's last page."""

_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def is_whole(ogg: bytes) -> bool:
    """Whether every page is there to its end and has the checksum that it says it has.

    A file may end without a stream's last page, as a recorder that was switched off leaves it;
    behind one anything may follow.
    """
    at, ended = 0, False
    while at < len(ogg) and not (ended and not ogg.startswith(MARK, at)):
        table = at + HEADER
        if not ogg.startswith(MARK, at) or len(ogg) < table:
            return False
        body = table + ogg[table - 1]
        end = body + sum(ogg[table:body])
        page = ogg[at:end]
        if len(ogg) < end or checksum(page) != int.from_bytes(page[CHECKSUM], "little"):
            return False
        ended = bool(page[FLAGS] & LAST)
        at = end
    return True


def checksum(page: bytes) -> int:
    """A page's CRC-32: of the usual polynomial, but bits in their order, and from 0 to 0.

    The usual one takes each byte's bits in the other order, and starts and ends with all of them
    turned over: of mirrored bytes it is this one, mirrored.

    Args:
        page: with whatever checksum; its field counts as zeros.
    """
    zeroed = page[: CHECKSUM.start] + bytes(4) + page[CHECKSUM.stop :]
    found = zlib.crc32(zeroed.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(found.to_bytes(4, "little").translate(_MIRRORED), "big")
