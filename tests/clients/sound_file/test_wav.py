"""WAV files as they are written: client and server have the same samples of each, or refuse it."""

from __future__ import annotations

import io
import struct
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.kit.invalid_argument import InvalidArgument
from builders.stages.decode_audio import decode
from clients.asr.sound import SoundError, SoundFile
from clients.sound_file.sound_reader import Sound
from clients.sound_file.wav import MOST_PARTS, Plain
from tests.asr.sounds import encoded

RATE = 16_000
NAMES = [b"LIST", b"bext", b"JUNK", b"id3 ", b"cue ", b"PEAK", b"PAD "]
LENGTHS = ("right", "none", "all ones", "too many")

SUBTYPES = [each for each in soundfile.available_subtypes("WAV") if each != "MPEG_LAYER_III"]
"""Those that libsndfile writes too."""


@dataclass
class Written:
    """How a WAV was written; see :meth:`content`."""

    samples: np.ndarray
    mark: bytes = b"RIFF"
    before: list[tuple[bytes, bytes]] = field(default_factory=list)
    after: list[tuple[bytes, bytes]] = field(default_factory=list)
    padded: bool = True
    length: str = "right"

    def content(self) -> bytes:
        """The file; ``samples`` are INT16 [n, channels]."""
        order = ">" if self.mark == b"RIFX" else "<"
        channels = self.samples.shape[1]
        described = struct.pack(
            order + "HHIIHH", 1, channels, RATE, RATE * 2 * channels, 2 * channels, 16
        )
        data = self.samples.astype(order + "i2").tobytes()
        said = {
            "right": len(data),
            "none": 0,
            "all ones": 0xFFFFFFFF,
            "too many": len(data) + 4_000_000,
        }[self.length]
        parts = b""
        if self.mark == b"RF64":
            sizes = struct.pack("<QQQI", said + 36, said, 0, 0)
            parts, said = self.part(b"ds64", sizes, order), 0xFFFFFFFF
        parts += self.part(b"fmt ", described, order)
        parts += b"".join(self.part(name, content, order) for name, content in self.before)
        parts += b"data" + struct.pack(order + "I", said) + data
        if self.length == "right":
            parts += b"".join(self.part(name, content, order) for name, content in self.after)
        whole = 0 if self.length == "none" else (4 + len(parts)) & 0xFFFFFFFF
        return self.mark + struct.pack(order + "I", whole) + b"WAVE" + parts

    def part(self, name: bytes, content: bytes, order: str) -> bytes:
        padding = b"\0" * (len(content) % 2) if self.padded else b""
        return name + struct.pack(order + "I", len(content)) + content + padding


def sine(count: int, channels: int) -> np.ndarray:
    """INT16 [n, channels], as loud as speech is."""
    wave = 12_000 * np.sin(np.arange(count) / 3)
    return np.round(np.stack([wave] * channels, 1)).astype(np.int16)


parts = st.lists(st.tuples(st.sampled_from(NAMES), st.binary(max_size=300)), max_size=4)
files = st.builds(
    Written,
    samples=st.builds(sine, st.integers(200, 5000), st.integers(1, 3)),
    mark=st.sampled_from([b"RIFF", b"RIFX", b"RF64"]),
    before=parts,
    after=parts,
    padded=st.booleans(),
    length=st.sampled_from(LENGTHS),
)


def of_the_client(content: bytes, seconds: float = 0.05) -> np.ndarray | str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.wav"
        path.write_bytes(content)
        try:
            pieces = list(SoundFile(path).pieces(seconds))
        except SoundError as problem:
            return str(problem)
    return np.concatenate([np.zeros(0, np.float32), *pieces])


def of_the_server(content: bytes) -> np.ndarray | str:
    try:
        return decode(content)
    except InvalidArgument as problem:
        return str(problem)


@settings(max_examples=150)
@given(files)
def test_a_wav_however_written_gives_both_sides_its_samples(file: Written) -> None:
    wanted = file.samples.astype(np.float32).mean(1) / 32768
    content = file.content()
    for found in (of_the_client(content), of_the_server(content)):
        assert isinstance(found, np.ndarray), found
        np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("size", [3, 65_537, 400_001])
def test_a_picture_before_the_samples_may_be_of_any_size(size: int, length: str) -> None:
    """The picture holds what looks like a header's end."""
    picture = (b"data\0\0\0\0" * (size // 8 + 1))[:size]
    file = Written(sine(3000, 2), before=[(b"id3 ", picture)], length=length)
    found = of_the_client(file.content())
    assert isinstance(found, np.ndarray) and len(found) == 3000
    np.testing.assert_array_equal(found, of_the_server(file.content()))


@settings(max_examples=150)
@given(
    files,
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=4),
    st.floats(0, 1),
)
def test_a_changed_wav_gives_both_sides_the_same_or_a_sentence(
    file: Written, changes: list[tuple[float, int]], kept: float
) -> None:
    content = bytearray(file.content())
    content = content[: int(len(content) * kept)]
    for place, value in changes:
        if content:
            content[int(place * min(len(content) - 1, 100))] = value
    client, server = of_the_client(bytes(content)), of_the_server(bytes(content))
    if isinstance(client, str) or isinstance(server, str):
        told = [each for each in (client, server) if isinstance(each, str)]
        assert len(told) == 2 or "is empty" in told[0] or "the 300 s" in told[0], (client, server)
        assert not any("\n" in each for each in told)
    else:
        with Sound(io.BytesIO(bytes(content)), "it is") as sound:
            read = sum(map(len, sound.blocks()))
            if sound.rate == RATE:
                assert len(client) == len(server) == read


@pytest.mark.parametrize("subtype", SUBTYPES)
def test_a_file_that_is_right_is_read_as_it_stands(subtype: str) -> None:
    """The plain header changes nothing: not for a codec with a header of its own either."""
    content = encoded(sine(4001, 1)[:, 0] / 32768, 8_000, "WAV", subtype)
    with soundfile.SoundFile(io.BytesIO(content)) as raw:
        wanted = raw.read(raw.frames, dtype="float32")
    with Sound(io.BytesIO(content), "it is") as sound:
        found = np.concatenate(list(sound.blocks()))
    np.testing.assert_array_equal(found, wanted)


def test_more_than_four_gigabytes_have_a_header_for_them(tmp_path: Path) -> None:
    """A sparse file, whose length was never written; the header alone is read."""
    start = Written(sine(4, 1), length="none").content()
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.write(start)
        file.truncate(5 * 2**30)
    sound = SoundFile(path)
    assert sound.seconds == pytest.approx((5 * 2**30 - 44) / 2 / RATE, abs=1)
    np.testing.assert_allclose(next(sound.pieces(1.0))[:4], sine(4, 1)[:, 0] / 32768)


def test_a_header_without_end_is_left_to_the_decoder() -> None:
    many = Written(sine(4, 1), before=[(b"JUNK", b"")] * (MOST_PARTS + 1)).content()
    plain = Plain(io.BytesIO(many))
    assert plain.read() == many
    plain.close()


def test_an_empty_file_with_notes_behind_it_has_no_samples() -> None:
    notes = [(b"LIST", b"INFOa note "), (b"id3 ", b"odd")]
    found = of_the_client(Written(sine(0, 1), after=notes).content())
    assert isinstance(found, np.ndarray) and not len(found)
