"""Sound files of every kind, and what is none: a waveform or one sentence."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.stages.decode_audio import RATE, decode, prepare
from tests.asr.sounds import VIDEOS, video

SECONDS = 1.5


def tone(rate: int, channels: int = 1, hertz: float = 440.0) -> np.ndarray:
    time = np.arange(round(SECONDS * rate)) / rate
    wave = 0.5 * np.sin(2 * np.pi * hertz * time)
    return np.stack([wave] * channels, 1)


def encoded(samples: np.ndarray, rate: int, format: str, subtype: str | None = None) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=format, subtype=subtype)
    return buffer.getvalue()


def dominant(waveform: np.ndarray) -> float:
    """Hz of the strongest tone."""
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    return float(np.argmax(spectrum) * RATE / len(waveform))


KINDS: list[tuple[str, str | None, int, int]] = [
    ("WAV", "PCM_16", 16_000, 1),
    ("WAV", "PCM_U8", 8_000, 1),
    ("WAV", "PCM_24", 44_100, 2),
    ("WAV", "PCM_32", 48_000, 1),
    ("WAV", "FLOAT", 192_000, 8),
    ("WAV", "DOUBLE", 22_050, 1),
    ("WAV", "ULAW", 8_000, 1),
    ("WAVEX", "PCM_24", 96_000, 6),
    ("FLAC", "PCM_16", 11_025, 1),
    ("FLAC", "PCM_24", 48_000, 2),
    ("OGG", "VORBIS", 32_000, 2),
    ("OGG", "OPUS", 48_000, 1),
    ("MP3", "MPEG_LAYER_III", 44_100, 2),
]


@pytest.mark.parametrize(("format", "subtype", "rate", "channels"), KINDS)
def test_every_kind_of_file_gives_its_tone_at_16_khz(
    format: str, subtype: str | None, rate: int, channels: int
) -> None:
    waveform = decode(encoded(tone(rate, channels), rate, format, subtype))
    assert waveform.dtype == np.float32
    assert waveform.ndim == 1
    assert len(waveform) == pytest.approx(SECONDS * RATE, abs=0.06 * RATE)
    assert dominant(waveform) == pytest.approx(440, abs=2)
    assert np.abs(waveform[4000:20000]).max() == pytest.approx(0.5, abs=0.04)


def test_samples_of_any_rate_give_what_a_file_of_them_gives() -> None:
    given_ = tone(44_100)[:, 0].astype(np.float32)
    run = prepare(Path(), {})
    answer = run({"samples": given_, "sample_rate": np.array([44_100], np.int32)})["waveform"]
    np.testing.assert_allclose(answer, decode(encoded(given_, 44_100, "WAV", "FLOAT")), atol=1e-6)


def test_channels_are_averaged() -> None:
    left, right = tone(RATE)[:, 0], tone(RATE, hertz=700.0)[:, 0]
    found = decode(encoded(np.stack([left, right], 1), RATE, "WAV", "FLOAT"))
    np.testing.assert_allclose(found, (left + right) / 2, atol=1e-6)


@pytest.mark.parametrize("length", [0, 1, 2])
def test_next_to_nothing_is_a_sound_too(length: int) -> None:
    file = encoded(np.zeros(length), RATE, "WAV", "PCM_16")
    assert len(decode(file)) == length
    run = prepare(Path(), {})
    for rate in (RATE, 48_000):
        inputs = {"samples": np.zeros(length, np.float32), "sample_rate": np.array([rate])}
        assert len(run(inputs)["waveform"]) <= max(length, 1)


WHOLE = encoded(tone(16_000), 16_000, "WAV", "PCM_16")
REFUSED: list[tuple[bytes, str]] = [
    (b"", "the sound is empty"),
    (b"Once upon a time there was a text file.\n" * 40, "not a sound file"),
    *((video(*kind), "not a sound file") for kind in VIDEOS.values()),
    (b"\x89PNG\r\n\x1a\n" + bytes(500), "not a sound file"),
    (WHOLE[:20], "not a sound file"),
    (encoded(tone(8_000), 8_000, "AU", "PCM_16"), "format AU is not read"),
    (WHOLE.replace((16_000).to_bytes(4, "little"), (7).to_bytes(4, "little")), "from 1000 to"),
]


@pytest.mark.parametrize(("content", "sentence"), REFUSED)
def test_what_is_no_sound_is_refused_in_one_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        decode(content)
    assert "\n" not in str(caught.value)
    assert "/" not in str(caught.value)


def test_a_truncated_wav_gives_the_part_that_is_there() -> None:
    assert len(decode(WHOLE[: len(WHOLE) // 2])) == pytest.approx(SECONDS * RATE / 2, abs=100)


def streamed(file: bytes) -> bytes:
    """A FLAC as written to a pipe: STREAMINFO's count of samples, 36 bits, is 0."""
    return file[:21] + bytes([file[21] & 0xF0]) + bytes(4) + file[26:]


