"""Sounds of all kinds for the tests: the shipped talk, and whatever else is sent to a server."""

from __future__ import annotations

import io
import struct
import tempfile
from pathlib import Path

import cv2
import numpy as np
import soundfile
import soxr

EXAMPLES = Path(__file__).parents[2] / "clients" / "examples"
TALK = EXAMPLES / "talk.wav"
RATE = 16_000

VIDEOS = {"MP4": ("mp4", "mp4v"), "AVI": ("avi", "MJPG"), "Matroska": ("mkv", "VP80")}
"""Name -> suffix and codec of :func:`video`."""

OUTPUTS = ("text", "segments", "segment_text", "scores", "words", "word_times", "word_scores")

Arrays = dict[str, np.ndarray]


def talk(seconds: float | None = None) -> np.ndarray:
    """FP32 [samples] at 16 kHz: five sentences with pauses, or the start of it."""
    sound, rate = soundfile.read(TALK, dtype="float32")
    assert rate == RATE
    length = len(sound) if seconds is None else round(seconds * RATE)
    return np.asarray(sound[:length])


def encoded(
    samples: np.ndarray, rate: int = RATE, form: str = "WAV", subtype: str | None = None
) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=form, subtype=subtype)
    return buffer.getvalue()


def video(suffix: str, codec: str) -> bytes:
    """A second of a picture that grows lighter, as FFmpeg's libraries write it; it has no sound."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"video.{suffix}"
        code = cv2.VideoWriter.fourcc(*codec)
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, 10, (64, 48))
        for shade in range(0, 250, 25):
            writer.write(np.full((48, 64, 3), shade, np.uint8))
        writer.release()
        return path.read_bytes()


def file(content: bytes) -> Arrays:
    return {"audio": np.frombuffer(content, np.uint8)}


def given(samples: np.ndarray, rate: int = RATE) -> Arrays:
    return {
        "samples": np.asarray(samples, np.float32),
        "sample_rate": np.array([rate], np.int32),
    }


def with_value(value: float) -> np.ndarray:
    samples = talk(1.5).copy()
    samples[77] = value
    return samples


def header(wav: bytes, place: int, layout: str, value: int) -> bytes:
    """A WAV with another number in its header."""
    field = struct.pack(layout, value)
    return wav[:place] + field + wav[place + len(field) :]


def equal() -> dict[str, Arrays]:
    """Requests by name that must say what the talk's first sentence says."""
    sentence = talk(2.9)
    wide = np.stack([soxr.resample(sentence, RATE, 192_000)] * 8, 1)
    return {
        "8 bit": file(encoded(sentence, subtype="PCM_U8")),
        "24 bit": file(encoded(sentence, subtype="PCM_24")),
        "24 bit, FLAC": file(encoded(sentence, form="FLAC", subtype="PCM_24")),
        "192 kHz, 8 channels": file(encoded(wide, 192_000, subtype="PCM_24")),
        "192 kHz, samples": given(wide[:, 0], 192_000),
        "one channel turned over": file(encoded(np.stack([sentence, -sentence], 1))),
        "one channel silent": file(encoded(np.stack([sentence, 0 * sentence], 1))),
        "a peak of -48 dB": file(encoded(0.004 * sentence / np.abs(sentence).max())),
        "direct current": file(encoded(0.14 * sentence / np.abs(sentence).max() + 0.85)),
    }


def hostile() -> dict[str, tuple[Arrays, str]]:
    """Requests by name, and what comes of each.

    That is the sentence's beginning where it is refused, ``silence`` where the answer is empty, and
    nothing where it is any answer at all.
    """
    short = talk(1.5)
    wav, flac = encoded(short), encoded(short, form="FLAC")
    ogg, mp3 = encoded(short, form="OGG"), encoded(short, form="MP3")
    silence = np.zeros(3 * RATE, np.float32)
    hours = encoded(np.zeros(7200 * RATE, np.int16), form="FLAC")
    none, no_file = "the sound is empty", "not a sound file"
    long = "more than the 300 s that a request may have; stream it to 'asr_stream'"
    return {
        "no bytes": (file(b""), none),
        "no samples": (given(short[:0]), "silence"),
        "one sample": (given(short[:1]), "silence"),
        "one sample in a file": (file(encoded(short[:1])), "silence"),
        "a header alone": (file(wav[:44]), "silence"),
        "half a header": (file(wav[:20]), no_file),
        "NaN": (given(with_value(np.nan)), "NaN or infinite"),
        "infinity": (given(with_value(-np.inf)), "NaN or infinite"),
        "NaN in a file": (file(encoded(with_value(np.nan), subtype="FLOAT")), "NaN or infinite"),
        "infinity in a file": (file(encoded(with_value(np.inf), subtype="FLOAT")), "NaN or infin"),
        "integers as floats": (given(30_000 * short), "divide integers by their full scale"),
        "192 kHz, 8 channels": (
            file(encoded(np.stack([silence] * 8, 1), 192_000, subtype="PCM_24")),
            "silence",
        ),
        "a truncated WAV": (file(wav[: len(wav) // 2]), ""),
        "a truncated FLAC": (file(flac[: len(flac) // 2]), "the FLAC file is truncated"),
        "a truncated OGG": (file(ogg[: len(ogg) // 2]), "the OGG file is truncated"),
        "a truncated MP3": (file(mp3[: len(mp3) // 2]), ""),
        "a corrupt FLAC": (file(flac[:5000] + bytes(400) + flac[5400:]), "the FLAC file is trunc"),
        "a corrupt WAV": (file(header(wav, 20, "<H", 0x7777)), no_file),
        "a corrupt OGG": (file(ogg[:5000] + bytes(400) + ogg[5400:]), "the OGG file is trunc"),
        "a corrupt MP3": (file(mp3[:3000] + bytes(400) + mp3[3400:]), ""),
        **{name: (file(video(*kind)), no_file) for name, kind in VIDEOS.items()},
        "text": (file(b"This is a sentence, and no sound.\n" * 99), no_file),
        "noise as a file": (file(np.random.default_rng(1).bytes(9000)), no_file),
        "another format": (file(encoded(short, form="AU")), "the format AU is not read"),
        "a rate of 0": (given(short, 0), "sample_rate must be from 1000 to 768000 Hz, found 0"),
        "a rate below 0": (given(short, -RATE), "found -16000"),
        "a rate of a billion": (given(short, 10**9), "found 1000000000"),
        "a rate of a billion in a file": (file(header(wav, 24, "<I", 10**9)), "the file's rate"),
        "a thousand channels": (file(header(wav, 22, "<H", 1000)), "silence"),
        "a rate that is not the sound's": (given(short, 48_000), ""),
        "both": (file(wav) | given(short), "found both"),
        "samples without their rate": ({"samples": short}, "found none"),
        "two hours": (file(hours), long),
        "five minutes and a second": (given(np.zeros(301 * 1000, np.float32), 1000), long),
        "noise": (given(0.3 * np.random.default_rng(1).standard_normal(3 * RATE)), ""),
        "a click": (given(np.eye(1, RATE, 8000)[0]), "silence"),
        "full scale": (given(np.sign(np.sin(np.arange(2 * RATE) / 9))), ""),
        "silence": (given(silence, 44_100), "silence"),
    }
