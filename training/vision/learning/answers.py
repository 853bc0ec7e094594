"""The second stage: a projector and a small Llama learn to answer, on a tower that stays as it is.

An image's tokens stand once before all the questions about it. Each question sees the image and
itself, at the positions that it would have alone, so a step equals one on the questions singly and
costs a fraction. A share of the rows are conversations instead: a question sees those before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.vision.learning import models
from training.vision.learning.corpus import Corpus
from training.vision.learning.run import Run
from training.vision.scenes import draw, scene
from training.vision.text import questions, tokenizer

BATCH, RATE = 16, 1.5e-3

QUESTIONS = 12
"""Asked about each image in a step."""

CONVERSATIONS = 0.2
"""The share of rows in which a question sees those before it."""

MEASURED = 300
"""Held-out scenes for the log's figures."""

Asked = list[questions.Question]

_START, _IMAGE, _USER, _ASSISTANT, _END = (
    tokenizer.SPECIAL.index(token)
    for token in (
        tokenizer.START,
        tokenizer.IMAGE,
        tokenizer.USER,
        tokenizer.ASSISTANT,
        tokenizer.END,
    )
)


@dataclass(frozen=True)
class Packed:
    """Rows of an image and questions about it.

    ``tokens``, ``positions`` INT64 [rows, length]; ``mask`` BOOL [rows, 1, length, length];
    ``labels`` INT64 [rows, length], the token that follows, -100 where none is learned;
    ``blocks`` INT64 [rows, length], which question a token is of, -1 for the image.
    """

    tokens: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    labels: torch.Tensor
    blocks: torch.Tensor


def pack(asked: list[Asked], texts: tokenizer.Texts, talking: list[bool]) -> Packed:
    """Make rows of questions.

    Args:
        asked: the questions of each row.
        texts: makes tokens.
        talking: for each row, whether it is a conversation.
    """
    rows = [_row(each, texts) for each in asked]
    length = max(len(tokens) for tokens, _, _ in rows)
    head = 1 + models.IMAGE_TOKENS
    tokens = np.zeros((len(rows), length), np.int64)
    labels = np.full((len(rows), length), -100, np.int64)
    blocks = np.full((len(rows), length), -2, np.int64)
    positions = np.tile(np.arange(length), (len(rows), 1))
    for row, (said, learned, block) in enumerate(rows):
        tokens[row, : len(said)] = said
        blocks[row, : len(said)] = block
        follow = np.where(learned[1:], said[1:], -100)
        labels[row, : len(said) - 1] = follow
        if not talking[row]:
            starts = np.unique(block[head:], return_index=True)[1]
            for start, end in zip(starts, [*starts[1:], len(said) - head], strict=True):
                positions[row, head + start : head + end] = head + np.arange(end - start)
    causal = np.tril(np.ones((length, length), bool))
    sees = (blocks[:, None, :] == -1) | (blocks[:, :, None] == blocks[:, None, :])
    sees |= np.array(talking)[:, None, None]
    mask = sees & causal
    return Packed(
        torch.from_numpy(tokens),
        torch.from_numpy(positions),
        torch.from_numpy(mask[:, None]),
        torch.from_numpy(labels),
        torch.from_numpy(blocks),
    )


