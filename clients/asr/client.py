"""The speech recognition pipelines as typed calls: a file at once, or a stream piece by piece."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tritonclient.grpc as grpc

from clients.connection.bounds import PATIENCE
from clients.connection.connection import CUTS, PipelineClient, output, tensor
from clients.connection.errors import CutOff, RequestError

Option = str | int | Sequence[str]
"""A further input of a pipeline: one text, one number, or a list of words."""

_LEAVING = 1.0
"""Seconds to wait for the answer to a stream's end that nobody waits for."""


_NO_SUCH_SEQUENCE = ("must specify the START flag", "a request that has the start flag")
"""Texts of a refusal because the sequence is not known: from Triton, as after a new start, and from
a stage that gave the place to another stream."""


@dataclass(frozen=True)
class Word:
    """A word with its start and end in seconds and its confidence, 0 to 1."""

    text: str
    start: float
    end: float
    score: float


@dataclass(frozen=True)
class Segment:
    """A stretch of speech between pauses.

    Attributes:
        text: what was said.
        start: in seconds.
        end: in seconds.
        score: the confidence, 0 to 1.
        words: its words; empty if the model gives no times of words.
    """

    text: str
    start: float
    end: float
    score: float
    words: tuple[Word, ...]


@dataclass(frozen=True)
class Heard:
    """What a piece of a stream brought.

    Attributes:
        ended: the segments that ended with it.
        partial: the words so far of the segment under way; "" in a pause.
        partial_start: where that began, in seconds; None in a pause.
    """

    ended: tuple[Segment, ...]
    partial: str
    partial_start: float | None


