"""Speech from text: libespeak-ng of the ``espeakng-loader`` package, through ctypes.

The library keeps state from one sentence to the next, and seeds its breath noise from the clock.
Each sentence is therefore spoken by a freshly loaded library with a set seed, which takes less than
five milliseconds and makes the sound a function of its arguments.
"""

from __future__ import annotations

import _ctypes
import ctypes
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.asr.sound.voices import Speaker
from training.errors import TrainingError

_SYNCHRONOUS = 2
_SPEED, _PITCH, _INFLECTION = 1, 3, 4
_UTF8_AND_PHONEMES = 1 | 0x100
"""Values of espeak-ng's speak_lib.h: AUDIO_OUTPUT_SYNCHRONOUS, espeak_PARAMETER, espeakCHARS_UTF8
and espeakPHONEMES (which lets ``[[…]]`` name phonemes)."""

_SEED = 1
_WORD = 1
"""espeakEVENT_WORD."""


class _Event(ctypes.Structure):
    """espeak_EVENT; a list of them ends with one of type 0."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("milliseconds", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("detail", ctypes.c_int64),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))

SPELLING = {"a": "[['eI]]"}
"""The letter's name, where espeak-ng would read the article."""


class SynthesisError(TrainingError):
    """espeak-ng is not there, or refused what it was asked to say."""


def data_folder() -> Path:
    """Where espeak-ng's voices and dictionaries are.

    Raises:
        SynthesisError: the package is not installed.
    """
    return Path(_package().get_data_path())


def version() -> str:
    """The library's own version, as ``1.52.0``."""
    library = ctypes.CDLL(_package().get_library_path())
    library.espeak_Info.restype = ctypes.c_char_p
    return str(library.espeak_Info(None).decode())


@dataclass(frozen=True)
class Spoken:
    """A sentence's sound.

    Attributes:
        sound: INT16 [samples].
        rate: Hz.
        starts: each word's first sample, or -1 where espeak-ng runs it together with the last.
    """

    sound: NDArray[np.int16]
    rate: int
    starts: tuple[int, ...]


def speak(sentence: str, speaker: Speaker) -> tuple[NDArray[np.int16], int]:
    """:func:`say` without the words' places: samples [samples] and their rate in Hz."""
    said = say(sentence, speaker)
    return said.sound, said.rate


def say(sentence: str, speaker: Speaker) -> Spoken:
    """The sentence as the speaker says it.

    Args:
        sentence: words of the vocabulary; a comma after a word makes a pause.
        speaker: voice, speed and pitch.

    Raises:
        SynthesisError: no library, an unknown voice, or a sentence that gives no sound.
    """
    variant = speaker.voice.partition("+")[2]
    if variant and not (data_folder() / "voices" / "!v" / variant).is_file():
        raise SynthesisError(f"voice {speaker.voice}: expected a variant of espeak-ng.")
    library = ctypes.CDLL(_package().get_library_path())
    try:
        rate = library.espeak_Initialize(_SYNCHRONOUS, 0, str(data_folder().parent).encode(), 0)
        if rate <= 0:
            raise SynthesisError(f"{data_folder()}: expected espeak-ng's data, found none to read.")
        library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
        sound, starts = _spoken(library, sentence, speaker)
        library.espeak_Terminate()
    finally:
        _ctypes.dlclose(library._handle)
    if not sound.size:
        raise SynthesisError(f"'{sentence}' by {speaker.voice}: expected sound, found none.")
    return Spoken(sound, rate, starts)


def _package() -> Any:
    try:
        import espeakng_loader
    except ImportError as error:
        raise SynthesisError(
            "Speech is synthesised by espeak-ng: expected the package espeakng-loader, found none. "
            "Install it with pip install -c constraints.txt -e '.[training]'."
        ) from error
    return espeakng_loader


def _spoken(
    library: ctypes.CDLL, sentence: str, speaker: Speaker
) -> tuple[NDArray[np.int16], tuple[int, ...]]:
    """Samples and the words' starts; none if the library refuses the voice."""
    parts: list[bytes] = []
    found: dict[int, int] = {}

    def take(samples: int | None, count: int, events: Any) -> int:
        if samples and count > 0:
            parts.append(ctypes.string_at(samples, 2 * count))
        for event in itertools.takewhile(lambda event: event.type, events):
            if event.type == _WORD:
                found.setdefault(event.text_position - 1, event.sample)
        return 0

    if library.espeak_SetVoiceByName(speaker.voice.encode()):
        return np.zeros(0, np.int16), ()
    for parameter, value in (
        (_SPEED, speaker.speed),
        (_PITCH, speaker.pitch),
        (_INFLECTION, speaker.inflection),
    ):
        library.espeak_SetParameter(parameter, value, 0)
    callback = _CALLBACK(take)
    library.espeak_SetSynthCallback(callback)
    words = [_spell(word) for word in sentence.split(" ")]
    spelled = " ".join(words).encode()
    library.espeak_Synth(spelled, len(spelled) + 1, 0, 1, 0, _UTF8_AND_PHONEMES, None, None)
    library.espeak_Synchronize()
    places = itertools.accumulate((len(word) + 1 for word in words), initial=0)
    starts = (
        next((found[at] for at in range(place, place + len(word)) if at in found), -1)
        for place, word in zip(places, words, strict=False)
    )
    return np.frombuffer(b"".join(parts), np.int16), tuple(starts)


def _spell(word: str) -> str:
    bare = word.rstrip(",")
    return SPELLING.get(bare, bare) + word[len(bare) :]
