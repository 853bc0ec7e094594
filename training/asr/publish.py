"""From a run's averaged weights to the shipped checkpoint: measured, described, hashed."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.asr import augment, corpus, evaluation, speech, tokenizer, voices
from training.asr.card import card
from training.asr.features import extractor, log_mel
from training.asr.train import Run, digest

TOOLS = ("torch", "transformers", "tokenizers", "numpy", "scipy", "espeakng-loader", "jiwer")


def publish(
    run_folder: Path, corpus_folder: Path, folder: Path, *, seed: int, items: int, count: int
) -> None:
    """Write the checkpoint's folder anew.

    Args:
        run_folder: what ``train`` wrote.
        corpus_folder: what ``corpus.write`` wrote.
        folder: gets the model, tokenizer, processor, ``training.json``, model card and SHA256SUMS.
        seed: the run's.
        items: of the corpus.
        count: held-out utterances to measure on.
    """
    run = Run(run_folder, seed)
    model = run.average
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    model.save_pretrained(folder)
    tokenizer.save(folder)
    extractor().save_pretrained(folder)
    described = {
        "seed": seed,
        "steps": run.step,
        "weights_sha256": digest(model),
        "parameters": sum(weights.numel() for weights in model.parameters()),
        "corpus": describe_corpus(corpus_folder, items),
        "figures": measure(model, seed, count),
        "tools": {name: version(name) for name in TOOLS} | {"espeak-ng": speech.version()},
        "machine": {"python": platform.python_version(), "architecture": platform.machine()},
        "log": [json.loads(line) for line in (run_folder / "log.jsonl").read_text().splitlines()],
    }
    (folder / "training.json").write_text(json.dumps(described, indent=1) + "\n", "utf-8")
    (folder / "README.md").write_text(card(described), "utf-8")
    (folder / "model.safetensors").chmod(0o644)
    sums(folder)


def measure(model: Any, seed: int, count: int) -> dict[str, Any]:
    """Word error rates on voices, speeds and sentences that training never used.

    Returns:
        ``held_out``, ``unseen_accent`` and ``too_fast`` (``clean`` and ``noise_10db`` of each),
        ``joined`` (several sentences with pauses in 20 to 30 s), ``by_noise``, and the words found
        in sounds without speech.
    """
    torch.set_num_threads(2)
    pieces = tokenizer.build()
    test = evaluation.Measured(seed + 3, count)
    accent = evaluation.Measured(seed + 4, count // 4, accent=voices.UNSEEN_ACCENT)
    fast = evaluation.Measured(seed + 7, count // 4, speed=voices.TOO_FAST)
    by_noise = {}
    for number, kind in enumerate(evaluation.NOISES):
        chosen = range(number, count, len(evaluation.NOISES))
        found = evaluation.recognise(model, pieces, [test.noisy[k] for k in chosen])
        by_noise[kind] = evaluation.word_error_rate([test.texts[k] for k in chosen], found)
    long_texts, long_features = _joined(seed + 5, max(4, count // 20))
    empty = [log_mel(wave) for wave in _nothing(seed + 6)]
    found = evaluation.recognise(model, pieces, empty)
    return {
        "utterances": count,
        "words": sum(len(text.split()) for text in test.texts),
        "held_out": test.word_error_rates(model, pieces),
        "by_noise": by_noise,
        "unseen_accent": accent.word_error_rates(model, pieces),
        "too_fast": fast.word_error_rates(model, pieces),
        "joined": evaluation.word_error_rate(
            long_texts, evaluation.recognise(model, pieces, long_features)
        ),
        "joined_seconds": sum(map(len, long_features)) // 100,
        "without_speech": len(empty),
        "words_without_speech": sum(len(text.split()) for text in found),
    }


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
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines), "utf-8")


def _joined(seed: int, count: int) -> tuple[list[str], list[Any]]:
    """Recordings of 20 to 30 s: clean held-out sentences with pauses of 0.3 to 0.8 s."""
    texts, features = [], []
    index = 0
    for _ in range(count):
        said, waves = list[str](), list[augment.Wave]()
        while sum(map(len, waves)) < 20 * augment.RATE:
            made = evaluation.make(seed, index)
            said.append(made.text)
            waves.append(made.clean)
            index += 1
        texts.append(" ".join(said))
        features.append(log_mel(np.concatenate(waves)))
    return texts, features


def _nothing(seed: int) -> list[augment.Wave]:
    """Digital silence and noise of every kind but babble, faint and loud, two to eight seconds."""
    rng = np.random.default_rng(seed)
    waves = [np.zeros(augment.RATE * seconds, np.float32) for seconds in (2, 4, 8)]
    for kind in ("white", "pink", "brown", "hum"):
        for level in (-3.5, -2.5, -1.5):
            wave = augment.noise(rng, int(rng.uniform(2, 8) * augment.RATE), kind)
            waves.append(np.asarray(wave * np.float32(10**level), np.float32))
    return waves
