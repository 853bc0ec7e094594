"""The second stage: a projector and a small Llama learn to answer, on a tower that stays as it is.

An image's tokens stand once before all the questions about it. Each question sees the image and
itself, at the positions that it would have alone, so a step equals one on the questions singly and
costs a fraction. A share of the rows are conversations instead: a question sees those before it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.vision.learning import models
from training.vision.learning.corpus import Corpus
from training.vision.learning.names import Names
from training.vision.learning.run import Run
from training.vision.scenes import draw, scene
from training.vision.text import questions, tokenizer

BATCH, RATE, DECAY = 20, 2.5e-3, 0.1

QUESTIONS = 8
"""Asked about each image in a step."""

CONVERSATIONS = 0.2
"""The share of rows in which a question sees those before it."""

EARLY_STATE = "answers-early.pt"

LEVEL, LEVEL_FROM = 0.3, 1_400
"""The weight of the loss that holds left-out words level, and the step from which it counts."""

WRITTEN, WRITTEN_FROM = 7, 1_400
"""Of a step's scenes so many have a word or a number, from which step on."""

EARLY, EARLY_SHARE = 1_400, 0.27
"""Of the weights that are published so much are those of an early step.

Late in the training the model trusts its knowledge of pairs more than what it sees. A little of the
weights before that makes up for it, and costs little else.
"""

LOW = -1e4
"""The score of a token that is left out of a loss."""

NAMED = 0.3
"""The weight of the loss by which image tokens learn the words for what they show."""

