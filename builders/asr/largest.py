"""The largest requests that a server is sized for."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from itertools import cycle

import numpy as np
import numpy.typing as npt

from builders.asr.metric import FOLDER, TRANSCRIPTS
from builders.kit.family import Largest
from builders.stages.decode_audio import MAXIMUM_SECONDS, RATE
from repository.arrays import Arrays

PIECE_SECONDS = 30.0
"""The longest piece of a stream: ``LONGEST_PIECE`` of the stage."""


def speech(seconds: float) -> npt.NDArray[np.float32]:
    """The evaluation's sentences one after the other, with pauses, FP32 [samples] at 16 kHz."""
    import soundfile

    def sentences() -> Iterator[npt.NDArray[np.float32]]:
        for each in json.loads(TRANSCRIPTS.read_text("utf-8"))["utterances"]:
            sound, _ = soundfile.read(FOLDER / each["clean"], dtype="float32")
            yield np.concatenate((sound, np.zeros(RATE // 2, np.float32)))

    wanted = round(seconds * RATE)
    made: list[npt.NDArray[np.float32]] = []
    for sentence in cycle(list(sentences())):
        made.append(sentence)
        wanted -= len(sentence)
        if wanted <= 0:
            break
    return np.concatenate(made)[: round(seconds * RATE)]


def _file() -> Arrays:
    import soundfile

    held = io.BytesIO()
    soundfile.write(held, speech(MAXIMUM_SECONDS), RATE, format="WAV", subtype="PCM_16")
    return {"audio": np.frombuffer(held.getvalue(), np.uint8)}


def _piece() -> Arrays:
    return {
        "samples": speech(PIECE_SECONDS),
        "start": np.array(True),
        "end": np.array(True),
        "correlation": np.array(1),
    }


SOUND = Largest(words=f"{MAXIMUM_SECONDS / 60:g} minutes of speech, a WAV file", inputs=_file)
PIECE = Largest(words=f"a piece of {PIECE_SECONDS:g} seconds of speech", inputs=_piece)
