"""A checkpoint's files, and their texts and numbers beside transformers' own."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np

from builders.decoder.checkpoint.read import read_decoder
from builders.decoder.exports import genai
from builders.decoder.exports.exports import graph, make_decoder
from builders.decoder.exports.parity import load
from builders.decoder.options import Weights
from builders.decoder.stages.running.graph import Graph, Sizes
from builders.kit.build.parity import compare_files

PROMPTS = (3, 17, 40)
"""Tokens of the prompts whose texts are continued at once: further than a window, and not."""

NEW = 24

CHUNK = 16
"""Tokens of a prompt that are put into the cache at once."""


@dataclass(frozen=True)
class Outcome:
    """How a checkpoint's numbers compare.

    Attributes:
        architecture: its class in transformers.
        language_model: the class of its decoder.
        logits: the largest difference, of the largest number.
        tokens: how many tokens were generated.
        equal: whether each of them is transformers' own.
    """

    architecture: str
    language_model: str
    logits: float
    tokens: int
    equal: bool


def judge(checkpoint: Path, place: Path, weights: Weights = "fp32") -> Outcome:
    """Make a checkpoint's files, and compare them.

    Raises:
        ParityError: its numbers are not within the bounds of a build.
    """
    make_decoder(checkpoint, place, weights)
    decoder = read_decoder(checkpoint)
    parity = graph(decoder, weights).parity
    assert parity is not None
    found = compare_files(parity, checkpoint, place / "decoder")
    random = np.random.default_rng(3)
    prompts = [random.integers(6, decoder.vocab, count).tolist() for count in PROMPTS]
    ours, theirs = continued(place, prompts), wanted(checkpoint, prompts)
    return Outcome(
        decoder.architecture,
        decoder.language_model,
        max(each.relative for each in found if each.output == "logits"),
        sum(map(len, theirs)),
        ours == theirs,
    )


@contextmanager
def built_once() -> Iterator[None]:
    """The graph of a checkpoint is built once, however many times files are made of it."""
    build = genai.build
    with tempfile.TemporaryDirectory(prefix="built-") as kept:
        known: dict[Path, Path] = {}

        def once(shown: Path, out: Path, checkpoint: Path) -> Path:
            if checkpoint not in known:
                known[checkpoint] = build(shown, Path(kept) / str(len(known)), checkpoint)
            made = known[checkpoint]
            shutil.copytree(made.parent, out)
            return out / made.name

        with patch.object(genai, "build", once):
            yield


def continued(place: Path, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
    """What the engine's graph continues prompts with, all at once, each in a slot of its own."""
    settings = json.loads((place / "decoder.json").read_text("utf-8"))
    names = ("layers", "kv_heads", "head_dim", "hidden", "vocab")
    sizes = Sizes(**{name: settings[name] for name in names})
    running = Graph(place / "decoder", sizes, len(prompts), max(PROMPTS) + NEW)
    table = np.load(place / "embeddings.npy", mmap_mode="r")
    made = []
    for slot, prompt in enumerate(prompts):
        for start in range(0, len(prompt), CHUNK):
            logits = running.extend(slot, start, table[prompt[start : start + CHUNK]])
        made.append([int(logits.argmax())])
    lengths = np.array(list(map(len, prompts)))
    for _ in range(NEW - 1):
        logits = running.step(0, table[[each[-1] for each in made]], lengths)
        lengths += 1
        for each, row in zip(made, logits, strict=True):
            each.append(int(row.argmax()))
    return made


def wanted(checkpoint: Path, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
    """What transformers' own ``generate`` continues each prompt with, alone."""
    import torch

    _, model = load(checkpoint)
    made = []
    for prompt in prompts:
        ids = torch.tensor([prompt])
        with torch.no_grad():
            found = model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=NEW,
                min_new_tokens=NEW,
                do_sample=False,
                eos_token_id=None,
                pad_token_id=0,
            )
        made.append(found[0, len(prompt) :].tolist())
    return made
