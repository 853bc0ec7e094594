"""Live speech: pieces of sound in, segments of text as they end, and what is heard so far.

``samples`` FP32 [-1], the next piece, ``sample_rate`` INT32 [1] in Hz (optional, 16,000; the first
piece's counts), ``beam`` and ``word_list`` as :mod:`join_segments` takes them (the first piece's
count) -> of the segments that ended with this piece ``segments``, ``segment_text``,
``scores``, ``words``, ``word_times``, ``word_scores`` as :mod:`join_segments` gives them, in
seconds since the stream began; ``partial`` BYTES [1], the open segment's words so far (none in a
pause), and ``partial_start`` FP32 [1], its start.

The same rules, models and windows as for files, so the text is the same once segments have ended.

A piece that is refused is as if it had not been sent, and the stream goes on. If a model that it
calls is overloaded (UNAVAILABLE), the piece is kept: do not send it again. Its text comes with the
next answer. A first or last piece that gets no answer ends the stream.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from builders.kit.invalid_argument import InvalidArgument
from builders.stages.decode_audio import checked_rate, checked_samples
from builders.stages.level import Follower

from .join_segments import tensors
from .reading.reader import Reader, Search
from .reading.words import Word
from .speech.cut_windows import batch
from .speech.segmenter import FRAME, RATE, Segment, Segmenter

Call = Callable[[str, Sequence[Mapping[str, np.ndarray]]], list[dict[str, np.ndarray]]]

DETECT, TRANSCRIBE = "detect_speech_stream", "transcribe"

LONGEST_PIECE = 30.0
"""Seconds of sound in one request: a stream is sent as it is heard, and files in pieces."""

PARTIAL_INTERVAL = 0.3
"""Seconds of new sound after which the open segment is read again."""


class Stream:
    """What is known of one stream.

    Args:
        rate: Hz of its pieces.
        search: how it is read.

    Attributes:
        frames: FP32 [512 n], as loud as usual, in which no speech was looked for yet.
        ended: segments that were not read yet.
    """

    def __init__(self, rate: int, search: Search) -> None:
        self.rate, self.search = rate, search
        self.segmenter = Segmenter()
        self.context = np.zeros(64, np.float32)
        self.state = np.zeros((2, 1, 128), np.float32)
        self.partial: list[Word] = []
        self.partial_at = 0
        self.frames = np.zeros(0, np.float32)
        self.ended: list[Segment] = []
        self._resampler = (
            None if rate == RATE else soxr.ResampleStream(rate, RATE, 1, dtype="float32")
        )
        self._follower = Follower()
        self._unframed = np.zeros(0, np.float32)
        self._kept = np.zeros(0, np.float32)
        self._kept_start = 0

    @property
    def samples(self) -> int:
        """How many samples at 16 kHz were taken so far, frames filled up not counted."""
        return self._kept_start + len(self._kept)

    def take(self, piece: np.ndarray, *, last: bool) -> None:
        """New sound; the last is filled up to a whole frame."""
        if self._resampler is not None:
            piece = self._resampler.resample_chunk(piece, last=last)
        self._kept = np.concatenate((self._kept, piece))
        waiting = np.concatenate((self._unframed, piece))
        whole = len(waiting) // FRAME * FRAME
        self._unframed = waiting[whole:]
        fresh = waiting[:whole]
        if last and len(self._unframed):
            tail = np.pad(self._unframed, (0, FRAME - len(self._unframed)))
            fresh = np.concatenate((fresh, tail))
        self.frames = np.concatenate((self.frames, self._follower.follow(fresh)))

    def window(self, segment: Segment) -> dict[str, np.ndarray]:
        """A segment as the acoustic model's inputs."""
        first = self._kept_start
        shifted = Segment(segment.start - first, min(segment.end - first, len(self._kept)))
        rows, lengths = batch(self._kept, [shifted])
        return {"windows": rows, "lengths": lengths}

    def forget(self) -> None:
        """Drops sound that no segment will need."""
        opened = self.segmenter.open_start
        padding = int(self.segmenter.rules.padding * RATE) + 2 * FRAME
        needed = self.samples - padding if opened is None else opened
        if needed > self._kept_start:
            self._kept = self._kept[needed - self._kept_start :].copy()
            self._kept_start = needed


