"""Sound files, changed by somebody who knows their formats."""

from __future__ import annotations

import functools
import struct
from random import Random

import numpy as np

from clients.sound_file import ogg
from tests.asr.sounds import encoded, talk
from tests.fuzz import mutate
from tests.fuzz.mutate import Mutation, number

RATES = (0, 1, 999, 1000, 8000, 44_100, 768_000, 768_001, 2**31 - 1, 2**32 - 1)


@functools.cache
def seeds() -> dict[str, bytes]:
    """A few words in every format and many depths: file name -> bytes."""
    words = talk(1.4)
    both = np.stack([words, -0.5 * words], 1)
    made = {}
    for form, subtypes in {
        "WAV": ("PCM_16", "PCM_U8", "PCM_24", "FLOAT", "DOUBLE", "ULAW", "ALAW", "IMA_ADPCM"),
        "WAVEX": ("PCM_16", "FLOAT"),
        "RF64": ("PCM_16",),
        "W64": ("PCM_16",),
        "AIFF": ("PCM_16", "FLOAT"),
        "FLAC": ("PCM_16", "PCM_24"),
        "OGG": ("VORBIS", "OPUS"),
        "MP3": ("MPEG_LAYER_III",),
    }.items():
        for subtype in subtypes:
            made[f"{subtype}.{form}"] = encoded(words, form=form, subtype=subtype)
    for form in ("WAV", "FLAC", "OGG", "MP3"):
        made[f"stereo.{form}"] = encoded(both, form=form)
        made[f"none.{form}"] = encoded(words[:0], form=form)
    return made


