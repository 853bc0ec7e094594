"""The largest requests that a server is sized for."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from itertools import cycle

import numpy as np
import numpy.typing as npt

from builders.asr.metric import FOLDER, TRANSCRIPTS
from builders.stages.decode_audio import MAXIMUM_SECONDS, RATE
from repository.arrays import Arrays

PIECE_SECONDS = 30.0
"""The longest piece of a stream: ``LONGEST_PIECE`` of the stage."""


def speech(seconds: float) -> npt.NDArray[np.float32]:
    """The evaluation's sentences one after the other, with pauses, FP32 [samples] at 16 kHz."""
    import soundfile

    def sentences() -> Iterator[npt.NDArray[np.float32]]:
        for each in json.loads(TRANSCRIPTS.read_text("utf-8"))["utterances"]:
            said, _ = soundfile.read(FOLDER / each["clean"], dtype="float32")
            yield np.concatenate((said, np.zeros(RATE // 2, np.float32)))

    wanted = round(seconds * RATE)
    made: list[npt.NDArray[np.float32]] = []
    for sentence in cycle(list(sentences())):
        made.append(sentence)
        wanted -= len(sentence)
        if wanted <= 0:
            break
    return np.concatenate(made)[: round(seconds * RATE)]


def sound() -> Arrays:
    """A file that is as long as one request may be."""
    import soundfile

    held = io.BytesIO()
    soundfile.write(held, speech(MAXIMUM_SECONDS), RATE, format="WAV", subtype="PCM_16")
    return {"audio": np.frombuffer(held.getvalue(), np.uint8)}


def piece() -> Arrays:
    """The longest piece of a stream, which is the whole stream."""
    return {
        "samples": speech(PIECE_SECONDS),
        "start": np.array(True),
        "end": np.array(True),
        "correlation": np.array(1),
    }
