"""The training speech, as log-mel features on disk: a function of the seed and the item's number.

Items are made in chunks, each a file of its own, so that a run that was cut off goes on.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.asr.sound import augment, speech, voices
from training.asr.sound.features import log_mel
from training.asr.text import grammar
from training.asr.workers import pool
from training.errors import TrainingError

CHUNK = 500
"""Items in a file."""

SHARES = {"sentence": 0.86, "joined": 0.11, "nothing": 0.03}
"""Of the items: one sentence; several with pauses, up to some 25 s; silence or noise, no text."""


@dataclass(frozen=True)
class Item:
    """One recording.

    Attributes:
        features: FP16 [frames, 80], normalised as the checkpoint's feature extractor does it.
        text: what is said; empty for nothing.
    """

    features: NDArray[np.float16]
    text: str


@dataclass(frozen=True)
class Script:
    """What is said in a recording, before anything is done to it.

    Attributes:
        spoken: the sentences as synthesised.
        silences: samples at 16 kHz before, between and after them.
        tempo: how much faster, and higher, they are played.
        text: all of it.
        rng: as it stands after these choices.
    """

    spoken: list[speech.Spoken]
    silences: list[int]
    tempo: float
    text: str
    rng: np.random.Generator


def make(seed: int, index: int) -> Item:
    """Item ``index`` of the corpus of ``seed``, whatever was made before it."""
    script = write_script(seed, index)
    if not script.spoken:
        return Item(log_mel(_nothing(script.rng, _babble(seed))), "")
    waves = [np.zeros(script.silences[0], np.float32)]
    for said, silence in zip(script.spoken, script.silences[1:], strict=True):
        waves.append(augment.resample(said.sound, said.rate * script.tempo))
        waves.append(np.zeros(silence, np.float32))
    wave = augment.distort(script.rng, np.concatenate(waves), _babble(seed))
    return Item(log_mel(wave), script.text)


def write_script(seed: int, index: int) -> Script:
    """What is said in item ``index``."""
    rng = np.random.default_rng([seed, index])
    kind = rng.choice(list(SHARES), p=list(SHARES.values()))
    if kind == "nothing":
        return Script([], [], 1.0, "", rng)
    variants = voices.trained_variants(speech.data_folder())
    speaker = voices.draw(rng, variants, split="training")
    tempo = rng.uniform(0.94, 1.06)
    until = rng.uniform(8, 22) if kind == "joined" else 0.0
    texts, spoken, silences = [], [], [augment.pause(rng, 0.6)]
    length = silences[0]
    while True:
        text = grammar.sentence(rng, "training")
        said = speech.say(punctuated(rng, text), speaker)
        silences.append(augment.pause(rng, 0.8))
        spoken.append(said)
        texts.append(text)
        length += augment.length_at(said.sound, said.rate * tempo) + silences[-1]
        if length >= until * augment.RATE:
            return Script(spoken, silences, tempo, " ".join(texts), rng)


def punctuated(rng: np.random.Generator, text: str) -> str:
    """With a comma after some words in one sentence of three, so that the voice pauses there."""
    if rng.random() < 0.65:
        return text
    return " ".join(word + ("," if rng.random() < 0.2 else "") for word in text.split())


def write(folder: Path, *, seed: int, count: int, workers: int) -> None:
    """Make the items that the folder lacks.

    Args:
        folder: gets ``features-0000.npy`` (FP16 [frames, 80], the items end to end) and
            ``items-0000.json`` for every :data:`CHUNK` items.
        seed: of all of it.
        count: how many items, a multiple of :data:`CHUNK`.
        workers: processes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [n for n in range(count // CHUNK) if not (folder / f"items-{n:04d}.json").is_file()]
    with pool(workers) as shared:
        chunks = shared.map(_write_chunk, [folder] * len(missing), [seed] * len(missing), missing)
        for number in chunks:
            print(f"chunk {number}: {(number + 1) * CHUNK} of {count} items", flush=True)


def wait_for(file: Path, *, seconds: float = 600) -> None:
    """Return once a chunk's file is there, so that training may begin while the rest is being made.

    Raises:
        TrainingError: it is not there after so many seconds.
    """
    until = time.monotonic() + seconds
    while not file.is_file():
        if time.monotonic() > until:
            raise TrainingError(
                f"{file}: expected a chunk of the corpus, found none in {seconds:.0f} s. "
                "Make it with python -m training.asr corpus."
            )
        time.sleep(1)


def _write_chunk(folder: Path, seed: int, number: int) -> int:
    items = [make(seed, number * CHUNK + k) for k in range(CHUNK)]
    np.save(folder / f"features-{number:04d}.npy", np.concatenate([i.features for i in items]))
    listed = [{"frames": len(item.features), "text": item.text} for item in items]
    part = folder / f"items-{number:04d}.json.part"
    part.write_text(json.dumps(listed), "utf-8")
    part.replace(part.with_suffix(""))
    return number


@cache
def _babble(seed: int) -> tuple[augment.Wave, ...]:
    """Forty utterances of training voices, for the background."""
    rng = np.random.default_rng([seed, 2**31])
    variants = voices.trained_variants(speech.data_folder())
    waves = []
    for _ in range(40):
        speaker = voices.draw(rng, variants, split="training")
        sound, rate = speech.speak(grammar.sentence(rng, "training"), speaker)
        waves.append(augment.resample(sound, rate))
    return tuple(waves)


def _nothing(rng: np.random.Generator, babble: tuple[augment.Wave, ...]) -> augment.Wave:
    """Digital silence, or faint to loud noise: half a second to eight."""
    length = int(rng.uniform(0.5, 8) * augment.RATE)
    if rng.random() < 0.15:
        return np.zeros(length, np.float32)
    kind = rng.choice(["white", "pink", "brown", "hum"])
    wave = augment.noise(rng, length, str(kind), babble)
    return np.asarray(wave * np.float32(10 ** rng.uniform(-4, -1)), np.float32)
