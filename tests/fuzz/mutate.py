"""Changes of bytes, without knowing what they mean. Each takes its chances from one generator."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from random import Random

Mutation = Callable[[Random, bytes], bytes]

INTERESTING = (
    *(0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000),
    *(0xFFFFFFFF, 0xFFFFFFFE, 0x10000, 0x01000000, 20_000, 65_000),
)


def number(random: Random, bits: int) -> int:
    """A number of so many bits: an interesting one, or any."""
    chosen = random.choice((*INTERESTING, random.getrandbits(bits)))
    return chosen & ((1 << bits) - 1)


def flip_bits(random: Random, data: bytes) -> bytes:
    """A few bits turned over, most of them near the start, where headers are."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8, 40))):
        if changed:
            reach = random.choice((min(64, len(changed)), min(512, len(changed)), len(changed)))
            changed[random.randrange(reach)] ^= 1 << random.randrange(8)
    return bytes(changed)


def overwrite(random: Random, data: bytes) -> bytes:
    """An interesting number of 1, 2 or 4 bytes, in either order, somewhere."""
    bits = random.choice((8, 16, 32))
    form = random.choice("<>") + {8: "B", 16: "H", 32: "I"}[bits]
    place = random.randrange(min(len(data), random.choice((64, 4096, len(data)))) or 1)
    return data[:place] + struct.pack(form, number(random, bits)) + data[place + bits // 8 :]


def cut(random: Random, data: bytes) -> bytes:
    """The file's beginning."""
    return data[: random.randrange(len(data) + 1)]


def take_out(random: Random, data: bytes) -> bytes:
    """A piece taken out."""
    start = random.randrange(len(data) + 1)
    return data[:start] + data[start + random.choice((1, 2, 16, 300)) :]


def put_in(random: Random, data: bytes) -> bytes:
    """A piece put in: zeros, ones, noise, or one of the file's own."""
    place, size = random.randrange(len(data) + 1), random.choice((1, 3, 64, 2000))
    own = random.randrange(len(data) + 1)
    piece = random.choice(
        (bytes(size), b"\xff" * size, random.randbytes(size), data[own : own + size])
    )
    return data[:place] + piece + data[place:]


def repeat(random: Random, data: bytes) -> bytes:
    """A piece that comes several times."""
    start = random.randrange(len(data) + 1)
    piece = data[start : start + random.choice((1, 12, 200))]
    return data[:start] + piece * random.choice((2, 10, 300)) + data[start:]


def noise(random: Random, data: bytes) -> bytes:
    """Noise behind the file's first bytes."""
    kept = random.choice((0, 4, 12, 64, 512))
    return data[:kept] + random.randbytes(random.choice((0, 1, 100, 5000)))


BLIND: Sequence[Mutation] = (
    *(flip_bits, flip_bits, overwrite, overwrite, cut, take_out, put_in, repeat, noise),
)


def blindly(random: Random, data: bytes) -> bytes:
    """One to three of the changes above."""
    for _ in range(random.choice((1, 1, 2, 3))):
        data = random.choice(BLIND)(random, data)
    return data


def spliced(random: Random, first: bytes, second: bytes) -> bytes:
    """The beginning of one file and the end of another."""
    return first[: random.randrange(len(first) + 1)] + second[random.randrange(len(second) + 1) :]
