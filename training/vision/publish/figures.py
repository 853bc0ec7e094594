"""What a published folder can do, measured by transformers alone, as a user would ask it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from training.vision.learning.answers import held_out
from training.vision.learning.tower import different
from training.vision.scenes import draw
from training.vision.text import captions

SCENES, EACH = 400, 3
"""Scenes of each part that are asked about, and the questions about each of them."""

AMONG = 100
"""Scenes among which captions find theirs."""


class Answers:
    """A LLaVA's folder, asked one question after the other.

    Args:
        folder: of the checkpoint.
    """

    def __init__(self, folder: Path) -> None:
        from transformers import AutoProcessor, LlavaForConditionalGeneration

        self.processor = AutoProcessor.from_pretrained(folder)
        self.model: Any = LlavaForConditionalGeneration.from_pretrained(folder).eval()

    def ask(self, image: Image.Image, question: str) -> str:
        """The answer, by greedy generation."""
        parts = [{"type": "image", "image": image}, {"type": "text", "text": question}]
        inputs = self.processor.apply_chat_template(
            [{"role": "user", "content": parts}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )
        with torch.no_grad():
            tokens = self.model.generate(**inputs)[0, inputs["input_ids"].shape[1] :]
        return str(self.processor.decode(tokens, skip_special_tokens=True))


def measure(vision: Path, text: Path, seed: int, scenes: int = SCENES) -> dict[str, Any]:
    """All figures of both folders.

    Args:
        vision: the LLaVA's.
        text: the SigLIP's.
        seed: of the scenes.
        scenes: of each part.
    """
    answers = Answers(vision)
    return {
        "held_out": exact(answers, seed, "held out", scenes),
        "unseen": exact(answers, seed, "unseen", scenes),
        "unseen_small": exact(answers, seed, "unseen, small", scenes),
        "retrieval": retrieval(text, seed, AMONG),
    }


def exact(answers: Answers, seed: int, part: str, scenes: int) -> dict[str, Any]:
    """Exact answers, in all and by the kind of question.

    Args:
        answers: the model.
        seed: of the scenes.
        part: of the data.
        scenes: of the part.
    """
    right: dict[str, list[bool]] = {}
    for one, asked in held_out(seed, part, scenes, EACH):
        image = Image.fromarray(draw.draw(one))
        for question in asked:
            fine = answers.ask(image, question.text) == question.answer
            kind = question.kind
            if kind == "number":
                kind += f" of {len(question.answer)} digit{'s' * (len(question.answer) > 1)}"
            right.setdefault(kind, []).append(fine)
    everything = [fine for found in right.values() for fine in found]
    return {
        "questions": len(everything),
        "exact": round(float(np.mean(everything)), 4),
        "kinds": {
            kind: {"questions": len(found), "exact": round(float(np.mean(found)), 4)}
            for kind, found in sorted(right.items())
        },
    }


def retrieval(folder: Path, seed: int, count: int) -> dict[str, Any]:
    """Captions that find their scene, and scenes that find their caption, first of all.

    Args:
        folder: the SigLIP's.
        seed: of the scenes.
        count: of the scenes, no two of which have the same caption.
    """
    from transformers import AutoModel, AutoProcessor

    processor = AutoProcessor.from_pretrained(folder)
    model: Any = AutoModel.from_pretrained(folder).eval()
    scenes = different(seed, count)
    inputs = processor(
        text=[captions.plain(each) for each in scenes],
        images=[Image.fromarray(draw.draw(each)) for each in scenes],
        padding="max_length",
        return_tensors="pt",
    )
    with torch.no_grad():
        scores = model(**inputs).logits_per_text
    own = torch.arange(count)
    return {
        "scenes": count,
        "text_to_image": round(float((scores.argmax(1) == own).float().mean()), 4),
        "image_to_text": round(float((scores.argmax(0) == own).float().mean()), 4),
    }