GATHERED = 0.5
"""The weight of the loss by which names in questions learn to find what they name."""

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
    ``blocks`` INT64 [rows, length], which question a token is of, -1 for the image; ``names`` the
    row, the place in it, and the words that hold for what is named there; ``untold`` BOOL [rows,
    length, vocabulary], tokens that the one that follows is not told from.
    """

    tokens: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    labels: torch.Tensor
    blocks: torch.Tensor
    names: list[tuple[int, int, tuple[str, ...]]]
    untold: torch.Tensor


def pack(asked: list[Asked], texts: tokenizer.Texts, talking: list[bool]) -> Packed:
    """Make rows of questions.

    Args:
        asked: the questions of each row.
        texts: makes tokens.
        talking: for each row, whether it is a conversation.
    """
    rows = [_row(each, texts) for each in asked]
    names = [
        (row, place, words)
        for row, (_, _, _, ends) in enumerate(rows)
        for place, words in ends
        if words
    ]
    length = max(len(each[0]) for each in rows)
    head = 1 + models.IMAGE_TOKENS
    tokens = np.zeros((len(rows), length), np.int64)
    labels = np.full((len(rows), length), -100, np.int64)
    blocks = np.full((len(rows), length), -2, np.int64)
    positions = np.tile(np.arange(length), (len(rows), 1))
    for row, (said, learned, block, _) in enumerate(rows):
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
        names,
        _untold(asked, blocks, texts),
    )


def _untold(asked: list[Asked], blocks: np.ndarray, texts: tokenizer.Texts) -> torch.Tensor:
    found = np.zeros((*blocks.shape, tokenizer.VOCABULARY), bool)
    for row, questions_ in enumerate(asked):
        for number, question in enumerate(questions_):
            tokens = [
                texts.encode(f"{gap}{word}")[0] for word in question.untold for gap in ("", " ")
            ]
            found[row, (blocks[row] == number).nonzero()[0][:, None], tokens] = True
    return torch.from_numpy(found)


Ends = list[tuple[int, tuple[str, ...]]]


def _row(asked: Asked, texts: tokenizer.Texts) -> tuple[np.ndarray, np.ndarray, np.ndarray, Ends]:
    """Tokens, whether each is to be learned, which question each is of, and where names end."""
    ends: Ends = []
    tokens = [_START] + [_IMAGE] * models.IMAGE_TOKENS
    learned, blocks = [False] * len(tokens), [-1] * len(tokens)
    for number, question in enumerate(asked):
        for name, words in question.named:
            end = texts.ends(question.text, name)
            if end >= 0:
                ends.append((len(tokens) + 1 + end, words))
        put = [_USER, *texts.encode(question.text), _ASSISTANT]
        answer = [*texts.encode(question.answer), _END]
        tokens += put + answer
        learned += [False] * len(put) + [True] * len(answer)
        blocks += [number] * (len(put) + len(answer))
    return np.array(tokens), np.array(learned), np.array(blocks), ends


@dataclass(frozen=True)
class Said:
    """What the model says of :class:`Packed`, and what is right.

    ``logits`` FP32 [learned tokens, vocabulary]; ``right`` INT64 [learned tokens]; ``image`` FP32
    [rows, image tokens, hidden], the images' embeddings; ``early`` [rows, length, hidden], the
    hidden state half way.
    """

    logits: torch.Tensor
    right: torch.Tensor
    image: torch.Tensor
    early: torch.Tensor


def say(model: Any, pixels: torch.Tensor, packed: Packed) -> Said:
    """What the model says where something is learned."""
    inner = model.model
    with torch.no_grad():
        seen = inner.vision_tower(pixels, output_hidden_states=True)
        states = models.features(seen)
    embeds = inner.language_model.embed_tokens(packed.tokens)
    image = inner.multi_modal_projector(states).to(embeds.dtype)
    embeds = torch.cat([embeds[:, :1], image, embeds[:, 1 + models.IMAGE_TOKENS :]], 1)
    found = inner.language_model(
        inputs_embeds=embeds,
        attention_mask=packed.mask,
        position_ids=packed.positions,
        use_cache=False,
        output_hidden_states=True,
    )
    learned = packed.labels >= 0
    return Said(
        model.lm_head(found.last_hidden_state[learned]).float(),
        packed.labels[learned],
        image.float(),
        found.hidden_states[models.LANGUAGE_LAYERS // 2],
    )


def gathered(model: Any, said: Said, packed: Packed, names: Names) -> torch.Tensor:
    """The loss of names in questions that do not know, half way, what they name.

    At the end of "red star" the model is to have found the star in the image: its place and size.
    All kinds of questions need that, and from their answers alone it takes hours to learn.
    """
    rows = torch.tensor([row for row, _, _ in packed.names])
    places = torch.tensor([place for _, place, _ in packed.names])
    wanted = torch.from_numpy(names.words([words for _, _, words in packed.names]))
    state = model.model.language_model.norm(said.early[rows, places])
    likely = model.lm_head(state).float().log_softmax(-1)
    loss: torch.Tensor = -(wanted * likely).sum(-1).mean()
    return loss


def level(said: Said, others: torch.Tensor, groups: list[list[int]]) -> torch.Tensor:
    """The loss of words left out that are not as unlikely as other wrong words of their group.

    Neither told nor denied, they would stay where chance has put them.

    Args:
        said: of the model.
        others: BOOL [learned tokens, vocabulary], what is left out.
        groups: tokens of colours, and of shapes.
    """
    total, count = torch.zeros(()), 0
    for group in groups:
        scores, out = said.logits[:, group], others[:, group]
        right = torch.tensor(group) == said.right[:, None]
        wrong = ~out & ~right
        middle = (scores * wrong).sum(1, keepdim=True) / wrong.sum(1, keepdim=True)
        far = torch.nn.functional.smooth_l1_loss(
            scores, middle.detach().expand_as(scores), reduction="none"
        )
        total, count = total + (far * out).sum(), count + int(out.sum())
    return LEVEL * total / max(count, 1)


def named(
    model: Any, image: torch.Tensor, names: torch.Tensor, untold: torch.Tensor
) -> torch.Tensor:
    """The loss of image tokens that are not like the words for what they show.

    It makes of a token that shows a red star something like the sum of the embeddings of "red" and
    "star", so that a question's words find it. Without it that takes hours to come about.

    Args:
        model: the LLaVA.
        image: the image tokens' embeddings, FP32 [rows, image tokens, hidden].
        names: FP32 [rows, image tokens, vocabulary], what each shows, as shares of one, or none.
        untold: BOOL, as ``names``, tokens that it is not told from.
    """
    shows = names.sum(-1) > 0
    words = model.model.language_model.embed_tokens.weight
    scores = image[shows] @ words.T * models.LANGUAGE_HIDDEN**-0.5
    likely = scores.masked_fill(untold[shows], LOW).log_softmax(-1)
    loss: torch.Tensor = -(names[shows] * likely).sum(-1).mean()
    return loss


def run(folder: Path, seed: int, tower: Any) -> Run:
    """The stage's run in a folder, fresh or as it stands, on a tower."""
    return Run(folder, "answers", lambda: models.llava(seed, tower), RATE, seed, DECAY)


