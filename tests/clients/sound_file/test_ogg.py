"""Ogg files whose pages are changed, cut off or gone are told from those that are as written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.sound_file import ogg
from tests.asr import sounds

VORBIS = sounds.encoded(sounds.talk(4.0), form="OGG")
OPUS = sounds.encoded(sounds.talk(4.0), form="OGG", subtype="OPUS")


def pages(file: bytes) -> list[bytes]:
    starts = [at for at in range(len(file)) if file.startswith(ogg.MARK, at)]
    return [file[a:b] for a, b in zip(starts, [*starts[1:], len(file)], strict=True)]


def slow_checksum(page: bytes) -> int:
    """Bit by bit, as RFC 3533 describes it: polynomial 0x04c11db7, from 0, nothing reversed."""
    register = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1) ^ (0x04C11DB7 if register & 0x80000000 else 0)
            register &= 0xFFFFFFFF
    return register


@pytest.mark.parametrize("file", [VORBIS, OPUS], ids=["vorbis", "opus"])
def test_a_file_as_written_is_whole(file: bytes) -> None:
    assert len(pages(file)) > 2
    assert ogg.is_whole(file)


@settings(deadline=None)
@given(st.binary(min_size=26, max_size=300))
def test_the_checksum_is_the_specification_s(page: bytes) -> None:
    assert ogg.checksum(page) == slow_checksum(page)


@settings(deadline=None)
@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    file = bytearray(data.draw(st.sampled_from([VORBIS, OPUS])))
    at = data.draw(st.integers(0, len(file) - 1))
    file[at] ^= data.draw(st.integers(1, 255))
    assert not ogg.is_whole(bytes(file))


@settings(deadline=None)
@given(st.data())
def test_a_file_that_ends_within_a_page_is_noticed(data: st.DataObject) -> None:
    file = data.draw(st.sampled_from([VORBIS, OPUS]))
    ends = np.cumsum([len(page) for page in pages(file)]).tolist()
    kept = data.draw(st.integers(1, len(file) - 1))
    assert ogg.is_whole(file[:kept]) == (kept in ends)


def test_what_follows_the_last_page_does_not_count() -> None:
    assert ogg.is_whole(VORBIS + b"TAG of another program")
    assert ogg.is_whole(VORBIS + OPUS)
    assert not ogg.is_whole(VORBIS + OPUS[:-1])
    assert not ogg.is_whole(pages(VORBIS)[0] + b"TAG of another program")
