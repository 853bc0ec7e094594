"""How the speech pipelines are asked, measured and sized. It imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from clients.cli.asr import asr
from clients.examples import TALK, TALK_TEXT
from repository.usage import ClientOption, Command, Inputs, Largest, Question, Texts, Usage

if TYPE_CHECKING:
    from repository.arrays import Arrays

_HERE = Path(__file__).parent
_SOUNDS: tuple[Inputs, ...] = (
    {"audio": TALK},
    {"audio": _HERE / "requests" / "command.flac"},
    {"audio": _HERE / "requests" / "order.flac"},
)
"""A talk of 19 s with pauses; two commands of two to three seconds."""


def _sound() -> Arrays:
    from builders.asr.largest import sound

    return sound()


def _piece() -> Arrays:
    from builders.asr.largest import piece

    return piece()


def _segments(outputs: Arrays) -> str:
    """The segments, each with its start and end in seconds."""
    return "\n".join(
        f"{start:7.2f} {end:7.2f}  {text.decode('utf-8')}"
        for text, (start, end) in zip(
            outputs["segment_text"].tolist(), outputs["segments"].tolist(), strict=True
        )
    )


_BEAM = (
    ClientOption("beam", "Search with a beam this wide; 1 is greedy, and quickest."),
    ClientOption("word_list", "Read no words but these."),
)
_SOUND = Largest(words="5 minutes of speech, a WAV file", inputs=_sound)

USAGE: Mapping[str, Usage] = {
    "asr": Usage(
        words="Read speech: its segments with their times.",
        question=Question(inputs={"audio": TALK}, answer={"segment_text": Texts(TALK_TEXT)}),
        requests=_SOUNDS,
        largest=_SOUND,
        file="audio",
        options=_BEAM,
        show=_segments,
        command=Command(
            run=asr,
            examples="`python -m clients asr talk.wav` · `python -m clients asr talk.wav --srt` · "
            "`python -m clients asr --microphone` · "
            "`ffmpeg -i film.mp4 -f s16le -ar 16000 -ac 1 - | python -m clients asr -`",
        ),
    ),
    "asr_stream": Usage(
        words="Read live speech, piece by piece: `python -m clients asr --live` asks it.",
        largest=Largest(words="a piece of 30 seconds of speech", inputs=_piece),
    ),
    "asr_whisper": Usage(
        words="Read or translate speech by Whisper: its segments with their times.",
        requests=_SOUNDS,
        largest=_SOUND,
        file="audio",
        options=(
            ClientOption("language", "The language spoken, as en."),
            ClientOption("task", "transcribe or translate."),
        ),
        show=_segments,
    ),
}
