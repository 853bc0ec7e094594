"""From a run's averaged weights to both shipped checkpoints: measured, described, hashed."""

from __future__ import annotations

import json
import platform
import shutil
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from repository.files.hashing import sha256_of
from training.errors import TrainingError
from training.vision.learning import answers, tower
from training.vision.learning.corpus import Corpus
from training.vision.learning.run import Run, digest
from training.vision.publish import folders
from training.vision.publish.card import text_card, vision_card
from training.vision.publish.figures import measure
from training.vision.text import tokenizer

TOOLS = ("torch", "transformers", "tokenizers", "numpy", "pillow")

TWICE = 20
"""Steps of each stage that are trained two times, to see that they give equal weights."""


def publish(
    run: Path,
    scenes: Path,
    out: Path,
    *,
    seed: int,
    count: int,
    tower_steps: int,
    answer_steps: int,
    threads: tuple[int, int],
) -> None:
    """Write both checkpoints' folders anew.

    Args:
        run: what ``train`` wrote.
        scenes: what ``corpus.write`` wrote.
        out: gets ``vision`` and ``vision_text``.
        seed: the run's.
        count: scenes that it used.
        tower_steps: of its first stage.
        answer_steps: of its second.
        threads: of torch, in each stage, the run's.

    Raises:
        TrainingError: a run that has not made so many steps.
    """
    first = tower.run(run, seed)
    siglip = first.average.siglip
    second = answers.run(run, seed, siglip.vision_model)
    for stage, steps in ((first, tower_steps), (second, answer_steps)):
        if stage.step != steps:
            raise TrainingError(
                f"{run}: expected a stage {stage.name!r} of {steps} steps, found {stage.step}. Let "
                "python -m training.vision train end, or name what it was given."
            )
    corpus = Corpus(scenes, seed, count)
    pieces = tokenizer.load()
    vision, text = out / "vision", out / "vision_text"
    llava = answers.published(run, seed, siglip.vision_model)
    folders.write_vision(llava, pieces, vision)
    folders.write_text(siglip, pieces, text)
    figures = measure(vision, text, seed)
    made = {
        "seed": seed,
        "scenes": {"count": corpus.count, "sha256": corpus.digest()},
        "tools": {name: version(name) for name in TOOLS},
        "machine": {"python": platform.python_version(), "architecture": platform.machine()},
    }
    stages = {
        "tower": _described(first, siglip, threads[0]),
        "answers": _described(second, llava, threads[1]),
    }
    twice = trained_twice(corpus, pieces, threads)
    stages["tower"]["first_steps"], stages["answers"]["first_steps"] = twice
    for folder, described, card in (
        (vision, made | {"stages": stages, "figures": figures}, vision_card),
        (
            text,
            made
            | {
                "stages": {"tower": stages["tower"]},
                "figures": {"retrieval": figures["retrieval"]},
            },
            text_card,
        ),
    ):
        (folder / "training.json").write_text(json.dumps(described, indent=1) + "\n", "utf-8")
        (folder / "README.md").write_text(card(described), "utf-8")
        shutil.copyfile("LICENSE", folder / "LICENSE")
        sums(folder)


def _described(stage: Run, model: Any, threads: int) -> dict[str, Any]:
    log = [json.loads(line) for line in stage.log.read_text("utf-8").splitlines()]
    return {
        "steps": stage.step,
        "threads": threads,
        "parameters": sum(weights.numel() for weights in model.parameters()),
        "weights_sha256": digest(model),
        "log": log,
    }


def trained_twice(corpus: Corpus, pieces: Any, threads: tuple[int, int]) -> list[dict[str, Any]]:
    """The first :data:`TWICE` steps of each stage, made two times.

    Returns:
        For each stage ``steps``, and the ``weights_sha256`` that both gave.

    Raises:
        TrainingError: the two differ, so that the run could not be made again.
    """
    digests = set()
    for _ in range(2):
        with TemporaryDirectory() as name:
            folder, texts = Path(name), tokenizer.Texts(pieces)
            torch.set_num_threads(threads[0])
            one = tower.train(folder, corpus, texts, 2 * TWICE, TWICE)
            seen = tower.run(folder, corpus.seed).average.siglip.vision_model
            torch.set_num_threads(threads[1])
            other = answers.train_until(folder, corpus, texts, seen, 2 * TWICE, TWICE)
            digests.add((one, other))
    if len(digests) != 1:
        raise TrainingError(
            f"expected equal weights from equal steps, found {sorted(digests)}. Look for what "
            "still is random."
        )
    return [{"steps": TWICE, "weights_sha256": each} for each in digests.pop()]


def sums(folder: Path) -> None:
    """Write ``SHA256SUMS`` over the folder's other files, as ``sha256sum`` prints it."""
    files = sorted(path for path in folder.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{sha256_of(path)}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines), "utf-8")
