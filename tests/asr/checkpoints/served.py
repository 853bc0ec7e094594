"""A checkpoint as it is served, beside transformers' own answers to the same sounds."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from builders.asr.family import FAMILY, transcribe
from builders.asr.sound import RATE, speech_like
from builders.asr.stages import transcribe_long
from builders.asr.stages.reading.reader import DECODING, TOKENIZER, Reader
from builders.asr.stages.whisper import whisper_tokens
from builders.asr.supported import PARAKEET
from builders.asr.whisper.models import transcribe_long as long_form
from builders.asr.whisper.parity import OWN, WHISPER, _batch
from builders.kit.emit.config import configs_of
from builders.kit.emit.sizes import sized
from builders.kit.graph import Ensemble, Model, closure
from builders.kit.onnx import load_transformers
from builders.kit.recipe.profile import load_profile
from builders.kit.recipe.recipe import Recipe
from repository.errors import KitError
from repository.release import release
from runtime.inprocess import InProcess
from tests.asr.checkpoints.variants import Variant
from tests.builders.kit import repositories

SECONDS = (31.0, 47.3, 75.0)
"""Of the sounds: each is longer than a window of Whisper's."""

AT_ONCE = (3, 7.5, 11, 30, 2, 24.3, 9, 16)
"""Seconds of the eight sounds of one batch."""

SAME = 1e-3
"""How far log-probabilities may be from transformers' own: parity's bound for both."""

EXPORTS = {export.name: export for export in FAMILY.exports}


@dataclass(frozen=True)
class Outcome:
    """How a checkpoint's answers compare.

    Attributes:
        seconds: of the sounds beyond a window.
        tokens: words or tokens that transformers says of them and of the eight at once.
        kinds: of these, how many are unlike each other.
        different: of these, those that are not said here.
        largest: difference of a log-probability, over the eight at once and the long sounds.
    """

    seconds: Sequence[float]
    tokens: int
    kinds: int
    different: int
    largest: float

    @property
    def equal(self) -> bool:
        """Whether every token is transformers' own."""
        return self.kinds > 5 and self.different == 0 and self.largest <= SAME


@dataclass(frozen=True)
class Served:
    """A repository with what a checkpoint gives.

    Attributes:
        variant: the checkpoint's.
        checkpoint: its folder.
        repository: the models' folder.
        models: in it.
        files: by the export's name.
    """

    variant: Variant
    checkpoint: Path
    repository: Path
    models: Sequence[Model]
    files: Mapping[str, Path]


def build(variant: Variant, place: Path) -> Served:
    """Write the checkpoint, and make of it what a build would.

    Args:
        variant: the checkpoint's.
        place: an empty folder.
    """
    checkpoint = place / "checkpoint"
    variant.write(checkpoint)
    if variant.architecture is PARAKEET:
        names: tuple[str, ...] = ("acoustic", TOKENIZER, DECODING)
        pipeline: Model = transcribe
    else:
        names = ("whisper", "whisper.json")
        pipeline = Ensemble(
            name="speak", inputs=long_form.inputs, outputs=long_form.outputs, steps=long_form >> ()
        )
    files = {name: place / "exports" / name for name in names}
    (place / "exports").mkdir()
    for name in names:
        form = EXPORTS[name].form
        assert form is not None
        form(checkpoint)
        EXPORTS[name].make(checkpoint, files[name])
    models = closure((pipeline,))
    recipe = Recipe(
        profile=load_profile("demo"),
        release=release("24.10"),
        families={"asr": FAMILY},
        models=models,
        owners={model.name: ("asr",) for model in models},
        exports={f"asr/{name}": EXPORTS[name] for name in names},
        sources={},
        left_out=(),
    )
    paths = {f"asr/{name}": path for name, path in files.items()}
    configs = sized(recipe, configs_of(models), paths)
    repositories.write(place / "repository", models, files, configs)
    return Served(variant, checkpoint, place / "repository", models, files)


def judge(served: Served) -> Outcome:
    """Ask the models in this process and transformers the same, in long and eight at once."""
    torch.set_num_threads(2)
    process = InProcess(served.repository)
    of = _parakeet if served.variant.architecture is PARAKEET else _whisper
    return of(served, process)


def sound(seconds: float, seed: int = 0) -> np.ndarray:
    """FP32 [samples] at 16 kHz."""
    return speech_like(round(seconds * RATE), seed)


