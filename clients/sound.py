"""Where a stream's sound comes from: a file in pieces, standard input, or a microphone."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import soundfile

Piece = npt.NDArray[np.float32]

RATE = 16_000
"""Hz of what a microphone and standard input give."""

RECORDERS = {
    "arecord": ("--quiet", "--format=S16_LE", f"--rate={RATE}", "--channels=1", "--file-type=raw"),
    "parec": ("--format=s16le", f"--rate={RATE}", "--channels=1", "--latency-msec=50"),
    "pw-record": ("--format=s16", f"--rate={RATE}", "--channels=1", "-"),
}
"""Programs of ALSA, PulseAudio and PipeWire that write 16-bit samples to standard output."""


class SoundError(Exception):
    """There is no sound to be had; the message is a sentence."""


class SoundFile:
    """A sound file that is read in pieces, mono.

    Args:
        path: WAV, FLAC, OGG or MP3.

    Raises:
        SoundError: no such file, or no sound.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = soundfile.SoundFile(path)
        except soundfile.SoundFileError as problem:
            what = "no such file" if not path.exists() else "not a sound file that can be read"
            raise SoundError(
                f"cannot read {path}: {what}; expected WAV, FLAC, OGG or MP3"
            ) from problem
        self.path = path
        self.rate = int(self._file.samplerate)
        self.seconds = self._file.frames / self.rate

    def pieces(self, seconds: float, *, live: bool = False) -> Iterator[Piece]:
        """Its samples, FP32 [n] in -1 .. 1, so many seconds at a time.

        Args:
            seconds: of a piece.
            live: no faster than they would be spoken.

        Raises:
            SoundError: the file breaks off.
        """
        began, sent = time.monotonic(), 0.0
        with self._file as file:
            while True:
                try:
                    block = file.read(
                        max(int(seconds * self.rate), 1), dtype="float32", always_2d=True
                    )
                except soundfile.SoundFileError as problem:
                    raise SoundError(f"{self.path} is truncated or corrupt: {problem}") from problem
                if not len(block):
                    return
                sent += len(block) / self.rate
                if live:
                    time.sleep(max(began + sent - time.monotonic(), 0))
                yield np.asarray(block.mean(1), np.float32)


def raw_pieces(stream: IO[bytes], seconds: float) -> Iterator[Piece]:
    """16-bit samples at :data:`RATE`, mono, little-endian, until the stream ends."""
    size = 2 * max(int(seconds * RATE), 1)
    while data := stream.read(size):
        yield np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / np.float32(
            32768
        )


def microphone(seconds: float) -> Iterator[Piece]:
    """What the microphone hears, until it is interrupted.

    Raises:
        SoundError: no program that records, or it ended by itself.
    """
    name = next((name for name in RECORDERS if shutil.which(name)), None)
    if name is None:
        raise SoundError(
            f"no program to record with: expected one of {', '.join(RECORDERS)}, found none; "
            "install alsa-utils, or pipe 16-bit samples at 16 kHz into `python -m clients asr -`"
        )
    with subprocess.Popen(
        [name, *RECORDERS[name]], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            yield from raw_pieces(process.stdout, seconds)
            code = process.wait()
            if code:
                assert process.stderr is not None
                said = process.stderr.read().decode(errors="replace").strip().splitlines()
                raise SoundError(
                    f"{name} ended with {code}: {said[-1] if said else 'it said nothing'}"
                )
        finally:
            process.terminate()
