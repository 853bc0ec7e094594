"""The gate on retrieval of sentences: what it counts, and that a spoilt model is beyond it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from builders.embed.metric import PAIRS, recall
from repository.arrays import Arrays
from repository.places import ROOT
from runtime.inprocess import InProcess

GATE = recall(32)


def test_recall_counts_the_sentences_whose_other_half_is_nearest() -> None:
    pairs = [tuple(pair) for pair in json.loads(PAIRS.read_text("utf-8"))["pairs"]]
    number = {text: at for at, pair in enumerate(pairs) for text in pair}
    assert len(number) == 2 * len(pairs) == 120
    asked = []

    def run(inputs: Arrays, confused: int = 0) -> dict[str, Any]:
        texts = [each.decode() for each in inputs["text"]]
        asked.append(len(texts))
        rows = np.eye(len(pairs), dtype=np.float32)
        # The second halves of the first pairs say what the next pair does.
        at = [
            (number[text] + 1) % confused
            if number[text] < confused and text == pairs[number[text]][1]
            else number[text]
            for text in texts
        ]
        return {"embeddings": 3 * rows[at]}

    assert GATE.measure(run) == 1
    assert max(asked) <= 32
    assert GATE.measure(lambda inputs: run(inputs, confused=6)) == 0.9
    assert (GATE.bound, GATE.better, GATE.pipeline) == (0.9, "higher", "text_embed")
    assert GATE.measure(lambda inputs: run(inputs, confused=7)) < GATE.bound


@pytest.mark.thorough
def test_what_is_served_is_within_the_bound_and_the_same_spoilt_is_not() -> None:
    process = InProcess(ROOT / "model_repository")

    def served(inputs: Arrays) -> dict[str, Any]:
        return dict(process.run("text_embed", inputs))

    def spoilt(inputs: Arrays) -> dict[str, Any]:
        """Each text's numbers stand elsewhere, by its length."""
        rows = served(inputs)["embeddings"]
        turned = [np.roll(row, len(text)) for row, text in zip(rows, inputs["text"], strict=True)]
        return {"embeddings": np.stack(turned)}

    assert GATE.measure(spoilt) < GATE.bound <= GATE.measure(served)
