"""The gates on retrieval and on answers: what they count, and that a spoilt model fails a build."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from builders.errors import BuildersError
from builders.kit.build.errors import BuildError
from builders.kit.family import Metric
from builders.kit.sources import resolve
from builders.scenes import SHIPPED
from builders.vision import metric
from builders.vision.metric import answers_kept, recall_at_1
from builders.vision.options import DEMO, DEMO_TEXT
from repository.arrays import Arrays
from repository.places import ROOT
from runtime.inprocess import InProcess
from tests.builders.vision.building import built

CAPTIONS = ("a red circle", "two blue squares", "a green star", "three white rings")


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Scenes whose files' sizes tell them apart, each with a question."""
    listed = []
    for number, caption in enumerate(CAPTIONS):
        Image.new("RGB", (8 + number, 8)).save(tmp_path / f"{number}.png")
        asked = [{"question": f"What is in number {number}?", "answer": caption}]
        listed.append({"image": f"{number}.png", "caption": caption, "questions": asked})
    (tmp_path / "scenes.json").write_text(json.dumps({"scenes": listed}), "utf-8")
    return tmp_path


def eye(folder: Path) -> Callable[[Arrays], dict[str, Any]]:
    """Sees of each file which number it is."""
    files = [(folder / f"{number}.png").read_bytes() for number in range(len(CAPTIONS))]
    rows = np.eye(4, dtype=np.float32)
    return lambda inputs: {"pooled": rows[files.index(inputs["image"].tobytes())]}


def reader(*axes: int) -> Callable[[Arrays], dict[str, Any]]:
    """Gives each caption the direction of the scene of that number."""
    rows = dict(zip(CAPTIONS, 7 * np.eye(4, dtype=np.float32)[list(axes)], strict=True))
    return lambda inputs: {
        "text_pooled": np.stack([rows[each.decode()] for each in inputs["text"]])
    }


def test_recall_counts_the_captions_whose_own_image_is_nearest(scenes: Path) -> None:
    vision = eye(scenes)
    assert recall_at_1(scenes, vision, reader(0, 1, 2, 3)) == 1
    assert recall_at_1(scenes, vision, reader(0, 1, 3, 2)) == 0.5
    assert recall_at_1(scenes, vision, reader(1, 2, 3, 0)) == 0


def test_answers_count_over_those_of_the_models_own_embeddings(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def heard(_: Path, listed: list[object], questions: list[str], embeds: Any) -> list[str]:
        assert len(listed) == len(questions) == 4
        return [*CAPTIONS[:2], "?", "?"] if embeds is None else [CAPTIONS[0], *["?"] * 3]

    monkeypatch.setattr(metric, "_answers", heard)
    kept = answers_kept(tmp_path, scenes, lambda inputs: {"image_embeds": inputs["image"]})
    assert kept == 0.5


def test_each_gate_has_a_bound_and_only_what_is_there_is_scored() -> None:
    found = {each.name: each for each in gates()}
    assert {name: (each.bound, each.better) for name, each in found.items()} == {
        "recall_at_1": (0.8, "higher"),
        "answers_kept": (1.0, "higher"),
    }
    assert metric.metrics(SHIPPED, SHIPPED, texts=False, answers=False) == ()


def gates() -> tuple[Metric, ...]:
    return metric.metrics(resolve(DEMO).path, SHIPPED, texts=True, answers=True)


@pytest.mark.thorough
def test_what_is_served_is_within_the_bounds_and_the_same_spoilt_is_not() -> None:
    recall, answers = gates()
    process = InProcess(ROOT / "model_repository")
    vision, texts = (partial(process.run, name) for name in ("vision", "vision_text"))

    def spoilt(inputs: Arrays) -> dict[str, Any]:
        found = vision(inputs)
        # Tokens upside down, and half of the numbers of the vector from somewhere else.
        pooled = found["pooled"].astype(np.float32)
        pooled[::2] += 9 * np.roll(pooled, 1)[::2]
        return {"image_embeds": found["image_embeds"][::-1], "pooled": pooled}

    for gate, right, wrong in (
        (recall, (vision, texts), (spoilt, texts)),
        (answers, (vision,), (spoilt,)),
    ):
        assert gate.measure(*wrong) < gate.bound <= gate.measure(*right), gate.name


@pytest.mark.thorough
def test_a_build_of_a_checkpoint_whose_texts_find_nothing_fails(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    shutil.copytree(resolve(DEMO).path, checkpoint)
    weights = load_file(checkpoint / "model.safetensors")
    (probe,) = (name for name in weights if name.endswith("head.probe"))
    weights[probe] = np.zeros_like(weights[probe])
    (weight,) = (name for name in weights if name.endswith("head.attention.out_proj.weight"))
    weights[weight] = np.roll(weights[weight], 7, 0)
    save_file(weights, checkpoint / "model.safetensors", {"format": "pt"})
    options = {"source": f"path:{checkpoint}", "text": DEMO_TEXT, "evaluation": f"path:{SHIPPED}"}
    with pytest.raises(BuildError) as caught:
        built(tmp_path, options)
    (finding,) = caught.value.findings
    assert finding.where == "metric vision/recall_at_1 of 'vision'"
    assert finding.expected == "at least 0.8"
    assert not (tmp_path / "repository").exists()


def test_a_checkpoint_that_answers_nothing_rightly_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(checkpoint: Path, scenes: list[object], *_: object) -> list[str]:
        return ["?"] * len(scenes)

    def seen(request: Arrays) -> Arrays:
        return {"image_embeds": request["image"]}

    monkeypatch.setattr(metric, "_answers", unknown)
    with pytest.raises(BuildersError, match="Name scenes that it was trained for"):
        answers_kept(tmp_path, SHIPPED, seen)
