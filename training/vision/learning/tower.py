"""The first stage: a SigLIP that matches scenes with captions, and knows what each patch shows.

The captions alone would teach it in days. Heads that read shape, colour, size and letter from
every patch teach within minutes; they are thrown away afterwards.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.vision.learning import models
from training.vision.learning.corpus import Corpus
from training.vision.learning.run import Run
from training.vision.scenes import draw, scene
from training.vision.text import captions, tokenizer

BATCH, RATE, DECAY = 128, 1.5e-3, 0.02

EMPTY = 0.25
"""What a patch of background weighs, of one that shows something."""

MEASURED = 100
"""Held-out scenes, all of different captions, among which captions find theirs."""


class Taught(torch.nn.Module):
    """A SigLIP and the heads that teach it."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.siglip = models.siglip(seed)
        self.norm = torch.nn.LayerNorm(models.HIDDEN)
        self.heads = torch.nn.Linear(models.HIDDEN, sum(draw.TARGETS.values()))

    def forward(
        self, pixels: torch.Tensor, tokens: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Embeddings of images and texts, [n, hidden], and the heads' logits, [n, patches, all]."""
        seen = self.siglip.vision_model(pixels, output_hidden_states=True)
        said = self.siglip.text_model(tokens).pooler_output
        states = seen.hidden_states[-1]
        return seen.pooler_output, said, self.heads(self.norm(states))


def run(folder: Path, seed: int) -> Run:
    """The stage's run in a folder, fresh or as it stands."""
    return Run(folder, "tower", lambda: Taught(seed), RATE, seed, DECAY)


def train(folder: Path, corpus: Corpus, texts: tokenizer.Texts, steps: int, until: int) -> str:
    """Train, or go on training; gives the SHA-256 of the weights."""
    stage = run(folder, corpus.seed)
    measured = Retrieval(corpus.seed, texts)

    def loss(model: Any, step: int) -> dict[str, torch.Tensor]:
        return losses(model, corpus, texts, step)

    def measure(model: Any) -> dict[str, float]:
        return {"recall_at_1": measured.recall(model.siglip)}

    return stage.train(steps, until, loss, measure)


def losses(
    model: Any, corpus: Corpus, texts: tokenizer.Texts, step: int
) -> dict[str, torch.Tensor]:
    """Both losses of a step."""
    numbers = corpus.numbers(step, BATCH)
    rng = np.random.default_rng([corpus.seed, 1, step])
    said = [captions.caption(corpus.scene(number), rng) for number in numbers]
    pixels = models.pixel_values(corpus.pixels(numbers))
    with torch.autocast("cpu", torch.bfloat16):
        images, sentences, logits = model(pixels, torch.from_numpy(texts.captions(said)))
    targets = corpus.targets(numbers)
    return {
        "match": match(model, images, sentences, said),
        "patches": patches(logits.float(), targets),
    }


def match(
    model: Any, images: torch.Tensor, sentences: torch.Tensor, said: list[str]
) -> torch.Tensor:
    """The sigmoid loss of images and their captions."""
    images = torch.nn.functional.normalize(images.float(), dim=-1)
    sentences = torch.nn.functional.normalize(sentences.float(), dim=-1)
    scores = sentences @ images.T * model.siglip.logit_scale.exp() + model.siglip.logit_bias
    same = torch.tensor([[one == other for other in said] for one in said])
    return -torch.nn.functional.logsigmoid(torch.where(same, scores, -scores)).sum(-1).mean()


def patches(
    logits: torch.Tensor, wanted: np.ndarray, without: tuple[str, ...] = ()
) -> torch.Tensor:
    """The sum of the heads' cross entropies, without those of some."""
    total, first = torch.zeros(()), 0
    for place, (name, values) in enumerate(draw.TARGETS.items()):
        weights = torch.ones(values)
        weights[0] = EMPTY
        found = logits[..., first : first + values].flatten(0, 1)
        target = torch.from_numpy(wanted[..., place]).flatten()
        if name not in without:
            total = total + torch.nn.functional.cross_entropy(found, target, weights)
        first += values
    return total


class Retrieval:
    """Held-out scenes of different captions, and how many of them their captions find.

    Args:
        seed: of the scenes.
        texts: makes tokens.
        count: of the scenes.
    """

    def __init__(self, seed: int, texts: tokenizer.Texts, count: int = MEASURED) -> None:
        chosen = different(seed, count)
        self.pixels = models.pixel_values(np.stack([draw.draw(each) for each in chosen]))
        said = [captions.plain(each) for each in chosen]
        self.tokens = torch.from_numpy(texts.captions(said))

    def recall(self, siglip: Any) -> float:
        """Captions that rank their own scene first, as a share."""
        images = siglip.vision_model(self.pixels).pooler_output
        sentences = siglip.text_model(self.tokens).pooler_output
        images = torch.nn.functional.normalize(images, dim=-1)
        found = (sentences @ images.T).argmax(-1)
        return float((found == torch.arange(len(found))).float().mean())


def different(seed: int, count: int) -> list[scene.Scene]:
    """Held-out scenes, no two of which have the same caption."""
    found: dict[str, scene.Scene] = {}
    number = 0
    while len(found) < count:
        each = scene.at(seed, "held out", number)
        found.setdefault(captions.plain(each), each)
        number += 1
    return list(found.values())
