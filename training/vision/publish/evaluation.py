"""The shipped evaluation set and the example images."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from training.vision.learning.answers import held_out
from training.vision.learning.tower import different
from training.vision.scenes import draw
from training.vision.scenes.scene import CELL, Scene, Thing, Writing
from training.vision.text import captions

SCENES, UNSEEN = 100, 30
"""Held-out scenes of different captions, and scenes with pairs that training never saw."""

EACH = 4
"""Questions about each of them."""

_EXAMPLE_SCALE = 5


def write_evaluation(folder: Path, seed: int) -> None:
    """``held-out-000.jpg`` …, ``unseen-000.jpg`` … and ``scenes.json``.

    Args:
        folder: gets them.
        seed: of the scenes; one that neither the training nor its figures used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    asked = dict(held_out(seed, "held out", 20 * SCENES, EACH))
    chosen = [("held-out", each, asked[each]) for each in different(seed, SCENES)]
    chosen += [("unseen", *each) for each in held_out(seed, "unseen", UNSEEN, EACH)]
    listed = []
    for number, (part, scene, questions) in enumerate(chosen):
        image = f"{part}-{number if part == 'held-out' else number - SCENES:03d}.jpg"
        Image.fromarray(draw.draw(scene)).save(folder / image, quality=92, subsampling=0)
        listed.append(
            {
                "image": image,
                "part": part,
                "caption": captions.plain(scene),
                "questions": [
                    {"kind": each.kind, "question": each.text, "answer": each.answer}
                    for each in questions
                ],
            }
        )
    described = {"seed": seed, "scenes": listed}
    (folder / "scenes.json").write_text(json.dumps(described, indent=1) + "\n", "utf-8")


def _placed(colour: str, shape: str, size: str, row: int, column: int) -> Thing:
    radius = 9.5 if size == "big" else 5.5
    x, y = (column + 0.5) * CELL, (row + 0.5) * CELL
    return Thing(colour, shape, size, x, y, radius, 0.05, (row, column))


EXAMPLES = {
    "circles": (
        Scene(
            "same",
            tuple(
                _placed("red", "circle", "big", row, column)
                for row, column in ((0, 0), (1, 2), (2, 1))
            ),
            None,
            1,
        ),
        "How many circles are in the image?",
        "3",
    ),
    "square": (
        Scene(
            "two",
            (_placed("blue", "square", "small", 1, 0), _placed("green", "star", "big", 1, 2)),
            None,
            2,
        ),
        "What do you see?",
        "a blue square left of a green star",
    ),
    "word": (
        Scene(
            "word",
            (_placed("orange", "ring", "big", 0, 2),),
            Writing("DOG", "blue", 8, 2.4 * CELL, 19),
            4,
        ),
        "Which word is written?",
        "DOG",
    ),
    "number": (
        Scene(
            "number",
            (_placed("purple", "triangle", "small", 2, 0),),
            Writing("47", "red", 16, 0.55 * CELL, 19),
            6,
        ),
        "Which number is written?",
        "47",
    ),
}
"""Scenes to ask with: each has a question, and the answer."""


def write_examples(folder: Path) -> None:
    """``NAME.png`` for each of :data:`EXAMPLES`, and ``scenes.json``.

    Args:
        folder: gets them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    listed = []
    for name, (scene, question, answer) in EXAMPLES.items():
        pixels = draw.draw(scene, _EXAMPLE_SCALE, noise=False)
        Image.fromarray(pixels).save(folder / f"{name}.png", optimize=True)
        listed.append(
            {
                "image": f"{name}.png",
                "caption": captions.plain(scene),
                "question": question,
                "answer": answer,
            }
        )
    (folder / "scenes.json").write_text(json.dumps(listed, indent=1) + "\n", "utf-8")
