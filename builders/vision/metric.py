"""The gates of a build: texts that find their image, and answers from what is served.

Both ask about drawn scenes, those in ``evaluation/`` for the shipped checkpoints. For a user's own
checkpoint there is a gate if the profile names scenes of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from builders.errors import BuildersError
from builders.kit.family import Metric
from builders.scenes import Scene, read_scenes
from repository.arrays import Array, Arrays

Run = Callable[[Arrays], Arrays]

TEXTS = 64
"""In a request."""

ASKED = 60
"""Questions to the language model, in one batch: more would make a build wait."""

LONGEST = 24
"""Tokens of an answer."""


def metrics(checkpoint: Path, folder: Path, *, texts: bool, answers: bool) -> tuple[Metric, ...]:
    """The gates of a family.

    Args:
        checkpoint: of the eye.
        folder: the scenes.
        texts: whether there is a text tower.
        answers: whether the checkpoint has a language model that can be asked.
    """
    found: list[Metric] = []
    if texts:
        found.append(
            Metric(
                name="recall_at_1",
                pipeline="vision",
                beside=("vision_text",),
                bound=0.8,
                better="higher",
                measure=partial(recall_at_1, folder),
                data=(folder,),
            )
        )
    if answers and any(each.questions for each in read_scenes(folder)):
        found.append(
            Metric(
                name="answers_kept",
                pipeline="vision",
                bound=1.0,
                better="higher",
                measure=partial(answers_kept, checkpoint, folder),
                data=(folder, checkpoint),
            )
        )
    return tuple(found)


def recall_at_1(folder: Path, vision: Run, vision_text: Run) -> float:
    """The share of captions whose image is nearer to them than all others.

    Args:
        folder: the scenes.
        vision: the pipeline, ``image`` -> ``pooled``.
        vision_text: the pipeline, ``text`` -> ``text_pooled``.
    """
    scenes = read_scenes(folder)
    images = np.stack([vision(_request(each))["pooled"] for each in scenes])
    captions = [each.caption.encode() for each in scenes]
    texts = np.concatenate(
        [
            vision_text({"text": np.array(captions[first : first + TEXTS], np.object_)})[
                "text_pooled"
            ]
            for first in range(0, len(captions), TEXTS)
        ]
    )
    nearest = (_unit(texts) @ _unit(images).T).argmax(1)
    return float(np.mean([captions[at] == own for at, own in zip(nearest, captions, strict=True)]))


def answers_kept(checkpoint: Path, folder: Path, vision: Run) -> float:
    """Right answers of the checkpoint's language model to questions about scenes: those that it
    gives from the served embeddings, over those that it gives from its own.

    Args:
        checkpoint: of the eye and its language model.
        folder: the scenes; the first question about some of them is asked.
        vision: the pipeline, ``image`` -> ``image_embeds``.
    """
    scenes = [each for each in read_scenes(folder) if each.questions]
    scenes = scenes[:: -(-len(scenes) // ASKED)]
    asked = [each.questions[0] for each in scenes]
    served = [vision(_request(each))["image_embeds"] for each in scenes]
    right = []
    for embeds in (None, served):
        given = _answers(checkpoint, scenes, [question for question, _ in asked], embeds)
        right.append(sum(a == b for a, (_, b) in zip(given, asked, strict=True)))
    own, from_served = right
    if not own:
        raise BuildersError(
            f"{folder}: expected questions that the checkpoint {checkpoint} can answer by itself, "
            f"found no right answer to {len(asked)}. Name scenes that it was trained for."
        )
    return from_served / own


def _request(scene: Scene) -> Arrays:
    return {"image": np.frombuffer(scene.image.read_bytes(), np.uint8)}


def _unit(rows: Array) -> Any:
    found = rows.astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def _answers(
    checkpoint: Path, scenes: Sequence[Scene], questions: Sequence[str], embeds: Any
) -> list[str]:
    """What the language model says, greedily; of its own features where there are no embeddings."""
    import torch
    from PIL import Image

    from builders.kit import onnx
    from builders.vision.checkpoint.read import read_eye

    model = onnx.load_transformers(checkpoint, read_eye(checkpoint).architecture)
    with onnx.transformers_alone() as transformers:
        processor = transformers.AutoProcessor.from_pretrained(
            checkpoint, local_files_only=True, trust_remote_code=False
        )
    processor.tokenizer.padding_side = "left"
    images = [Image.open(each.image).convert("RGB") for each in scenes]
    prompts = [
        processor.apply_chat_template(
            [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}],
            add_generation_prompt=True,
        )
        for question in questions
    ]
    # The chat's own words begin with the token for the beginning, where there is one.
    inputs = processor(
        text=prompts,
        images=images,
        padding=True,
        add_special_tokens=False,
        return_tensors="pt",
    )
    with torch.no_grad():
        if embeds is None:
            found = model.generate(**inputs, do_sample=False, max_new_tokens=LONGEST)
            found = found[:, inputs["input_ids"].shape[1] :]
        else:
            rows = model.get_input_embeddings()(inputs["input_ids"])
            shown = torch.from_numpy(np.concatenate(embeds))
            rows[inputs["input_ids"] == model.config.image_token_id] = shown
            found = model.generate(
                inputs_embeds=rows,
                attention_mask=inputs["attention_mask"],
                do_sample=False,
                max_new_tokens=LONGEST,
            )
    answers = processor.batch_decode(found, skip_special_tokens=True)
    return [each.strip() for each in answers]
