"""``POST /v1/audio/transcriptions``: what was said in a sound."""

from __future__ import annotations

import asyncio
import io
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from openai.types.audio import (
    Transcription,
    TranscriptionSegment,
    TranscriptionVerbose,
    TranscriptionWord,
)
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from clients.asr.captions import srt, vtt
from clients.asr.client import Segment, segments_of
from clients.sound_file.sound_reader import Sound, Unreadable
from gateway.asking.fields import Fields
from gateway.asking.form import read_form
from gateway.errors import invalid, unsupported
from gateway.front import front_of
from gateway.triton.catalogue import Use
from repository.arrays import Array

FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
IGNORED = ("user",)
REFUSED: Mapping[str, tuple[tuple[Any, ...], str]] = {
    "prompt": (("",), "pipelines take no text before the sound"),
    "temperature": ((0,), "transcripts are not sampled"),
    "stream": ((False,), "transcripts come whole"),
    "include": (([],), "pipelines give no probabilities of tokens"),
    "chunking_strategy": (("auto",), "pipelines cut a sound where nobody speaks"),
    "known_speaker_names": (([],), "speakers are not told apart"),
    "known_speaker_references": (([],), "speakers are not told apart"),
    "keywords": (([],), "pipelines take no keywords"),
    "languages": (([],), "'language' names one"),
}
"""What is refused -> values that change nothing, and why others are refused."""

_GRANULARITIES = ("word", "segment")


async def transcriptions(request: Request) -> Response:
    """Reads a sound file, in a form.

    Raises:
        ApiError: the request is not as it should be, or gets no answer.
    """
    front = front_of(request)
    lists = ("timestamp_granularities", "include", "keywords", "languages")
    speakers = ("known_speaker_names", "known_speaker_references")
    form = await read_form(request, typed=("temperature", "stream"), lists=(*lists, *speakers))
    fields = form.fields
    name = fields.needed("model", fields.text("model"))
    how = fields.word("response_format", FORMATS) or "json"
    language = fields.text("language")
    times = _times(fields, how)
    fields.refuse(REFUSED)
    fields.ignore(*IGNORED)
    fields.end()
    model = await front.catalogue.model(name, Use.SPEECH)
    inputs: dict[str, Array] = {"audio": np.frombuffer(form.file, np.uint8)}
    if language:
        if "language" not in model.inputs:
            told = f"'language' is not supported: the model '{model.name}' knows one language"
            raise unsupported("language", told)
        inputs["language"] = np.array([language.encode()], np.object_)
    answer = await front.triton.infer(model.name, inputs)
    segments = segments_of(answer, model.name)
    if how in ("srt", "vtt"):
        return PlainTextResponse("\n".join((srt if how == "srt" else vtt)(segments)))
    text = " ".join(each.text for each in segments)
    if how == "text":
        return PlainTextResponse(text + "\n")
    told_: Transcription | TranscriptionVerbose = Transcription(text=text)
    if how == "verbose_json":
        seconds = await asyncio.to_thread(_seconds, form.file, segments)
        told_ = _verbose(text, segments, seconds, language or "unknown", times)
    content = told_.model_dump_json(exclude_unset=True)
    return Response(content, media_type="application/json")


def _times(fields: Fields, how: str) -> Sequence[str]:
    """Of what times are told: of segments, if nothing is said."""
    given = fields.items("timestamp_granularities")
    if given is None:
        return ("segment",)
    if how != "verbose_json":
        told = "'timestamp_granularities' goes with the response_format 'verbose_json'"
        raise invalid(told, "timestamp_granularities")
    if any(each not in _GRANULARITIES for each in given):
        told = "'timestamp_granularities' has to be 'word' or 'segment'"
        raise invalid(told, "timestamp_granularities")
    return given


def _verbose(
    text: str, segments: Sequence[Segment], seconds: float, language: str, times: Sequence[str]
) -> TranscriptionVerbose:
    made = TranscriptionVerbose(
        duration=round(seconds, 3), language=language, text=text, usage=None
    )
    if "segment" in times:
        made.segments = [_segment(number, each) for number, each in enumerate(segments)]
    if "word" in times:
        made.words = [
            TranscriptionWord(word=each.text, start=round(each.start, 3), end=round(each.end, 3))
            for segment in segments
            for each in segment.words
        ]
    return made


def _segment(number: int, segment: Segment) -> TranscriptionSegment:
    """A segment; what a pipeline does not give has the value of a sure one."""
    said = segment.text.encode()
    return TranscriptionSegment(
        id=number,
        seek=0,
        start=round(segment.start, 3),
        end=round(segment.end, 3),
        text=segment.text,
        tokens=[],
        temperature=0.0,
        avg_logprob=round(math.log(max(segment.score, 1e-9)), 4),
        compression_ratio=round(len(said) / len(zlib.compress(said)), 4),
        no_speech_prob=0.0,
    )


def _seconds(file: bytes, segments: Sequence[Segment]) -> float:
    """How long a sound lasts: by its head, or to the last word where that does not say."""
    last = max((each.end for each in segments), default=0.0)
    try:
        with Sound(io.BytesIO(file), "the file is") as sound:
            return last if sound.frames is None else sound.frames / sound.rate
    except Unreadable:
        return last