def _row(asked: Asked, texts: tokenizer.Texts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tokens, whether each is to be learned, and which question each is of."""
    tokens = [_START] + [_IMAGE] * models.IMAGE_TOKENS
    learned, blocks = [False] * len(tokens), [-1] * len(tokens)
    for number, question in enumerate(asked):
        put = [_USER, *texts.encode(question.text), _ASSISTANT]
        answer = [*texts.encode(question.answer), _END]
        tokens += put + answer
        learned += [False] * len(put) + [True] * len(answer)
        blocks += [number] * (len(put) + len(answer))
    return np.array(tokens), np.array(learned), np.array(blocks)


def logits(model: Any, pixels: torch.Tensor, packed: Packed) -> tuple[torch.Tensor, torch.Tensor]:
    """What the model says where something is learned, and what is right.

    Returns:
        FP32 [learned tokens, vocabulary], and INT64 [learned tokens].
    """
    inner = model.model
    with torch.no_grad():
        seen = inner.vision_tower(pixels, output_hidden_states=True)
        states = seen.hidden_states[models.FEATURE_LAYER].float()
    embeds = inner.language_model.embed_tokens(packed.tokens)
    image = inner.multi_modal_projector(states).to(embeds.dtype)
    embeds = torch.cat([embeds[:, :1], image, embeds[:, 1 + models.IMAGE_TOKENS :]], 1)
    hidden = inner.language_model(
        inputs_embeds=embeds,
        attention_mask=packed.mask,
        position_ids=packed.positions,
        use_cache=False,
    ).last_hidden_state
    learned = packed.labels >= 0
    return model.lm_head(hidden[learned]).float(), packed.labels[learned]


def run(folder: Path, seed: int, tower: Any) -> Run:
    """The stage's run in a folder, fresh or as it stands."""
    return Run(folder, "answers", lambda: models.llava(seed, tower), RATE, seed)


def train(
    folder: Path, corpus: Corpus, texts: tokenizer.Texts, tower: Any, steps: int, until: int
) -> str:
    """Train, or go on training; gives the SHA-256 of the weights."""
    stage = run(folder, corpus.seed, tower)

    def loss(model: Any, step: int) -> dict[str, torch.Tensor]:
        numbers = corpus.numbers(step, BATCH)
        rng = np.random.default_rng([corpus.seed, 2, step])
        asked = [questions.ask(corpus.scene(each), rng, QUESTIONS) for each in numbers]
        talking = [bool(each) for each in rng.random(BATCH) < CONVERSATIONS]
        pixels = models.pixel_values(corpus.pixels(numbers))
        with torch.autocast("cpu", torch.bfloat16):
            said, right = logits(model, pixels, pack(asked, texts, talking))
        return {"answers": torch.nn.functional.cross_entropy(said, right)}

    def measure(model: Any) -> dict[str, float]:
        found: dict[str, float] = {}
        for part in ("held out", "unseen"):
            exact = judge(model, texts, corpus.seed, part, MEASURED)
            found |= {f"{part}: {kind}": round(share, 3) for kind, (share, _) in exact.items()}
        return found

    return stage.train(steps, until, loss, measure)


def held_out(seed: int, part: str, count: int, each: int = 6) -> list[tuple[scene.Scene, Asked]]:
    """Scenes of a part that training never saw, with questions in forms that it never saw.

    Args:
        seed: of the scenes.
        part: "held out" or "unseen".
        count: of the scenes.
        each: questions about each of them.
    """
    found = []
    for number in range(count):
        one = scene.at(seed, part, number)
        rng = np.random.default_rng([seed, 3, number])
        unseen = part == "unseen"
        found.append((one, questions.ask(one, rng, each, held_out=True, unseen=unseen)))
    return found


def judge(
    model: Any, texts: tokenizer.Texts, seed: int, part: str, count: int
) -> dict[str, tuple[float, int]]:
    """Answers that are exact, by kind and in "all": their share, and how many were asked.

    It looks at all tokens of an answer at once: greedy generation gives the right answer exactly
    if each of its tokens is the likeliest after the right ones before it.
    """
    exact: dict[str, list[bool]] = {}
    all_of_it = held_out(seed, part, count)
    for first in range(0, count, 50):
        some = all_of_it[first : first + 50]
        packed = pack([asked for _, asked in some], texts, [False] * len(some))
        pixels = models.pixel_values(np.stack([draw.draw(each) for each, _ in some]))
        said, right = logits(model, pixels, packed)
        good = torch.zeros(packed.labels.shape, dtype=torch.bool)
        good[packed.labels >= 0] = said.argmax(-1) == right
        wrong = (packed.labels >= 0) & ~good
        for row, (_, asked) in enumerate(some):
            for number, question in enumerate(asked):
                fine = not bool((wrong[row] & (packed.blocks[row] == number)).any())
                exact.setdefault(question.kind, []).append(fine)
                exact.setdefault("all", []).append(fine)
    return {kind: (float(np.mean(found)), len(found)) for kind, found in sorted(exact.items())}
