"""Image files, changed by somebody who knows their formats."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from random import Random

from PIL import Image, ImageDraw, ImageFont

from tests.fuzz import mutate
from tests.fuzz.mutate import Mutation, number

SIDES = (0, 1, 2, 7, 255, 4000, 5000, 32_767, 65_535, 100_000, 2**31 - 1)


@functools.cache
def seeds() -> dict[str, bytes]:
    """A word in every format and many modes: file name -> bytes."""
    page = Image.new("RGB", (150, 48), "white")
    ImageDraw.Draw(page).text((8, 6), "Harbour", "black", ImageFont.load_default(28))
    grey, made = page.convert("L"), {}
    clear = page.convert("RGBA")
    clear.putalpha(grey.point(lambda value: 255 - value))
    deep = Image.frombytes("I;16", grey.size, bytes(b for p in grey.tobytes() for b in (0, p)))
    palette = page.quantize(16)
    frames = [grey, grey.transpose(Image.Transpose.ROTATE_180)]

    def save(name: str, image: Image.Image, **options: object) -> None:
        buffer = io.BytesIO()
        image.save(buffer, name.partition(".")[2], **options)
        made[name] = buffer.getvalue()

    for name, image in {"rgb": page, "grey": grey, "clear": clear, "palette": palette}.items():
        save(f"{name}.png", image)
        save(f"{name}.tiff", image)
    save("bit.png", grey.convert("1"))
    save("deep.png", deep)
    save("deep.tiff", deep)
    save("palette.gif", palette)
    save("frames.gif", frames[0], save_all=True, append_images=frames[1:])
    save("frames.png", frames[0], save_all=True, append_images=frames[1:])
    save("frames.tiff", frames[0], save_all=True, append_images=frames[1:])
    for packing in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):
        save(f"{packing}.tiff", page, compression=packing)
    save("group4.tiff", grey.convert("1"), compression="group4")
    save("float.tiff", grey.convert("F"))
    exif = Image.Exif()
    exif[0x0112] = 6
    save("turned.jpeg", page, exif=exif)
    save("grey.jpeg", grey)
    save("progressive.jpeg", page, progressive=True)
    save("cmyk.jpeg", page.convert("CMYK"))
    save("lossy.webp", page)
    save("lossless.webp", clear, lossless=True)
    save("frames.webp", clear, save_all=True, append_images=[clear.rotate(180)], exif=exif)
    for name, image in {"rgb": page, "grey": grey, "bit": grey.convert("1")}.items():
        save(f"{name}.bmp", image)
    return made


def _png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    chunks, at = [], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def png(random: Random, data: bytes) -> bytes:
    """A PNG's chunks, most with the right checksum."""
    chunks = _png_chunks(data)
    place = random.randrange(len(chunks))
    name, body = chunks[place]
    what = random.choice(
        ("header", "body", "drop", "twice", "swap", "new", "bomb", "broken", "crc")
    )
    if what == "header":
        fields = list(struct.unpack(">IIBBBBB", chunks[0][1]))
        for _ in range(random.choice((1, 1, 2))):
            field = random.randrange(7)
            fields[field] = random.choice(SIDES) if field < 2 else random.choice((0, 1, 2, 3, 4, 6))
            if field == 2:
                fields[field] = random.choice((1, 2, 4, 8, 16, 3))
        chunks[0] = (b"IHDR", struct.pack(">IIBBBBB", *fields))
    elif what == "body":
        chunks[place] = (name, mutate.blindly(random, body))
    elif what == "drop":
        del chunks[place]
    elif what == "twice":
        chunks.insert(random.randrange(len(chunks)), chunks[place])
    elif what == "swap":
        random.shuffle(chunks)
    elif what == "new":
        kind = random.choice(
            (b"tRNS", b"PLTE", b"gAMA", b"iCCP", b"eXIf", b"acTL", b"fcTL", b"tEXt")
        )
        size = random.choice((0, 1, 3, 768, 5000))
        chunks.insert(1, (kind, random.choice((bytes, random.randbytes))(size)))
    elif what == "bomb":
        packed = zlib.compress(bytes(random.choice((10**5, 3 * 10**7))), 9)
        kind = random.choice((b"IDAT", b"zTXt", b"iTXt", b"iCCP"))
        before = {b"IDAT": b"", b"iTXt": b"a\0\1\0\0\0"}.get(kind, b"a\0\0")
        chunks.insert(1, (kind, before + packed))
    elif what == "broken":
        raw = zlib.compress(random.randbytes(random.choice((0, 1, 500, 50_000))))
        chunks = [each for each in chunks if each[0] != b"IDAT"]
        chunks.insert(len(chunks) - 1, (b"IDAT", raw))
    written = [data[:8]]
    for index, (name, body) in enumerate(chunks):
        crc = zlib.crc32(name + body)
        length = len(body)
        if what == "crc" and index == place:
            crc, length = random.choice(((crc ^ 1, length), (crc, number(random, 32))))
        written.append(struct.pack(">I", length) + name + body + struct.pack(">I", crc))
    return b"".join(written)