def prepare(
    folder: Path, parameters: Mapping[str, str], call: Call
) -> Callable[[Mapping[str, Any]], dict[str, np.ndarray]]:
    """The stage; its parameters are those of :class:`reader.Reader`."""
    reader = Reader(folder, parameters)

    def run(inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        state: dict[str, Any] = inputs["state"]
        given = inputs.get("sample_rate")
        if inputs["start"]:
            state["stream"] = Stream(
                RATE if given is None else checked_rate(given), reader.search(inputs)
            )
        stream: Stream = state["stream"]
        if given is not None and checked_rate(given) != stream.rate:
            raise InvalidArgument(
                f"the stream began with {stream.rate} Hz; found a piece of {checked_rate(given)} "
                "Hz. Begin another sequence for another rate"
            )
        if "samples" not in inputs:
            raise InvalidArgument(
                "send 'samples', the stream's next piece, which may be of length 0"
            )
        if ("beam" in inputs or "word_list" in inputs) and reader.search(inputs) != stream.search:
            raise InvalidArgument(
                "'beam' and 'word_list' hold for a whole stream and belong to its first piece; "
                "found others in a later one. Begin another sequence for others"
            )
        piece = checked_samples(inputs["samples"])
        if len(piece) > LONGEST_PIECE * stream.rate:
            raise InvalidArgument(
                f"a piece lasts at most {LONGEST_PIECE:g} s, found "
                f"{len(piece) / stream.rate:.1f} s; send it in several"
            )
        stream.take(piece, last=bool(inputs["end"]))
        _listen(stream, bool(inputs["end"]), call)
        return _answer(stream, bool(inputs["end"]), reader, call)

    return run


def _listen(stream: Stream, last: bool, call: Call) -> None:
    """Finds the segments that ended with what was taken."""
    if len(stream.frames):
        request = {"waveform": stream.frames, "context": stream.context, "state": stream.state}
        (heard,) = call(DETECT, [request])
        stream.context, stream.state = heard["next_context"], heard["next_state"]
        stream.frames = stream.frames[:0]
        stream.ended += stream.segmenter.push(heard["speech"])
    if last:
        stream.ended += stream.segmenter.finish(stream.samples)


def _answer(stream: Stream, last: bool, reader: Reader, call: Call) -> dict[str, np.ndarray]:
    opened = None if last else stream.segmenter.open_start
    ended = stream.ended
    windows = [stream.window(segment) for segment in ended]
    fresh = opened is not None and (
        bool(ended) or stream.samples - stream.partial_at >= PARTIAL_INTERVAL * RATE
    )
    if fresh and opened is not None:
        windows.append(stream.window(Segment(opened, stream.samples)))
    read = [
        reader.words(answer["log_probs"][0, : int(answer["steps"][0])], stream.search)
        for answer in (call(TRANSCRIBE, windows) if windows else [])
    ]
    stream.ended = []
    if fresh:
        stream.partial, stream.partial_at = read.pop(), stream.samples
    elif opened is None:
        stream.partial = []
    found = [
        (segment.start / RATE, segment.end / RATE, words)
        for segment, words in zip(ended, read, strict=True)
        if words
    ]
    outputs = tensors(found, reader.timing)
    del outputs["text"]
    heard = " ".join(word.text for word in stream.partial)
    stream.forget()
    return outputs | {
        "partial": np.array([heard.encode()] if heard else [], np.object_),
        "partial_start": np.array(
            [opened / RATE] if heard and opened is not None else [], np.float32
        ),
    }
