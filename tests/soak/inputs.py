"""What is sent: pages of many sizes and forms, sounds, streams, and the same files cut short."""

from __future__ import annotations

import io
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "clients" / "examples"
EVALUATION = ROOT / "builders" / "asr" / "evaluation"

_WORDS = ("quay", "lantern", "1904", "invoice", "total", "ferry", "17:30", "oats", "88,20", "gulls")
_PAGES = (
    (160, 60, 1, "PNG"),
    (640, 200, 3, "JPEG"),
    (900, 1200, 14, "PNG"),
    (1500, 500, 6, "WEBP"),
    (480, 640, 9, "TIFF"),
    (320, 1000, 12, "BMP"),
    (1240, 1754, 24, "JPEG"),
    (400, 300, 0, "PNG"),
)
_CUTS = (0.02, 0.35, 0.8)
_STREAMS = ((4.0, 0.3), (6.0, 0.5), (3.0, 1.5))
"""Seconds of a stream, and of each of its pieces."""


@dataclass(frozen=True)
class Stream:
    """FP32 [n] at a rate in Hz, and the samples of a piece."""

    samples: np.ndarray
    rate: int
    piece: int

    def pieces(self) -> list[np.ndarray]:
        return [
            self.samples[at : at + self.piece] for at in range(0, len(self.samples), self.piece)
        ]


@dataclass(frozen=True)
class Inputs:
    """Each by its place in the list: the same in every run."""

    pages: list[bytes]
    sounds: list[bytes]
    streams: list[Stream]
    broken: list[tuple[str, str, bytes]]
    """Pipeline, its input, and a file that is cut short."""


def make() -> Inputs:
    pages = [(EXAMPLES / "page.png").read_bytes()]
    pages += [_page(*form, seed) for seed, form in enumerate(_PAGES)]
    sounds = [(EVALUATION / f"clean-{number:02d}.ogg").read_bytes() for number in range(8)]
    sounds += [(EXAMPLES / name).read_bytes() for name in ("talk.wav", "talk-22050.mp3")]
    talk, rate = soundfile.read(EXAMPLES / "talk.wav", dtype="float32")
    streams = [
        Stream(talk[: int(seconds * rate)], rate, int(piece * rate)) for seconds, piece in _STREAMS
    ]
    broken = [
        (pipeline, name, whole[: int(cut * len(whole))])
        for pipeline, name, files in (("ocr", "image", pages[:7]), ("asr", "audio", sounds[::3]))
        for whole in files
        for cut in _CUTS
    ]
    return Inputs(pages, sounds, streams, broken)


def _page(width: int, height: int, lines: int, form: str, seed: int) -> bytes:
    chance = random.Random(seed)
    page = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(page)
    pitch = height / max(lines, 1)
    letters = ImageFont.load_default(max(11, min(40, pitch * 0.55)))
    for number in range(lines):
        text = " ".join(chance.choices(_WORDS, k=max(1, width // 160)))
        pen.text((width * 0.04, (number + 0.2) * pitch), text, fill=(20, 20, 30), font=letters)
    buffer = io.BytesIO()
    page.save(buffer, form)
    return buffer.getvalue()
