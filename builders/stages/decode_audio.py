"""Sound to samples at 16 kHz: a file or samples of any rate -> ``waveform`` FP32 [-1], mono.

``audio`` UINT8 [-1], an encoded file (WAV, FLAC, OGG with Vorbis or Opus, MP3), or ``samples`` FP32
[-1] with ``sample_rate`` INT32 [1] in Hz. Channels are averaged; the rate is converted by soxr.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import soundfile
import soxr

from builders.kit.invalid_argument import InvalidArgument
from builders.stages import ogg

RATE = 16_000
"""Hz of the waveform; what the models behind it were trained on."""

MAXIMUM_SECONDS = 300.0
"""The longest sound without a config parameter of its own: 19 MB of samples."""

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000
"""Hz; beyond them a rate is a mistake in a header or a request."""

LOUDEST = 64.0
"""Full scale is 1, and overshoot is common in floating-point files; integers given as FP32 are
beyond this."""

FORMATS = ("WAV", "WAVEX", "RF64", "W64", "FLAC", "OGG", "MP3", "AIFF")
"""libsndfile's names of what is read; it knows more, none of it common."""

UNKNOWN_FRAMES = 2**63 - 1
"""libsndfile's SF_COUNT_MAX: a FLAC that was written to a pipe does not say how long it is."""

HEADER = 65_536
"""Bytes at a WAV's start in which its samples begin."""

BLOCK = 2**18
"""Values of all channels that are read and converted at once, so that any file stays small."""


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
        return {"waveform": resample([given], rate)}

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
        file = _Forward(_Bytes(_with_length(encoded)))
    except soundfile.SoundFileError as problem:
        raise InvalidArgument(
            f"the {len(encoded)} bytes sent are not a sound file that can be read; "
            "send WAV, FLAC, OGG or MP3"
        ) from problem
    with file:
        if file.format not in FORMATS:
            raise InvalidArgument(
                f"a sound file of the format {file.format} is not read; send WAV, FLAC, OGG or MP3"
            )
        rate = _rate(file.samplerate, "the file's rate")
        if file.frames != UNKNOWN_FRAMES:
            _bound(file.frames / rate, maximum_seconds, longer)
        broken = f"the {file.format} file is truncated or corrupt; send the whole file"
        if file.format == "OGG" and not ogg.is_whole(encoded):
            raise InvalidArgument(broken)
        try:
            return resample(_blocks(file, rate, maximum_seconds, longer), rate)
        except soundfile.SoundFileError as problem:
            raise InvalidArgument(broken) from problem


class _Forward(soundfile.SoundFile):  # type: ignore[misc]
    """A file read from its start to its end.

    Else soundfile seeks after each read, which fails at the end of a FLAC of unknown length.
    """

    def seekable(self) -> bool:
        return False


class _Bytes(io.BytesIO):
    """A file's bytes, in which a broken header may lead to a place before the first.

    The error would be written to the server's log as a traceback, one for each such place.
    """

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return super().seek(max(offset, 0) if whence == io.SEEK_SET else offset, whence)


def _with_length(encoded: bytes) -> bytes:
    """The file; a WAV whose recorder never wrote its length then holds all that follows."""
    place = encoded.find(b"data\0\0\0\0", 12, HEADER)
    if encoded[:4] != b"RIFF" or place < 0 or encoded[place + 8 : place + 12].isalpha():
        return encoded
    return encoded[: place + 4] + b"\xff\xff\xff\xff" + encoded[place + 8 :]


def _blocks(
    file: soundfile.SoundFile, rate: int, maximum_seconds: float, longer: str
) -> Iterator[np.ndarray]:
    """The file's samples, mono, piece by piece: a header's count of frames may be wrong."""
    read = 0
    while True:
        block = file.read(max(BLOCK // file.channels, 1), dtype="float32", always_2d=True)
        if not len(block):
            return
        read += len(block)
        _bound(read / rate, maximum_seconds, longer)
        yield checked_samples(block[:, 0] if file.channels == 1 else block.mean(1))


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
    return _rate(int(np.reshape(sample_rate, -1)[0]), "sample_rate")


def _rate(rate: int, name: str) -> int:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise InvalidArgument(
            f"{name} must be from {LOWEST_RATE} to {HIGHEST_RATE} Hz, found {rate}"
        )
    return rate


def checked_samples(samples: np.ndarray) -> np.ndarray:
    """The samples as FP32 [n].

    Raises:
        InvalidArgument: NaN, infinity, or values far outside of -1 .. 1.
    """
    samples = np.ascontiguousarray(samples, np.float32).reshape(-1)
    peak = max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0)))
    if not np.isfinite(peak):
        raise InvalidArgument("the sound has samples that are NaN or infinite; send finite ones")
    if peak > LOUDEST:
        raise InvalidArgument(
            f"samples must lie in -1 .. 1, found {peak:g}; divide integers by their full scale"
        )
    return samples


def _bound(seconds: float, maximum_seconds: float, longer: str) -> None:
    if seconds > maximum_seconds:
        raise InvalidArgument(
            f"the sound lasts more than the {maximum_seconds:g} s that a request may have; {longer}"
        )
