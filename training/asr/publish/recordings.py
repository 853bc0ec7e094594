"""What recordings of other kinds cost the demo recogniser: words, and the model card's table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from builders.asr.metric import FOLDER as EVALUATION
from builders.asr.metric import TRANSCRIPTS, normalised
from runtime.inprocess import InProcess
from training.asr.degrade import CONVERSIONS, LOSSES, file
from training.asr.publish.card import card

Read = Callable[[bytes], str]


def reader(repository: Path) -> Read:
    """Reads a sound file's text by the pipeline ``asr`` of a built repository."""
    pipeline = InProcess(repository)

    def read(audio: bytes) -> str:
        answer = pipeline.run("asr", {"audio": np.frombuffer(audio, np.uint8)})
        return " ".join(bytes(text).decode() for text in answer["text"])

    return read


def errors(read: Read, made: Callable[[Any], bytes]) -> tuple[int, int]:
    """Words read wrongly in the evaluation's clean sentences made so, and all of their words."""
    import jiwer

    said, found = [], []
    for each in json.loads(TRANSCRIPTS.read_text("utf-8"))["utterances"]:
        sound, rate = soundfile.read(EVALUATION / each["clean"], dtype="float32")
        assert rate == 16_000
        said.append(normalised(each["text"]))
        found.append(normalised(read(made(sound))))
    counted = jiwer.process_words(said, found)
    wrong = counted.substitutions + counted.deletions + counted.insertions
    return wrong, sum(len(text.split()) for text in said)


def measured(read: Read) -> Iterator[tuple[str, int, int]]:
    """The name, the wrong words and all words of each kind of recording; "as it is" first."""
    kinds: Mapping[str, Callable[[Any], bytes]] = {"as it is": file, **CONVERSIONS, **LOSSES}
    for name, made in kinds.items():
        yield (name, *errors(read, made))


def write(repository: Path, folder: Path) -> None:
    """Measure all kinds, and write them into a checkpoint's ``training.json`` and model card.

    Args:
        repository: built from the checkpoint.
        folder: the checkpoint.
    """
    from training.asr.publish.checkpoint import sums

    described = json.loads((folder / "training.json").read_text("utf-8"))
    table = {}
    for name, wrong, words in measured(reader(repository)):
        print(f"{name}: {wrong} of {words}", flush=True)
        table[name] = {"wrong": wrong, "words": words}
    described["recordings"] = table
    (folder / "training.json").write_text(json.dumps(described, indent=1) + "\n", "utf-8")
    (folder / "README.md").write_text(card(described), "utf-8")
    sums(folder)