def wav(random: Random, data: bytes) -> bytes:
    """A WAV's chunks, and the fields of its format."""
    chunks, at = [], 12
    while at + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 4)
        chunks.append((data[at : at + 4], data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    present = [name for name, _ in chunks]
    lengths: dict[int, int] = {}
    what = random.choice(("format", "format", "length", "drop", "swap", "twice", "new", "samples"))
    if what == "format" and b"fmt " in present:
        place = present.index(b"fmt ")
        header = bytearray(chunks[place][1].ljust(16, b"\0"))
        for _ in range(random.choice((1, 1, 2))):
            field = random.choice((0, 2, 4, 8, 12, 14))
            form = "I" if field in (4, 8) else "H"
            if field == 4:
                value = random.choice(RATES)
            elif field == 0:
                value = random.choice((0, 1, 2, 3, 6, 7, 0x11, 0x31, 0x55, 0xFFFE, 0xFFFF))
            else:
                few = random.choice((0, 1, 2, 3, 4, 8, 12, 16, 24, 32, 64, 1024, 1025, 65_535))
                value = few if form == "H" else number(random, 32)
            struct.pack_into("<" + form, header, field, value)
        chunks[place] = (b"fmt ", bytes(header))
    elif what == "length":
        lengths[random.randrange(len(chunks))] = number(random, 32)
    elif what == "drop":
        del chunks[random.randrange(len(chunks))]
    elif what == "swap":
        random.shuffle(chunks)
    elif what == "twice":
        chunks.insert(random.randrange(len(chunks)), random.choice(chunks))
    elif what == "new":
        name = random.choice(
            (b"LIST", b"fact", b"bext", b"ds64", b"id3 ", b"cue ", b"data", b"PEAK")
        )
        body = random.choice((bytes, random.randbytes))(random.choice((0, 1, 8, 70_001)))
        chunks.insert(random.randrange(len(chunks) + 1), (name, body))
    else:
        chunks = [(name, mutate.blindly(random, body)) for name, body in chunks]
    written = b""
    for index, (name, body) in enumerate(chunks):
        length = lengths.get(index, len(body))
        written += name + struct.pack("<I", length) + body + bytes(len(body) % 2)
    size = len(written) + 4 if random.random() < 0.8 else number(random, 32)
    return data[:4] + struct.pack("<I", size) + data[8:12] + written


def flac(random: Random, data: bytes) -> bytes:
    """A FLAC's blocks of metadata, and its first frames."""
    blocks, at = [], 4
    while at + 4 <= len(data):
        flags, length = data[at], int.from_bytes(data[at + 1 : at + 4], "big")
        blocks.append((flags & 127, data[at + 4 : at + 4 + length]))
        at += 4 + length
        if flags & 128:
            break
    if not blocks:
        return mutate.blindly(random, data)
    frames = data[at:]
    what = random.choice(("stream", "stream", "kind", "drop", "new", "length", "frames", "frames"))
    place = random.randrange(len(blocks))
    if what == "stream":
        header = bytearray(blocks[0][1])
        for _ in range(random.choice((1, 1, 3))):
            header[random.randrange(min(18, len(header)))] = random.getrandbits(8)
        blocks[0] = (0, bytes(header))
    elif what == "kind":
        blocks[place] = (random.choice((0, 1, 2, 3, 4, 5, 6, 126, 127)), blocks[place][1])
    elif what == "drop":
        del blocks[place]
    elif what == "new":
        body = random.randbytes(random.choice((0, 4, 40, 40_000)))
        blocks.insert(random.randrange(place + 1), (random.choice((1, 2, 3, 4, 5, 6)), body))
    elif what == "frames":
        frames = mutate.blindly(random, frames)
    written = b"fLaC"
    for index, (kind, body) in enumerate(blocks):
        length = len(body)
        if what == "length" and index == place:
            length = number(random, 24)
        last = 128 if index == len(blocks) - 1 else 0
        written += bytes((kind | last,)) + length.to_bytes(3, "big") + body
    return written + frames


def ogg_pages(random: Random, data: bytes) -> bytes:
    """An OGG's pages, mostly with the right checksum."""
    pages, at = [], 0
    while at + ogg.HEADER <= len(data):
        table = at + ogg.HEADER
        body = table + data[table - 1]
        end = body + sum(data[table:body])
        pages.append(bytearray(data[at:end]))
        at = end
    if not pages:  # libsndfile writes nothing where there is no sample
        return mutate.blindly(random, data)
    place = random.randrange(len(pages))
    page = pages[place]
    what = random.choice(("field", "field", "body", "body", "drop", "twice", "swap", "crc"))
    if what == "field":  # version, flags, granule, serial, sequence, count of segments
        at = random.choice((4, 5, random.randrange(6, 14), random.randrange(14, 18), 18, 26))
        page[at] = random.getrandbits(8)
    elif what == "body" and len(page) > ogg.HEADER:
        # What a codec's header says is at a page's start.
        reach = min(len(page), ogg.HEADER + random.choice((40, 4000)))
        for _ in range(random.choice((1, 1, 6))):
            page[random.randrange(ogg.HEADER, reach)] = random.getrandbits(8)
    elif what == "drop":
        del pages[place]
    elif what == "twice":
        pages.insert(place, page)
    elif what == "swap":
        random.shuffle(pages)
    for each in pages:
        if what != "crc":
            each[22:26] = ogg.checksum(bytes(each)).to_bytes(4, "little")
    if what == "crc":
        page[22 + random.randrange(4)] ^= 1
    return b"".join(pages)


def mp3(random: Random, data: bytes) -> bytes:
    """Headers of an MP3's frames, and tags before them."""
    starts = [at for at in range(len(data) - 4) if data[at] == 0xFF and data[at + 1] & 0xE0 == 0xE0]
    what = random.choice(("header", "header", "tag", "frames", "blind"))
    changed = bytearray(data)
    if what == "header" and starts:
        for _ in range(random.choice((1, 3, 20))):
            at = random.choice(starts[: random.choice((1, len(starts)))])
            changed[at + random.randrange(1, 4)] = random.getrandbits(8)
    elif what == "tag":
        size = random.choice((0, 10, 5000))
        said = size if random.random() < 0.5 else number(random, 28)
        length = bytes((said >> shift) & 0x7F for shift in (21, 14, 7, 0))
        flags = bytes((random.choice((2, 3, 4, 255)), 0, random.getrandbits(8)))
        return b"ID3" + flags + length + random.randbytes(size) + data
    elif what == "frames" and starts:
        return data[starts[0] :] * random.choice((2, 30))
    else:
        return mutate.blindly(random, data)
    return bytes(changed)


FORMATS: dict[str, Mutation] = {
    **dict.fromkeys(("WAV", "WAVEX", "RF64"), wav),
    "FLAC": flac,
    "OGG": ogg_pages,
    "MP3": mp3,
}


def mutated(random: Random, corpus: dict[str, bytes]) -> tuple[str, bytes]:
    """A changed sound, and what it was; see :func:`tests.fuzz.media.images.mutated`."""
    if corpus and random.random() < 0.1:
        name = random.choice(sorted(corpus))
        data = corpus[name]
        return name, data if random.random() < 0.3 else mutate.blindly(random, data)
    name = random.choice(sorted(seeds()))
    data = seeds()[name]
    way = random.random()
    change = FORMATS.get(name.partition(".")[2], mutate.blindly)
    if way < 0.65:
        data = change(random, data)
        if random.random() < 0.2:
            data = mutate.blindly(random, data)
    elif way < 0.97:
        data = mutate.blindly(random, data)
    else:
        data = mutate.spliced(random, data, seeds()[random.choice(sorted(seeds()))])
    return name, data
