"""Sound to samples at 16 kHz: a file or samples of any rate -> ``waveform`` FP32 [-1], mono.

``audio`` UINT8 [-1], an encoded file (WAV, FLAC, OGG with Vorbis or Opus, MP3), or ``samples`` FP32
[-1] with ``sample_rate`` INT32 [1] in Hz. Channels become one (:mod:`clients.sound_file.channels`),
the rate is converted by soxr, and what is faint is made louder (:mod:`level`).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import soxr

from builders.kit.invalid_argument import InvalidArgument
from builders.stages.level import DIRECT, levelled
from clients.sound_file import sound_reader

RATE = 16_000
"""Hz of the waveform; what the models behind it were trained on."""

MAXIMUM_SECONDS = 300.0
"""The longest sound, unless a config parameter says otherwise: 19 MB of samples."""


def prepare(
    folder: Path, parameters: Mapping[str, str]
) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The stage; the parameter ``maximum_seconds`` bounds the sound of one request.

    The parameter ``longer`` says, in the refusal of a longer one, what to do with it.
    """
    limit = float(parameters.get("maximum_seconds", MAXIMUM_SECONDS))
    longer = parameters.get("longer", "send it in parts")

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        audio, samples = inputs.get("audio"), inputs.get("samples")
        if (audio is None) == (samples is None):
            found = "neither" if audio is None else "both"
            raise InvalidArgument(
                f"send either 'audio', a file, or 'samples' with their sample_rate; found {found}"
            )
        if audio is not None:
            return {"waveform": decode(audio.tobytes(), limit, longer)}
        assert samples is not None
        rate = checked_rate(inputs.get("sample_rate"))
        given = checked_samples(samples)
        _bound(len(given) / rate, limit, longer)
        return {"waveform": levelled(resample(_steady([given]), rate))}

    return run


def decode(
    encoded: bytes, maximum_seconds: float = MAXIMUM_SECONDS, longer: str = "send it in parts"
) -> np.ndarray:
    """The sound in a file's bytes, mono at 16 kHz, FP32 [samples].

    Raises:
        InvalidArgument: no sound, a broken file, another format, or longer than allowed.
    """
    if not encoded:
        raise InvalidArgument("the sound is empty; send the bytes of a WAV, FLAC, OGG or MP3 file")
    try:
        with sound_reader.Sound(io.BytesIO(encoded), f"the {len(encoded)} bytes sent are") as sound:
            if sound.frames is not None:
                _bound(sound.frames / sound.rate, maximum_seconds, longer)
            blocks = _bounded(sound, maximum_seconds, longer)
            return levelled(resample(_steady(blocks), sound.rate))
    except sound_reader.Unreadable as problem:
        raise InvalidArgument(str(problem)) from problem


def _bounded(
    sound: sound_reader.Sound, maximum_seconds: float, longer: str
) -> Iterator[np.ndarray]:
    """The file's samples piece by piece: a header's count of frames may be wrong."""
    read = 0
    for block in sound.blocks():
        read += len(block)
        _bound(read / sound.rate, maximum_seconds, longer)
        yield block


def _steady(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Pieces without the direct current of the first, which would be a click at both ends."""
    direct = None
    for block in blocks:
        if direct is None and len(block):
            direct = np.float32(block.mean(dtype=np.float64))
        yield block if direct is None or abs(direct) <= DIRECT else block - direct


def resample(blocks: Iterable[np.ndarray], rate: int) -> np.ndarray:
    """Pieces of one sound at a rate in Hz to the whole at 16 kHz, FP32 [samples]."""
    if rate == RATE:
        pieces = list(blocks)
    else:
        stream = soxr.ResampleStream(rate, RATE, 1, dtype="float32")
        pieces = [stream.resample_chunk(block) for block in blocks]
        pieces.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def checked_rate(sample_rate: np.ndarray | None) -> int:
    """The request's ``sample_rate`` in Hz.

    Raises:
        InvalidArgument: none, several, or one that no sound has.
    """
    if sample_rate is None or np.size(sample_rate) != 1:
        found = "none" if sample_rate is None else f"{np.size(sample_rate)} numbers"
        raise InvalidArgument(
            f"'samples' need their 'sample_rate', one number of Hz; found {found}"
        )
    try:
        return sound_reader.checked_rate(int(np.reshape(sample_rate, -1)[0]), "sample_rate")
    except sound_reader.Unreadable as problem:
        raise InvalidArgument(str(problem)) from problem


def checked_samples(samples: np.ndarray) -> np.ndarray:
    """The samples as FP32 [n].

    Raises:
        InvalidArgument: NaN, infinity, or values far outside of -1 .. 1.
    """
    try:
        return sound_reader.checked_samples(np.ascontiguousarray(samples, np.float32).reshape(-1))
    except sound_reader.Unreadable as problem:
        raise InvalidArgument(str(problem)) from problem


def _bound(seconds: float, maximum_seconds: float, longer: str) -> None:
    if seconds > maximum_seconds:
        raise InvalidArgument(
            f"the sound lasts more than the {maximum_seconds:g} s that a request may have; {longer}"
        )