def test_a_flac_that_does_not_say_how_long_it_is_is_read_to_its_end() -> None:
    flac = encoded(tone(44_100), 44_100, "FLAC")
    np.testing.assert_array_equal(decode(streamed(flac)), decode(flac))
    with pytest.raises(ValueError, match="more than the 1 s"):
        decode(streamed(flac), maximum_seconds=1)


@pytest.mark.parametrize("size", [b"\0\0\0\0", b"\xff\xff\xff\xff"])
def test_a_wav_whose_length_was_never_written_is_read_to_its_end(size: bytes) -> None:
    whole = encoded(tone(16_000), 16_000, "WAV")
    place = whole.index(b"data") + 4
    broken = whole[:4] + size + whole[8:place] + size + whole[place + 4 :]
    np.testing.assert_array_equal(decode(broken), decode(whole))


def test_an_empty_wav_with_notes_behind_it_is_empty() -> None:
    assert not len(decode(encoded(np.zeros((0, 1)), 16_000, "WAV") + b"LIST" + bytes(20)))


def test_a_header_of_a_thousand_channels_takes_no_memory_for_them() -> None:
    whole = encoded(tone(16_000), 16_000, "WAV")
    tracemalloc.start()
    decode(whole[:22] + (1000).to_bytes(2, "little") + whole[24:])
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


@pytest.mark.parametrize("format", ["FLAC", "OGG", "MP3"])
def test_a_truncated_file_gives_its_part_or_one_sentence(format: str) -> None:
    whole = encoded(tone(16_000), 16_000, format)
    try:
        waveform = decode(whole[: 2 * len(whole) // 3])
    except ValueError as problem:
        assert "corrupt" in str(problem) or "not a sound file" in str(problem)
    else:
        assert len(waveform) <= SECONDS * RATE
        assert dominant(waveform) == pytest.approx(440, abs=5)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_that_ends_within_a_page_is_refused(subtype: str) -> None:
    whole = encoded(np.tile(tone(16_000), (4, 1)), 16_000, "OGG", subtype)
    last = whole.rindex(b"OggS")
    for end in (last + 4, last + 27, last + 30, len(whole) - 1):
        with pytest.raises(ValueError, match="the OGG file is truncated or corrupt"):
            decode(whole[:end])
    assert 0 < len(decode(whole[:last])) < len(decode(whole)) == 4 * SECONDS * RATE


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(value: float) -> None:
    samples = tone(16_000)
    samples[777] = value
    with pytest.raises(ValueError, match="NaN or infinite"):
        decode(encoded(samples, 16_000, "WAV", "FLOAT"))


def test_integers_given_as_floats_are_refused_with_the_remedy() -> None:
    run = prepare(Path(), {})
    with pytest.raises(ValueError, match="divide integers by their full scale"):
        run({"samples": np.array([0, 12_000.0]), "sample_rate": np.array([16_000])})


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({}, "found neither"),
        ({"audio": np.zeros(3, np.uint8), "samples": np.zeros(3)}, "found both"),
        ({"samples": np.zeros(3)}, "found none"),
        ({"samples": np.zeros(3), "sample_rate": np.array([8000, 8000])}, "found 2 numbers"),
        ({"samples": np.zeros(3), "sample_rate": np.array([0])}, "found 0"),
        ({"samples": np.zeros(3), "sample_rate": np.array([-16000])}, "found -16000"),
        ({"samples": np.zeros(3), "sample_rate": np.array([2**31 - 1])}, "from 1000 to 768000"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(inputs: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        prepare(Path(), {})(inputs)


def test_what_lasts_too_long_is_refused_with_what_to_do_instead() -> None:
    run = prepare(Path(), {"maximum_seconds": "1", "longer": "stream it"})
    with pytest.raises(ValueError, match=r"more than the 1 s .*; stream it"):
        run({"audio": np.frombuffer(WHOLE, np.uint8)})
    with pytest.raises(ValueError, match="more than the 1 s"):
        run({"samples": np.zeros(16_001, np.float32), "sample_rate": np.array([16_000])})
    run({"samples": np.zeros(16_000, np.float32), "sample_rate": np.array([16_000])})


FILES = [WHOLE, *(encoded(tone(16_000)[:6000], 16_000, kind) for kind in ("FLAC", "OGG", "MP3"))]


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8),
    st.floats(0, 1),
)
def test_a_file_with_changed_bytes_gives_finite_samples_or_one_sentence(
    file: bytes, changes: list[tuple[float, int]], kept: float
) -> None:
    content = bytearray(file[: int(len(file) * kept)])
    for place, value in changes:
        if content:
            content[int(place * (len(content) - 1))] = value
    try:
        waveform = decode(bytes(content), maximum_seconds=20)
    except ValueError as problem:
        assert "\n" not in str(problem)
    else:
        assert np.isfinite(waveform).all()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_samples_or_one_sentence(content: bytes) -> None:
    try:
        decode(content)
    except ValueError as problem:
        assert "\n" not in str(problem)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_header_that_leads_before_the_file_writes_nothing_to_the_log() -> None:
    corpus = Path(__file__).parents[2] / "fuzz" / "corpus" / "sounds"
    with pytest.raises(ValueError, match="not a sound file that can be read"):
        decode((corpus / "negative-seek.bin").read_bytes())