def jpeg(random: Random, data: bytes) -> bytes:
    """A JPEG's segments before its scan, with right lengths mostly."""
    segments, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", data, at + 2)
        segments.append((data[at + 1], data[at + 4 : at + 2 + length]))
        at += 2 + length
    scan = data[at:]
    place = random.randrange(len(segments))
    marker, body = segments[place]
    what = random.choice(
        ("size", "body", "body", "drop", "twice", "new", "marker", "scan", "scans")
    )
    if what == "size":
        for index, (kind, frame) in enumerate(segments):
            if kind in (0xC0, 0xC2):
                size = struct.pack(">HH", *(random.choice(SIDES) & 0xFFFF for _ in range(2)))
                rest = frame[5:] if random.random() < 0.5 else mutate.flip_bits(random, frame[5:])
                segments[index] = (kind, frame[:1] + size + rest)
    elif what == "body":
        segments[place] = (marker, mutate.blindly(random, body))
    elif what == "drop":
        del segments[place]
    elif what == "twice":
        segments *= 2
    elif what == "new":
        kind = random.choice((0xE0, 0xE1, 0xE2, 0xEE, 0xDD, 0xFE, 0xC4, 0xDB, 0xCC))
        start = random.choice((b"", b"Exif\0\0II*\0", b"ICC_PROFILE\0\1\1", b"Adobe\0d\0\0\0\0\2"))
        segments.insert(random.randrange(place + 1), (kind, start + random.randbytes(60)))
    elif what == "marker":
        segments[place] = (random.choice((0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xE1, 0x01)), body)
    elif what == "scan":
        scan = mutate.blindly(random, scan)
    elif what == "scans":
        scan = scan[:-2] * random.choice((2, 40)) + scan[-2:]
    written = [b"\xff\xd8"]
    for kind, content in segments:
        length = len(content) + 2 if random.random() < 0.97 else number(random, 16)
        written.append(bytes((0xFF, kind)) + struct.pack(">H", length & 0xFFFF) + content)
    return b"".join(written) + scan


TAGS = (256, 257, 258, 259, 262, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323, 324, 338, 339)


def tiff(random: Random, data: bytes) -> bytes:
    """Entries of a TIFF's first folder, and where the next folder is."""
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, start)
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4))):
        entry = start + 2 + 12 * random.randrange(count)
        what = random.choice(("value", "value", "count", "type", "tag", "next", "entries"))
        if what == "value":
            value = random.choice((number(random, 32), random.choice(SIDES), random.randrange(9)))
            struct.pack_into(order + "I", changed, entry + 8, value)
        elif what == "count":
            struct.pack_into(order + "I", changed, entry + 4, number(random, 32))
        elif what == "type":
            struct.pack_into(order + "H", changed, entry + 2, random.randrange(20))
        elif what == "tag":
            struct.pack_into(order + "H", changed, entry, random.choice(TAGS))
        elif what == "next":
            place = random.choice((start, 0, 4, len(data), number(random, 32)))
            struct.pack_into(order + "I", changed, start + 2 + 12 * count, place)
        else:
            struct.pack_into(order + "H", changed, start, number(random, 16))
    return bytes(changed)