def published(folder: Path, seed: int, tower: Any) -> Any:
    """The network of a run that has ended, its last weights with a share of the early ones."""
    model = run(folder, seed, tower).average
    early = torch.load(folder / EARLY_STATE, weights_only=True)["average"]
    with torch.no_grad():
        for name, weights in model.state_dict().items():
            weights.lerp_(early[name], EARLY_SHARE)
    return model


def train(folder: Path, corpus: Corpus, texts: tokenizer.Texts, tower: Any, steps: int) -> str:
    """Train, or go on training; gives the SHA-256 of the weights."""
    if not (folder / EARLY_STATE).is_file():
        train_until(folder, corpus, texts, tower, steps, min(EARLY, steps))
        shutil.copyfile(folder / "answers.pt", folder / EARLY_STATE)
    return train_until(folder, corpus, texts, tower, steps, steps)


def train_until(
    folder: Path, corpus: Corpus, texts: tokenizer.Texts, tower: Any, steps: int, until: int
) -> str:
    """Train, or go on training, up to a step; gives the SHA-256 of the weights."""
    stage = run(folder, corpus.seed, tower)
    written = corpus.written()
    names = Names(texts)
    groups = names.groups()

    def loss(model: Any, step: int) -> dict[str, torch.Tensor]:
        numbers = corpus.numbers(step, BATCH)
        rng = np.random.default_rng([corpus.seed, 2, step])
        more = step >= WRITTEN_FROM
        if more:
            numbers[:WRITTEN] = rng.choice(written, WRITTEN, replace=False)
        scenes = [corpus.scene(each) for each in numbers]
        asked = [questions.ask(each, rng, QUESTIONS, reading=more) for each in scenes]
        talking = [bool(each) for each in rng.random(BATCH) < CONVERSATIONS]
        pixels = models.pixel_values(corpus.pixels(numbers))
        packed = pack(asked, texts, talking)
        with torch.autocast("cpu", torch.bfloat16):
            said = say(model, pixels, packed)
            found = gathered(model, said, packed, names)
        learned = packed.labels >= 0
        others = packed.untold[learned].scatter(1, said.right[:, None], False)
        scores = said.logits.masked_fill(others, LOW)
        targets = corpus.targets(numbers)
        shown = torch.from_numpy(names.of(targets))
        untold = torch.from_numpy(names.untold(targets))
        return {
            "answers": torch.nn.functional.cross_entropy(scores, said.right),
            "names": NAMED * named(model, said.image, shown, untold),
            "gathered": GATHERED * found,
            "untold": level(said, others, groups) if step >= LEVEL_FROM else torch.zeros(()),
        }

    def measure(model: Any) -> dict[str, float]:
        found: dict[str, float] = {}
        for part in scene.PARTS[1:]:
            exact = judge(model, texts, corpus.seed, part, MEASURED)
            found |= {f"{part}: {kind}": round(share, 3) for kind, (share, _) in exact.items()}
        return found

    return stage.train(steps, until, loss, measure)


def held_out(seed: int, part: str, count: int, each: int = 6) -> list[tuple[scene.Scene, Asked]]:
    """Scenes of a part that training never saw, with questions in forms that it never saw.

    Args:
        seed: of the scenes.
        part: any but "training".
        count: of the scenes.
        each: questions about each of them.
    """
    found = []
    for number in range(count):
        one = scene.at(seed, part, number)
        rng = np.random.default_rng([seed, 3, number])
        unseen = part.startswith("unseen")
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
        said = say(model, pixels, packed)
        good = torch.zeros(packed.labels.shape, dtype=torch.bool)
        good[packed.labels >= 0] = said.logits.argmax(-1) == said.right
        wrong = (packed.labels >= 0) & ~good
        for row, (_, asked) in enumerate(some):
            for number, question in enumerate(asked):
                fine = not bool((wrong[row] & (packed.blocks[row] == number)).any())
                exact.setdefault(question.kind, []).append(fine)
                exact.setdefault("all", []).append(fine)
    return {kind: (float(np.mean(found)), len(found)) for kind, found in sorted(exact.items())}
