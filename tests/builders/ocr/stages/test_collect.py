"""From the recogniser's answers to the pipeline's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from builders.ocr.stages import collect
from builders.ocr.stages.reading import ctc

Run = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / collect.CHARACTERS).write_text(json.dumps(["", "a", "é", "中", " "]), "utf-8")
    return collect.prepare(tmp_path, {})


def answers(score: float = 0.9) -> dict[str, np.ndarray]:
    """Two buckets; the second has a blank crop's row that no slot names."""
    index = [np.array(((1, 0, 2), (3, 0, 0))), np.array(((4, 0, 0, 0), (1, 0, 0, 0)))]
    sure = [np.full(k.shape, score, np.float32) for k in index]
    return {
        **{f"index_{k}": v.astype(np.int32) for k, v in enumerate(index)},
        **{f"probability_{k}": v for k, v in enumerate(sure)},
        **{f"space_{k}": np.zeros_like(v) for k, v in enumerate(sure)},
        "lines": np.arange(24, dtype=np.float32).reshape(3, 4, 2),
        "line_pages": np.array((1, 1, 2), np.int32),
        "slots": np.array(((0, 0, 1, 0), (1, 1, 0, 0), (2, 0, 0, 0)), np.int32),
        "ways": np.array([(-1, -1, 0)] * 3, np.int32),
    }


def test_lines_come_in_the_order_of_their_slots_and_blank_ones_go(run: Run) -> None:
    out = run(answers())
    assert [text.decode() for text in out["text"]] == ["中", "aé"]
    assert out["boxes"][:, 0, 0].tolist() == [0, 16] and out["boxes"].shape == (2, 4, 2)
    score = ctc.score(np.full(2, 0.9, np.float32))
    assert out["scores"] == pytest.approx([score, score]) and out["scores"].dtype == np.float32


def test_each_line_says_its_page(run: Run) -> None:
    assert run(answers())["page_numbers"].tolist() == [1, 2]


def test_a_line_of_several_crops_is_one_line(run: Run) -> None:
    pieces = np.array([(0, 0, 0, 0), (0, 0, 1, 1), (0, 0, 0, 0), (1, 1, 0, 0), (2, 0, 1, 0)])
    out = run(answers() | {"slots": pieces.astype(np.int32)})
    assert [text.decode() for text in out["text"]] == ["aé 中aé", "中"]


def test_one_bad_character_of_one_piece_is_the_lines(run: Run) -> None:
    slots = np.array([(0, 0, 0, 0), (0, 0, 1, 0), (1, 0, 0, 0), (2, 0, 0, 0)], np.int32)
    inputs = answers(1.0) | {"slots": slots}
    inputs["probability_0"] = np.array(((1, 1, 1), (0.4, 0, 0)), np.float32)
    assert run(inputs)["scores"] == pytest.approx(
        [ctc.score(np.array((1, 1, 0.4), np.float32)), 1, 1]
    )


def test_of_each_page_the_surer_way_up_is_kept(run: Run) -> None:
    both = answers() | {
        "lines": np.repeat(np.arange(24, dtype=np.float32).reshape(3, 4, 2)[:1], 4, 0),
        "line_pages": np.array((1, 1, 2, 2), np.int32),
        "slots": np.array([(k, 0, (0, 1, 1, 0)[k], 0) for k in range(4)], np.int32),
        "ways": np.array([(0, -1, 0), (1, -1, 0)] * 2, np.int32),
    }
    both["probability_0"] = np.array(((0.9, 0, 0.9), (0.6, 0, 0)), np.float32)
    out = run(both)
    assert [text.decode() for text in out["text"]] == ["aé", "aé"]
    assert out["page_numbers"].tolist() == [1, 2]


def test_the_minimum_score_decides(run: Run) -> None:
    assert len(run(answers(0.45))["text"]) == 0
    assert len(run({**answers(0.45), "minimum_score": np.array([0.4], np.float32)})["text"]) == 2
    assert len(run({**answers(0.9), "minimum_score": np.array([0.95], np.float32)})["text"]) == 0


def test_a_page_without_text_gives_nothing(run: Run) -> None:
    none = {"lines": np.zeros((0, 4, 2), np.float32), "slots": np.zeros((0, 4), np.int32)}
    none["line_pages"] = np.zeros(0, np.int32)
    out = run({**answers(), **none, "ways": np.zeros((0, 3), np.int32)})
    assert out["text"].shape == (0,) and out["boxes"].shape == (0, 4, 2)
    assert out["scores"].shape == (0,)


def test_of_a_page_read_both_ways_the_surer_reading_is_kept(run: Run) -> None:
    page = answers() | {"line_pages": np.ones(3, np.int32)}
    page["probability_0"][0] = 0.4
    ways = np.array(((0, -1, 0), (-1, -1, 0), (1, -1, 0)), np.int32)
    assert [text.decode() for text in run({**page, "ways": ways})["text"]] == ["中"]
    page["probability_0"][:] = np.array(((0.5,), (0.9,)))
    assert [text.decode() for text in run({**page, "ways": ways})["text"]] == ["aé"]


def test_ways_that_do_not_fit_the_lines_are_refused(run: Run) -> None:
    with pytest.raises(ValueError, match="2 ways for 3 lines"):
        run({**answers(), "ways": np.zeros((2, 3), np.int32)})


@pytest.mark.parametrize("value", [[np.nan], [-0.1], [1.1], [np.inf], [], [0.1, 0.2]])
def test_a_silly_minimum_score_is_refused(run: Run, value: list[float]) -> None:
    with pytest.raises(ValueError, match="minimum_score must be one number from 0 to 1"):
        run({**answers(), "minimum_score": np.array(value, np.float32)})