def webp(random: Random, data: bytes) -> bytes:
    """A WebP's chunks, and the sizes of picture and frames."""
    chunks, at = [], 12
    while at + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 4)
        chunks.append((data[at : at + 4], data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    place = random.randrange(len(chunks))
    name, body = chunks[place]
    what = random.choice(("canvas", "body", "body", "drop", "twice", "swap", "name", "lengths"))
    if what == "canvas":
        sides = (random.choice(SIDES) & 0xFFFFFF for _ in range(2))
        size = b"".join(struct.pack("<I", side)[:3] for side in sides)
        chunks.insert(0, (b"VP8X", bytes((random.getrandbits(8), 0, 0, 0)) + size))
    elif what == "body":
        chunks[place] = (name, mutate.blindly(random, body))
    elif what == "drop":
        del chunks[place]
    elif what == "twice":
        chunks.insert(place, chunks[place])
    elif what == "swap":
        random.shuffle(chunks)
    elif what == "name":
        names = (b"VP8 ", b"VP8L", b"ALPH", b"ANMF", b"ANIM", b"EXIF", b"ICCP")
        chunks[place] = (random.choice(names), body)
    written = b""
    for name, body in chunks:
        length = number(random, 32) if what == "lengths" else len(body)
        written += name + struct.pack("<I", length) + body + bytes(len(body) % 2)
    return b"RIFF" + struct.pack("<I", len(written) + 4) + b"WEBP" + written


def bmp(random: Random, data: bytes) -> bytes:
    """Fields of a BMP's two headers."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 3))):
        place = random.choice((2, 10, 14, 18, 22, 26, 28, 30, 34, 46, 50))
        form = {18: "i", 22: "i", 26: "H", 28: "H"}.get(place, "I")
        few = random.choice((0, 1, 2, 3, 4, 8, 12, 16, 24, 32, 40, 124, -1, -48, 3000, 30_000))
        value = few if form == "i" else abs(few)
        struct.pack_into("<" + form, changed, place, value)
    return bytes(changed)


def gif(random: Random, data: bytes) -> bytes:
    """Sizes of a GIF's screen and frames, its code size, its blocks."""
    changed = bytearray(data)
    what = random.choice(("screen", "flags", "frame", "frame", "code", "frames"))
    frame = data.rfind(b",") if random.random() < 0.3 else data.find(b",", 13)
    if what == "screen":
        struct.pack_into("<HH", changed, 6, *(random.choice(SIDES) & 0xFFFF for _ in range(2)))
    elif what == "flags":
        changed[random.choice((10, 11, 12))] = random.getrandbits(8)
    elif what == "frame" and 0 < frame < len(data) - 10:
        field = random.randrange(4)
        struct.pack_into("<H", changed, frame + 1 + 2 * field, random.choice(SIDES) & 0xFFFF)
        changed[frame + 9] ^= random.choice((0, 0x40, 0x80, 7))
    elif what == "code" and 0 < frame < len(data) - 12:
        changed[frame + 10] = random.getrandbits(8)
    else:
        return data[:-1] + data[frame:-1] * random.choice((1, 200)) + data[-1:]
    return bytes(changed)


FORMATS: dict[str, Mutation] = {
    "png": png,
    "jpeg": jpeg,
    "tiff": tiff,
    "webp": webp,
    "bmp": bmp,
    "gif": gif,
}


def mutated(random: Random, corpus: dict[str, bytes]) -> tuple[str, bytes]:
    """A changed image, and what it was.

    Args:
        random: all chances come from it.
        corpus: files that were a problem once: changed again, and sent as they are.
    """
    if corpus and random.random() < 0.1:
        name = random.choice(sorted(corpus))
        data = corpus[name]
        return name, data if random.random() < 0.3 else mutate.blindly(random, data)
    name = random.choice(sorted(seeds()))
    data = seeds()[name]
    way = random.random()
    if way < 0.6:
        data = FORMATS[name.partition(".")[2]](random, data)
        if random.random() < 0.2:
            data = mutate.blindly(random, data)
    elif way < 0.97:
        data = mutate.blindly(random, data)
    else:
        data = mutate.spliced(random, data, seeds()[random.choice(sorted(seeds()))])
    return name, data
