"""The sounds that are shipped: a fixed evaluation set, and examples to send to a server."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile

from training.asr.publish import evaluation
from training.asr.sound import augment, speech
from training.asr.sound.voices import Speaker
from training.asr.text import grammar
from training.errors import TrainingError

UTTERANCES = 60
TALK = (
    "turn on the light in the garage",
    "set the temperature to nineteen degrees",
    "transfer forty two dollars to account b seven on march third",
    "play the next song",
    "send the report to l e e today",
)
"""Sentences that the split keeps from training."""

_SPEAKER = Speaker("gmw/en-US+f5", 142, 45, 50)
_OTHER = Speaker("gmw/en-GB-scotland+m3", 170, 50, 60)
_COMPRESSION = 0.9
"""Of libsndfile, 0 to 1: Vorbis at some 27 kbit/s."""


def write_evaluation(folder: Path, seed: int) -> None:
    """``clean-00.ogg``, ``noisy-00.ogg`` … and ``transcripts.json``.

    The files hold Vorbis at 16 kHz, mono. Another run writes the same sound; an Ogg stream's serial
    number differs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    listed = []
    for index in range(UTTERANCES):
        made = evaluation.make(seed, index)
        entry: dict[str, str | int | float] = {"text": made.text}
        for kind, wave in (("clean", made.clean), ("noisy", made.noisy)):
            entry[kind] = f"{kind}-{index:02d}.ogg"
            soundfile.write(
                folder / f"{kind}-{index:02d}.ogg",
                wave,
                augment.RATE,
                format="OGG",
                subtype="VORBIS",
                compression_level=_COMPRESSION,
            )
        listed.append(
            entry
            | {
                "voice": made.speaker.voice,
                "words_per_minute": made.speaker.speed,
                "noise": made.noise,
                "noise_db": evaluation.NOISE_DB,
                "seconds": round(len(made.clean) / augment.RATE, 2),
            }
        )
    document = {"seed": seed, "utterances": listed}
    (folder / "transcripts.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def write_examples(folder: Path) -> None:
    """``talk.wav`` and one sentence each in other forms, a transcript of the same name beside it.

    Raises:
        TrainingError: a sentence that training may have used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "talk.wav", talk(), augment.RATE, TALK)
    stereo = _recorded(_OTHER, TALK[2], 44_100)
    panned = np.stack([stereo, np.roll(stereo, 12) * np.float32(0.6)], axis=1)
    _write(folder / "talk-44100-stereo.flac", panned, 44_100, TALK[2:3])
    _write(folder / "talk-8000.wav", _recorded(_OTHER, TALK[1], 8_000), 8_000, TALK[1:2])
    _write(folder / "talk-22050.mp3", _recorded(_SPEAKER, TALK[4], 22_050), 22_050, TALK[4:5])


def talk() -> augment.Wave:
    """FP32 [samples] at 16 kHz: the sentences of :data:`TALK`, a second or so between two.

    A faint hiss lies under it all, as in a room with nobody speaking.
    """
    parts = [np.zeros(augment.RATE // 2, np.float32)]
    for number, sentence in enumerate(TALK):
        parts.append(_recorded(_SPEAKER, sentence, augment.RATE))
        parts.append(np.zeros(augment.RATE * (9 + 2 * (number % 3)) // 10, np.float32))
    wave = np.concatenate(parts)
    hiss = augment.noise(np.random.default_rng(1), len(wave), "pink")
    return np.asarray(wave + np.float32(0.001) * hiss, np.float32)


def _recorded(speaker: Speaker, sentence: str, rate: int) -> augment.Wave:
    if grammar.split_of(sentence) != "evaluation":
        raise TrainingError(
            f"'{sentence}': expected a sentence that is kept from training, found another. Take "
            "one of those."
        )
    sound, native = speech.speak(sentence, speaker)
    wave = scipy.signal.resample_poly(sound.astype(np.float64), rate, native)
    return np.asarray(0.6 * wave / np.abs(wave).max(), np.float32)


def _write(path: Path, wave: augment.Wave, rate: int, sentences: tuple[str, ...]) -> None:
    soundfile.write(path, wave, rate)
    path.with_suffix(".txt").write_text("\n".join(sentences) + "\n", "utf-8")
