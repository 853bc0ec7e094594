"""Where a stream's sound comes from: a file in pieces, standard input, or a microphone."""

from __future__ import annotations

import math
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from clients.errors import ClientError
from clients.sound_file.sound_reader import Sound, Unreadable

Piece = npt.NDArray[np.float32]

RATE = 16_000
"""Hz of what a microphone and standard input give."""

RECORDERS = {
    "arecord": ("--quiet", "--format=S16_LE", f"--rate={RATE}", "--channels=1", "--file-type=raw"),
    "parec": ("--format=s16le", f"--rate={RATE}", "--channels=1", "--latency-msec=50"),
    "pw-record": ("--format=s16", f"--rate={RATE}", "--channels=1", "-"),
}
"""Programs of ALSA, PulseAudio and PipeWire that write 16-bit samples to standard output."""


class SoundError(ClientError):
    """There is no sound to send; the message is a sentence."""


class SoundFile:
    """A sound file that is read in pieces, mono, as a server reads it.

    Args:
        path: WAV, FLAC, OGG or MP3.

    Attributes:
        rate: Hz.
        seconds: how long it lasts; infinite if the file does not say.

    Raises:
        SoundError: the file cannot be read, or holds no sound.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._sound = Sound(path.open("rb"), f"cannot read {path}: it is")
        except OSError as problem:
            raise SoundError(f"cannot read {path}: {problem.strerror}") from problem
        except Unreadable as problem:
            raise SoundError(str(problem)) from problem
        self.path = path
        self.rate = self._sound.rate
        frames = self._sound.frames
        self.seconds = math.inf if frames is None else frames / self.rate

    def pieces(self, seconds: float, *, live: bool = False) -> Iterator[Piece]:
        """Its samples, FP32 [n] in about -1 .. 1, so many seconds at a time.

        Args:
            seconds: of a piece.
            live: no faster than they would be spoken.

        Raises:
            SoundError: the file breaks off.
        """
        began, sent = time.monotonic(), 0.0
        size = max(int(seconds * self.rate), 1)
        with self._sound as sound:
            try:
                for piece in _cut(sound.blocks(), size):
                    sent += len(piece) / self.rate
                    if live:
                        time.sleep(max(began + sent - time.monotonic(), 0))
                    yield piece
            except Unreadable as problem:
                raise SoundError(f"{self.path}: {problem}") from problem


def _cut(blocks: Iterable[Piece], size: int) -> Iterator[Piece]:
    """The samples of all blocks, so many at a time; the last piece may be shorter."""
    waiting: list[Piece] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += len(block)
        if count >= size:
            whole = np.concatenate(waiting)
            for at in range(0, count - size + 1, size):
                yield whole[at : at + size]
            waiting = [whole[count // size * size :]]
            count %= size
    if count:
        yield np.concatenate(waiting)


def raw_pieces(stream: IO[bytes], seconds: float) -> Iterator[Piece]:
    """16-bit samples at :data:`RATE`, mono, little-endian, until the stream ends."""
    size = 2 * max(int(seconds * RATE), 1)
    while data := stream.read(size):
        yield np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32) / np.float32(
            32768
        )


MAGIC = {b"RIFF": "a WAV", b"fLaC": "a FLAC", b"OggS": "an OGG", b"ID3": "an MP3"}
"""How sound files begin, if bare samples are expected."""


def standard_input(stream: BufferedReader, seconds: float) -> Iterator[Piece]:
    """As :func:`raw_pieces`, of what is piped into the program.

    Raises:
        SoundError: nothing is, or a sound file is.
    """
    if stream.isatty():
        raise SoundError(
            "standard input is a terminal; pipe 16-bit samples at 16 kHz, mono, into the command"
        )
    start = stream.peek(4)
    for magic, kind in MAGIC.items():
        if start.startswith(magic):
            raise SoundError(
                f"standard input holds {kind} file; expected 16-bit samples at 16 kHz, mono, "
                "without a header. Name the file itself, or convert it: "
                "`ffmpeg -i FILE -f s16le -ar 16000 -ac 1 -`"
            )
    yield from raw_pieces(stream, seconds)


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
        [name, *RECORDERS[name]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Ctrl-C is meant for the listener, who then ends the recorder.
        start_new_session=True,
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
