"""A recording of any length to text by Whisper, window after window.

``waveform`` FP32 [samples] at 16 kHz, ``speech`` FP32 [frames] (the voice activity detector's
probabilities), ``language`` and ``task`` BYTES [1] (both optional) -> ``text`` BYTES [-1] (one
element, none at silence), ``segments`` FP32 [-1, 2] in seconds, ``segment_text`` BYTES [-1],
``scores`` FP32 [-1], ``words`` BYTES [-1], ``word_times`` FP32 [-1, 2] in seconds, ``word_scores``
FP32 [-1]. A segment's words lie in it, and together are its text. A checkpoint without alignment
heads has no times of words: then there are none.

The sequential algorithm of transformers' ``WhisperForConditionalGeneration.generate`` with
``return_timestamps=True``, greedy: a window starts where the last complete segment of the one
before ended. If the detector hears nobody in a recording, the model does not get it: it would
invent words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from builders.kit.invalid_argument import InvalidArgument

from .whisper import (
    whisper_alignment,
    whisper_choices,
    whisper_segments,
    whisper_sound,
    whisper_tokens,
    whisper_words,
)

Arrays = Mapping[str, np.ndarray]
Call = Callable[[str, Sequence[Arrays]], "list[dict[str, np.ndarray]]"]

MODEL = "whisper"
SETTINGS = "whisper.json"
"""Beside the stage: what :func:`builders.asr.whisper.tokens.settings` wrote."""

SPEECH = 0.5
"""The probability from which a frame counts as speech: Silero's own default threshold."""

OWN = -100.0
"""``loudest`` of a recording that fits one window, whose own loudest value counts."""


def prepare(
    folder: Path, parameters: Mapping[str, str], call: Call
) -> Callable[[Arrays], dict[str, np.ndarray]]:
    """The stage; it reads the checkpoint's tokens, and has no parameters."""
    settings = whisper_tokens.read(folder / SETTINGS)

    def run(inputs: Arrays) -> dict[str, np.ndarray]:
        language = whisper_choices.language(inputs.get("language"), settings)
        task = whisper_choices.task(inputs.get("task"), settings)
        if not (np.isfinite(inputs["waveform"]).all() and np.isfinite(inputs["speech"]).all()):
            raise InvalidArgument(
                "expected a waveform and probabilities of speech of finite numbers, as "
                "decode_audio and detect_speech give them, found NaN or infinity"
            )
        heard = inputs["speech"].size and float(np.max(inputs["speech"])) >= SPEECH
        if not heard or not inputs["waveform"].size:
            return answer([], settings)
        return answer(transcribe(inputs["waveform"], language, task, settings, call), settings)

    return run


def transcribe(
    waveform: np.ndarray,
    language: int,
    task: int,
    settings: whisper_tokens.Settings,
    call: Call,
) -> list[whisper_segments.Segment]:
    """Every segment, with or without words, as ``generate`` has them.

    Args:
        waveform: FP32 [samples], at least one.
        language: its number; -1 is told from the first window, and holds for all.
        task: its number.
        settings: of the checkpoint.
        call: calls a model.
    """
    sound = whisper_sound.Sound(waveform, settings)
    found: list[whisper_segments.Segment] = []
    seek = 0
    while seek < sound.frames:
        count = min(settings.frames, sound.frames - seek)
        loudest = OWN if count == sound.frames else sound.loudest()
        (made,) = call(
            MODEL,
            [
                {
                    "windows": sound.window(seek, count)[None],
                    "frames": np.array([[count]], np.int32),
                    "loudest": np.array([[loudest]], np.float32),
                    "languages": np.array([[language]], np.int32),
                    "tasks": np.array([[task]], np.int32),
                    "time_stamps": np.array([[True]]),
                }
            ],
        )
        length = int(made["lengths"][0, 0])
        language = int(made["language"][0, 0])
        tokens, log_probs = made["tokens"][0, :length], made["log_probs"][0, :length]
        segments, step = whisper_segments.cut(tokens, log_probs, seek, count, settings)
        if settings.alignment_heads:
            # Where the decoder looked for the token after tells where a token ends.
            looked = made["attention"][0, 1 : length + 1]
            times = _times(looked, seek, min(count, sound.heard - seek), settings)
            spaced = _spaced(language, task, settings)
            segments = [_worded(each, log_probs, times, spaced, settings) for each in segments]
        found += segments
        seek += step
    return found


def _times(
    looked: np.ndarray, seek: int, reached: int, settings: whisper_tokens.Settings
) -> np.ndarray:
    """Each token's start and end in seconds of the recording, FP64 [tokens, 2]."""
    positions = max(reached // whisper_segments.STRIDE, 1)
    ends = whisper_alignment.token_ends(looked, positions, settings.median_filter_width)
    places = np.stack([np.pad(ends, (1, 0))[:-1], ends], axis=1)
    first = seek / whisper_segments.STRIDE
    return np.asarray((first + places) * whisper_segments.TIME_STAMP)


def _spaced(language: int, task: int, settings: whisper_tokens.Settings) -> bool:
    """Whether the text has spaces between its words: English does, which a translation is."""
    translated = task < len(settings.tasks) and settings.tasks[task] == "translate"
    spoken = settings.languages[language] if settings.languages else "en"
    return translated or spoken not in whisper_words.UNSPACED


def _worded(
    segment: whisper_segments.Segment,
    log_probs: np.ndarray,
    times: np.ndarray,
    spaced: bool,
    settings: whisper_tokens.Settings,
) -> whisper_segments.Segment:
    """The segment with its words."""
    own = slice(segment.first, segment.first + segment.tokens.size)
    within = (segment.start, segment.end)
    found = whisper_words.words(
        segment.tokens, log_probs[own], times[own], within, spaced, settings
    )
    return replace(segment, words=tuple(found))


def answer(
    segments: Sequence[whisper_segments.Segment], settings: whisper_tokens.Settings
) -> dict[str, np.ndarray]:
    """The outputs; segments without words are left out."""
    spoken = [(each, whisper_tokens.text(each.tokens, settings).strip()) for each in segments]
    spoken = [(each, said) for each, said in spoken if said]
    whole = whisper_tokens.text(
        np.concatenate([each.tokens for each in segments] or [np.zeros(0, np.int32)]), settings
    ).strip()
    words = [word for each, _ in spoken for word in each.words]
    return {
        "text": _texts([whole] if spoken else []),
        "segments": np.array([[s.start, s.end] for s, _ in spoken], np.float32).reshape(-1, 2),
        "segment_text": _texts([said for _, said in spoken]),
        "scores": np.array([each.score for each, _ in spoken], np.float32),
        "words": _texts([word.text for word in words]),
        "word_times": np.array([[w.start, w.end] for w in words], np.float32).reshape(-1, 2),
        "word_scores": np.array([word.score for word in words], np.float32),
    }


def _texts(texts: Sequence[str]) -> np.ndarray:
    return np.array([text.encode() for text in texts], np.object_)