class AsrClient(PipelineClient):
    """Calls ``asr`` and ``asr_stream`` over gRPC.

    A request that found no server, or whose connection was cut off before its answer came, is
    asked again: :class:`.Connection` says when, and why that is safe. The pieces of a stream are
    not asked again, since the server's state may be gone: see :meth:`stream`.

    Args:
        url: ``host:port``, also with ``grpc://``, or ``grpcs://`` for TLS; by default that of the
            environment variable ``TRITON_GRPC``, else ``127.0.0.1:8001``.
        model: ``asr``, ``asr_bls`` or ``asr_whisper``.
        stream_model: ``asr_stream``.
        timeout: seconds to wait for an answer, all tries together.
        patience: seconds for which a server that does not listen is asked again; 0 is never.
        waiting: is told, in a sentence, when something is asked again.

    Raises:
        AddressError: the URL is not one of a gRPC server.
    """

    def __init__(
        self,
        url: str | None = None,
        model: str = "asr",
        stream_model: str = "asr_stream",
        timeout: float = 120.0,
        patience: float = PATIENCE,
        waiting: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(url, timeout, patience, waiting)
        self._model, self._stream_model = model, stream_model
        self._waiting = waiting or (lambda sentence: None)

    def transcribe(self, audio: bytes, **options: Option) -> list[Segment]:
        """The segments of a sound file, in order; none for silence.

        Args:
            audio: an encoded file: WAV, FLAC, OGG or MP3.
            options: further inputs of the model: ``beam=16`` and ``word_list=["yes", "no"]`` of
                ``asr``, ``language="en"`` and ``task="translate"`` of ``asr_whisper``.

        Raises:
            RequestError: the server refused the sound or is not there.
        """
        return self._transcribe({"audio": np.frombuffer(audio, np.uint8)}, options)

    def transcribe_file(self, path: Path, **options: Option) -> list[Segment]:
        """As :meth:`transcribe`, of a file.

        Raises:
            OSError: the file cannot be read.
        """
        return self.transcribe(path.read_bytes(), **options)

    def transcribe_samples(
        self, samples: npt.NDArray[np.float32], sample_rate: int, **options: Option
    ) -> list[Segment]:
        """As :meth:`transcribe`, of samples FP32 [n] in -1 .. 1 at a rate in Hz."""
        rate = np.array([sample_rate], np.int32)
        return self._transcribe({"samples": samples, "sample_rate": rate}, options)

    def _transcribe(
        self, sound: Mapping[str, npt.NDArray[Any]], options: Mapping[str, Option]
    ) -> list[Segment]:
        inputs = {**sound, **_arrays(options)}
        tensors = [tensor(name, array) for name, array in inputs.items()]
        return segments_of(self._connection.infer(self._model, tensors), self._model)

    def stream(
        self,
        pieces: Iterable[npt.NDArray[np.float32]],
        sample_rate: int = 16_000,
        **options: Option,
    ) -> Generator[Heard]:
        """Sends a stream as its pieces come; gives what each brought, and the rest at the end.

        Close the generator to leave the stream before its end.

        A piece that was cut off is not sent again: the server's state may be gone, or hold the
        piece already. If ``pieces`` can be iterated again, as a list can, the stream begins again
        from its start, at most twice. The same pieces bring the same answers, so nothing is given
        twice. If they cannot, as with a generator, the stream ends with an error.

        Args:
            pieces: FP32 [n] in -1 .. 1, each at most 30 s; some 0.3 s for live speech.
            sample_rate: Hz.
            options: ``beam`` and ``word_list``, for the whole stream.

        Raises:
            RequestError: the server refused a piece or is not there.
            CutOff: the stream was cut off, and cannot begin again.
        """
        begins = 0 if isinstance(pieces, Iterator) else CUTS
        given_out = 0
        while True:
            try:
                with contextlib.closing(self._once(pieces, sample_rate, options)) as stream:
                    for number, heard in enumerate(stream):
                        if number >= given_out:
                            given_out += 1
                            yield heard
                return
            except _StreamCut as cut:
                if not begins:
                    raise CutOff(
                        cut.code,
                        f"{cut}; {cut.seconds:.1f} s of the sound were sent, and the stream cannot "
                        "go on: begin it again",
                        sent=True,
                    ) from cut
                begins -= 1
                self._waiting(f"{cut}; the stream begins again")

    def _once(
        self,
        pieces: Iterable[npt.NDArray[np.float32]],
        sample_rate: int,
        options: Mapping[str, Option],
    ) -> Generator[Heard]:
        """A stream from its start to its end.

        Raises:
            _StreamCut: it was cut off after its start.
        """
        sequence = secrets.randbits(63) | 1
        rate = {"sample_rate": np.array([sample_rate], np.int32)}
        begin = {**rate, **_arrays(options)}
        nothing = np.zeros(0, np.float32)
        sent = ended = False
        seconds = 0.0
        try:
            for piece in pieces:
                first, sent = not sent, True
                yield self._send(sequence, piece, begin if first else rate, start=first, end=False)
                seconds += len(piece) / sample_rate
            first, ended = not sent, True
            yield self._send(sequence, nothing, begin if first else rate, start=first, end=True)
        except CutOff as problem:
            if seconds or problem.sent:
                raise _StreamCut(problem.code, str(problem), seconds) from problem
            raise
        except RequestError as problem:
            if seconds and any(each in str(problem) for each in _NO_SUCH_SEQUENCE):
                told = "the server has forgotten the stream, as it does after a restart or a pause"
                raise _StreamCut(problem.code, told, seconds) from problem
            raise
        finally:
            if sent and not ended:
                # Otherwise the server keeps the stream's place until it is idle, and it has few
                # places.
                with contextlib.suppress(RequestError):
                    self._send(sequence, nothing, rate, start=False, end=True, timeout=_LEAVING)

    def _send(
        self,
        sequence: int,
        piece: npt.NDArray[np.float32],
        beside: Mapping[str, npt.NDArray[Any]],
        *,
        start: bool,
        end: bool,
        timeout: float | None = None,
    ) -> Heard:
        inputs = {"samples": np.asarray(piece, np.float32), **beside}
        result = self._connection.infer(
            self._stream_model,
            [tensor(name, array) for name, array in inputs.items()],
            timeout=timeout,
            cuts=0,
            unsent=start,
            sequence_id=sequence,
            sequence_start=start,
            sequence_end=end,
        )
        partial = output(result, "partial", self._stream_model)
        starts = output(result, "partial_start", self._stream_model)
        return Heard(
            tuple(segments_of(result, self._stream_model)),
            partial[0].decode("utf-8") if len(partial) else "",
            float(starts[0]) if len(starts) else None,
        )


class _StreamCut(CutOff):
    """A stream was cut off when so many seconds of it had been sent."""

    def __init__(self, code: str, sentence: str, seconds: float) -> None:
        super().__init__(code, sentence, sent=True)
        self.seconds = seconds


def segments_of(result: grpc.InferResult, model: str) -> list[Segment]:
    """The segments in a pipeline's answer, each with the words that spell its text."""
    words = [
        Word(text.decode("utf-8"), float(start), float(end), float(score))
        for text, (start, end), score in zip(
            *(output(result, name, model) for name in ("words", "word_times", "word_scores")),
            strict=True,
        )
    ]
    found = []
    for text, (start, end), score in zip(
        *(output(result, name, model) for name in ("segment_text", "segments", "scores")),
        strict=True,
    ):
        said = text.decode("utf-8")
        count = len(places(said, [word.text for word in words]))
        own, words = tuple(words[:count]), words[count:]
        found.append(Segment(said, float(start), float(end), float(score), own))
    return found


def places(text: str, words: Sequence[str]) -> list[int]:
    """Where in a text each word begins, up to the first that does not follow in it.

    Spaces may stand between two words, or none, as in Chinese.
    """
    found = []
    at = 0
    for word in words:
        at += len(text[at:]) - len(text[at:].lstrip())
        if not text.startswith(word, at):
            break
        found.append(at)
        at += len(word)
    return found


def _arrays(options: Mapping[str, Option]) -> dict[str, npt.NDArray[Any]]:
    """Options as tensors: BYTES for text, INT32 for a number."""
    found: dict[str, npt.NDArray[Any]] = {}
    for name, given in options.items():
        if isinstance(given, int):
            found[name] = np.array([given], np.int32)
        else:
            texts = [given] if isinstance(given, str) else given
            found[name] = np.array([text.encode() for text in texts], np.object_)
    return found
