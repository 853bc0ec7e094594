"""From a run's averaged weights to the shipped checkpoint: measured, described, hashed."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from repository.files.hashing import sha256_of
from training.asr.learning import corpus
from training.asr.learning.train import Run, digest, train
from training.asr.publish.card import card
from training.asr.publish.figures import measure
from training.asr.sound import speech
from training.asr.sound.features import extractor
from training.asr.text import tokenizer
from training.errors import TrainingError

TOOLS = ("torch", "transformers", "tokenizers", "numpy", "scipy", "espeakng-loader", "jiwer")

TWICE = 100
"""Steps that are trained two times, to see that they give equal weights."""


def publish(
    run_folder: Path,
    corpus_folder: Path,
    folder: Path,
    *,
    seed: int,
    items: int,
    steps: int,
    again: int,
    count: int,
) -> None:
    """Write the checkpoint's folder anew.

    Args:
        run_folder: what ``train`` wrote.
        corpus_folder: what ``corpus.write`` wrote.
        folder: gets the model, tokenizer, processor, ``training.json``, model card and SHA256SUMS.
        seed: the run's.
        items: of the corpus.
        steps: of the run's first stretch.
        again: of its second.
        count: held-out utterances to measure on.

    Raises:
        TrainingError: a run that has not made so many steps.
    """
    run = Run(run_folder, seed)
    if run.step != steps + again:
        raise TrainingError(
            f"{run_folder}: expected a run of {steps} and {again} steps, found {run.step} steps. "
            "Let python -m training.asr train end, or name what it was given."
        )
    model = run.average
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    model.save_pretrained(folder)
    figures = measure(model, seed, count)
    model.generation_config.word_lead = round(figures["word_times"]["p50"], 2)
    model.generation_config.save_pretrained(folder)
    tokenizer.save(folder)
    extractor().save_pretrained(folder)
    described = {
        "seed": seed,
        "steps": steps,
        "again": again,
        "weights_sha256": digest(model),
        "first_steps": trained_twice(corpus_folder, seed, items, steps),
        "parameters": sum(weights.numel() for weights in model.parameters()),
        "corpus": describe_corpus(corpus_folder, items),
        "figures": figures,
        "tools": {name: version(name) for name in TOOLS} | {"espeak-ng": speech.version()},
        "machine": {"python": platform.python_version(), "architecture": platform.machine()},
        "log": [json.loads(line) for line in (run_folder / "log.jsonl").read_text().splitlines()],
    }
    (folder / "training.json").write_text(json.dumps(described, indent=1) + "\n", "utf-8")
    (folder / "README.md").write_text(card(described), "utf-8")
    (folder / "model.safetensors").chmod(0o644)
    sums(folder)


def trained_twice(corpus_folder: Path, seed: int, items: int, steps: int) -> dict[str, Any]:
    """The first :data:`TWICE` steps of a run, made two times.

    Returns:
        ``steps``, and the ``weights_sha256`` that both gave.

    Raises:
        TrainingError: the two differ, so that the run could not be made again.
    """
    digests = set()
    for _ in range(2):
        with TemporaryDirectory() as folder:
            digests.add(
                train(
                    corpus_folder,
                    Path(folder),
                    seed=seed,
                    count=items,
                    steps=steps,
                    again=0,
                    until=TWICE,
                    threads=1,
                )
            )
    if len(digests) != 1:
        raise TrainingError(
            f"expected equal weights from equal steps, found {sorted(digests)}. Look for what "
            "still is random."
        )
    return {"steps": TWICE, "weights_sha256": digests.pop()}


def describe_corpus(folder: Path, items: int) -> dict[str, Any]:
    """How much it holds, and one SHA-256 over all its features and texts, in order."""
    total, frames, empty = hashlib.sha256(), 0, 0
    for number in range(items // corpus.CHUNK):
        listed = json.loads((folder / f"items-{number:04d}.json").read_text("utf-8"))
        frames += sum(item["frames"] for item in listed)
        empty += sum(not item["text"] for item in listed)
        total.update(json.dumps(listed).encode())
        total.update(np.load(folder / f"features-{number:04d}.npy").tobytes())
    return {
        "recordings": items,
        "without_speech": empty,
        "hours": round(frames / 360_000, 1),
        "sha256": total.hexdigest(),
    }


def sums(folder: Path) -> None:
    """Write ``SHA256SUMS`` over the folder's other files, as ``sha256sum`` prints it."""
    files = sorted(path for path in folder.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{sha256_of(path)}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines), "utf-8")