def _parakeet(served: Served, process: InProcess) -> Outcome:
    parity = EXPORTS["acoustic"].parity
    assert parity is not None
    reader = Reader(served.repository.parent / "exports", {"beam": "1"})
    batches = [[sound(each, seed)] for seed, each in enumerate(SECONDS)]
    batches.append([sound(each, seed) for seed, each in enumerate(AT_ONCE)])
    every: list[str] = []
    different = 0
    largest = 0.0
    for rows in batches:
        length = max(map(len, rows))
        inputs = {
            "windows": np.stack([np.pad(row, (0, length - len(row))) for row in rows]),
            "lengths": np.array([len(row) for row in rows], np.int32),
        }
        found = process.run("transcribe", inputs)
        wanted = parity.expected(served.checkpoint, inputs, {})
        assert found["steps"].tolist() == wanted["steps"].tolist()
        for row, steps in enumerate(wanted["steps"].tolist()):
            ours, theirs = (
                np.asarray(each["log_probs"][row, :steps], np.float32) for each in (found, wanted)
            )
            largest = max(largest, float(np.abs(ours - theirs).max()))
            said = [
                [word.text for word in reader.words(each, reader.search({}))]
                for each in (ours, theirs)
            ]
            every += said[1]
            different += sum(a != b for a, b in zip(*said, strict=False))
            different += abs(len(said[0]) - len(said[1]))
    return Outcome(SECONDS, len(every), len(set(every)), different, largest)


def _whisper(served: Served, process: InProcess) -> Outcome:
    settings = whisper_tokens.read(served.files["whisper.json"])

    def call(name: str, requests: Sequence[Any]) -> list[Any]:
        return [process.run(name, request) for request in requests]

    every: list[int] = []
    different = 0
    for seed, seconds in enumerate(SECONDS):
        waveform = sound(seconds, seed)
        ours = [
            (segment.start, segment.end, segment.tokens.tolist())
            for segment in transcribe_long.transcribe(
                waveform, settings.language, settings.task, settings, call
            )
        ]
        theirs = generated(served.checkpoint, waveform)
        every += [token for each in theirs for token in each[2]]
        different += sum(
            len(each[2]) for each, other in zip(theirs, ours, strict=False) if each != other
        )
        different += sum(len(each[2]) for each in (*theirs[len(ours) :], *ours[len(theirs) :]))
    frames = [round(each * 100) for each in AT_ONCE]
    kinds = ((-1, 0, True), (0, 0, True), (1, 1, True), (0, 0, False))
    rows = [(count, *kinds[number % 4]) for number, count in enumerate(frames)]
    inputs = _batch(max(frames), OWN, rows)
    found, wanted = process.run("whisper", inputs), WHISPER.expected(served.checkpoint, inputs, {})
    for name in ("tokens", "lengths", "language"):
        np.testing.assert_array_equal(found[name], wanted[name], err_msg=name)
    for row, length in zip(wanted["tokens"], wanted["lengths"][:, 0], strict=True):
        every += row[:length].tolist()
    largest = max(
        float(np.abs(np.subtract(found[name], wanted[name], dtype=np.float32)).max())
        for name in ("log_probs", "attention")
    )
    return Outcome(SECONDS, len(every), len(set(every)), different, largest)


def generated(checkpoint: Path, waveform: np.ndarray) -> list[tuple[float, float, list[int]]]:
    """Start, end and tokens of transformers' own segments, nothing asked for."""
    from transformers import WhisperFeatureExtractor

    extractor = WhisperFeatureExtractor.from_pretrained(checkpoint)
    made = extractor(
        waveform,
        sampling_rate=RATE,
        return_tensors="pt",
        return_attention_mask=True,
        truncation=False,
        padding="longest",
    )
    model = load_transformers(checkpoint, "WhisperForConditionalGeneration")
    config = model.generation_config
    # transformers takes no list for the end; a task that is not named has no token in its prompt.
    config.eos_token_id = np.ravel(config.eos_token_id)[0].item()
    many = getattr(config, "lang_to_id", None)
    output = model.generate(
        made.input_features,
        attention_mask=made.attention_mask,
        return_timestamps=True,
        return_segments=True,
        **({"task": getattr(config, "task", None) or "transcribe"} if many else {}),
    )
    return [
        (float(each["start"]), float(each["end"]), each["tokens"].tolist())
        for each in output["segments"][0]
    ]


def told(variant: Variant, place: Path) -> str:
    """The sentence with which ``plan`` refuses a checkpoint, without its place.

    Raises:
        AssertionError: nothing refuses it, or more than one sentence does.
    """
    shutil.rmtree(place, ignore_errors=True)
    variant.write(place)
    forms = {
        export.form
        for export in FAMILY.exports
        if export.source == variant.architecture.component and export.form
    }
    sentences = set()
    for form in forms:
        try:
            form(place)
        except KitError as error:
            sentences.add(str(error).removeprefix(f"{place}: "))
    assert len(sentences) == 1, sentences
    return sentences.pop()
