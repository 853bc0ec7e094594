"""Speech from text: libespeak-ng of the ``espeakng-loader`` package, through ctypes.

The library keeps state from one sentence to the next, and seeds its breath noise from the clock.
Each sentence is therefore spoken by a freshly loaded library with a set seed, which takes less than
five milliseconds and makes the sound a function of its arguments.
"""

from __future__ import annotations

import _ctypes
import ctypes
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.asr.voices import Speaker

_SYNCHRONOUS = 2
_SPEED, _PITCH, _INFLECTION = 1, 3, 4
_UTF8_AND_PHONEMES = 1 | 0x100
"""Values of espeak-ng's speak_lib.h: AUDIO_OUTPUT_SYNCHRONOUS, espeak_PARAMETER, espeakCHARS_UTF8
and espeakPHONEMES (which lets ``[[…]]`` name phonemes)."""

_SEED = 1
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)

SPELLING = {"a": "[['eI]]"}
"""The letter's name, where espeak-ng would read the article."""


class SynthesisError(RuntimeError):
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


def speak(sentence: str, speaker: Speaker) -> tuple[NDArray[np.int16], int]:
    """The sentence as the speaker says it.

    Args:
        sentence: words of the vocabulary; a comma after a word makes a pause.
        speaker: voice, speed and pitch.

    Returns:
        samples [samples] and their rate in Hz.

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
        sound = np.frombuffer(_spoken(library, sentence, speaker), np.int16)
        library.espeak_Terminate()
    finally:
        _ctypes.dlclose(library._handle)
    if not sound.size:
        raise SynthesisError(f"'{sentence}' by {speaker.voice}: expected sound, found none.")
    return sound, rate


def _package() -> Any:
    try:
        import espeakng_loader
    except ImportError as error:
        raise SynthesisError(
            "Speech is synthesised by espeak-ng: expected the package espeakng-loader, found none. "
            "Install it with pip install -c constraints.txt -e '.[training]'."
        ) from error
    return espeakng_loader


def _spoken(library: ctypes.CDLL, sentence: str, speaker: Speaker) -> bytes:
    """16-bit samples; none where the library refuses the voice."""
    parts: list[bytes] = []

    def take(samples: object, count: int, _: object) -> int:
        if count > 0:
            parts.append(ctypes.string_at(samples, 2 * count))  # type: ignore[arg-type]
        return 0

    if library.espeak_SetVoiceByName(speaker.voice.encode()):
        return b""
    for parameter, value in (
        (_SPEED, speaker.speed),
        (_PITCH, speaker.pitch),
        (_INFLECTION, speaker.inflection),
    ):
        library.espeak_SetParameter(parameter, value, 0)
    callback = _CALLBACK(take)
    library.espeak_SetSynthCallback(callback)
    spelled = " ".join(_spell(word) for word in sentence.split(" ")).encode()
    library.espeak_Synth(spelled, len(spelled) + 1, 0, 1, 0, _UTF8_AND_PHONEMES, None, None)
    library.espeak_Synchronize()
    return b"".join(parts)


def _spell(word: str) -> str:
    bare = word.rstrip(",")
    return SPELLING.get(bare, bare) + word[len(bare) :]
