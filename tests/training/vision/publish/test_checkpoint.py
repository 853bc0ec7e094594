"""The shipped checkpoints, by transformers alone: small, hashed, described, and they see."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors import safe_open

from builders.kit import sources
from training.vision.publish.card import text_card, vision_card
from training.vision.publish.evaluation import EXAMPLES
from training.vision.publish.figures import Answers, retrieval
from training.vision.text import tokenizer

EVALUATION = Path("builders/scenes/evaluation")
SHOWN = Path("clients/examples/scenes")

VISION, TEXT = (sources.resolve(f"demo:{name}").path for name in ("vision", "vision_text"))

HELD_OUT, UNSEEN, RECALL = 0.90, 0.75, 0.90
"""Exact answers and recall at 1 that the checkpoints have to reach."""


def described(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "training.json").read_text("utf-8")))


def evaluation() -> list[dict[str, Any]]:
    return list(json.loads((EVALUATION / "scenes.json").read_text("utf-8"))["scenes"])


@cache
def answers() -> Answers:
    return Answers(VISION)


def exact(part: str, scenes: int) -> float:
    right: list[bool] = [
        answers().ask(Image.open(EVALUATION / each["image"]), asked["question"]) == asked["answer"]
        for each in [each for each in evaluation() if each["part"] == part][:scenes]
        for asked in each["questions"]
    ]
    return float(sum(right)) / len(right)


def test_the_measured_figures_reach_the_bounds() -> None:
    figures = described(VISION)["figures"]
    assert min(figures[part]["questions"] for part in ("held_out", "unseen")) >= 1000
    assert "unseen_small" in figures
    assert figures["held_out"]["exact"] >= HELD_OUT
    assert figures["unseen"]["exact"] >= UNSEEN
    assert figures["retrieval"]["text_to_image"] >= RECALL
    assert described(TEXT)["figures"]["retrieval"] == figures["retrieval"]


def test_the_examples_are_answered() -> None:
    listed = json.loads((SHOWN / "scenes.json").read_text("utf-8"))
    assert len(listed) == len(EXAMPLES)
    for each in listed:
        with Image.open(SHOWN / each["image"]) as image:
            assert answers().ask(image, each["question"]) == each["answer"]


def test_a_second_question_of_a_conversation_is_answered() -> None:
    processor, model = answers().processor, answers().model
    with Image.open(SHOWN / "square.png") as image:
        parts = [{"type": "image", "image": image}, {"type": "text", "text": "What do you see?"}]
        said = "a blue square left of a green star"
        inputs = processor.apply_chat_template(
            [
                {"role": "user", "content": parts},
                {"role": "assistant", "content": [{"type": "text", "text": said}]},
                {"role": "user", "content": [{"type": "text", "text": "Which size is the star?"}]},
            ],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )
    with torch.no_grad():
        tokens = model.generate(**inputs)[0, inputs["input_ids"].shape[1] :]
    assert processor.decode(tokens, skip_special_tokens=True) == "big"


@pytest.mark.thorough
@pytest.mark.parametrize(("part", "bound"), [("held-out", HELD_OUT), ("unseen", UNSEEN)])
def test_the_evaluation_set_is_answered(part: str, bound: float) -> None:
    assert exact(part, 100) >= bound


@pytest.mark.thorough
def test_the_figures_are_found_again() -> None:
    found = described(TEXT)
    assert retrieval(TEXT, found["seed"], 100) == found["figures"]["retrieval"]


def test_both_folders_have_the_same_tower() -> None:
    with (
        safe_open(VISION / "model.safetensors", "pt") as one,
        safe_open(TEXT / "model.safetensors", "pt") as other,
    ):
        names = [name for name in other.keys() if name.startswith("vision_model.")]  # noqa: SIM118
        assert len(names) > 50
        for name in names:
            tower = name.replace("vision_model.", "vision_tower.", 1)
            assert torch.equal(one.get_tensor(tower), other.get_tensor(name))


def test_the_folders_are_small_and_hold_what_transformers_reads() -> None:
    files = [file for folder in (VISION, TEXT) for file in folder.iterdir()]
    assert sum(file.stat().st_size for file in files) < 15_000_000
    both = {"config.json", "model.safetensors", "tokenizer.json", "preprocessor_config.json"}
    for folder in (VISION, TEXT):
        assert both | {"processor_config.json", "README.md", "LICENSE"} <= {
            file.name for file in folder.iterdir()
        }
    assert {"chat_template.jinja", "generation_config.json"} <= {
        file.name for file in VISION.iterdir()
    }


@pytest.mark.parametrize("name", ["vision", "vision_text"])
def test_the_source_is_licensed_and_every_file_is_hashed(name: str) -> None:
    source = sources.resolve(f"demo:{name}")
    assert source.licence == "apache-2.0"
    assert set(source.files) == {f.name for f in source.path.iterdir()} - {sources.SUMS}


def test_the_tokenizer_is_the_one_that_the_project_makes() -> None:
    made = tokenizer.load()
    for folder in (VISION, TEXT):
        stored = json.loads((folder / "tokenizer.json").read_text("utf-8"))
        assert stored["model"]["vocab"] == made.get_vocab(with_added_tokens=False)


def test_the_model_cards_say_what_was_measured() -> None:
    assert (VISION / "README.md").read_text("utf-8") == vision_card(described(VISION))
    assert (TEXT / "README.md").read_text("utf-8") == text_card(described(TEXT))


def test_the_evaluation_set_is_small_and_whole() -> None:
    listed = evaluation()
    files = list(EVALUATION.iterdir())
    assert {each["image"] for each in listed} == {file.name for file in files} - {"scenes.json"}
    assert sum(file.stat().st_size for file in files) < 500_000
    captions = [each["caption"] for each in listed if each["part"] == "held-out"]
    assert len(captions) == len(set(captions)) == 100
    assert sum(each["part"] == "unseen" for each in listed) == 30
    assert all(each["questions"] for each in listed)
