"""Words of a window, by what the checkpoint, the language and the task say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from builders.asr.stages import transcribe_long
from builders.asr.stages.whisper import whisper_tokens
from builders.kit.invalid_argument import InvalidArgument
from tests.builders.asr.whisper.test_features import checkpoint, stage_settings

SETTINGS = replace(
    stage_settings(checkpoint(80)),
    tokens=["今".encode(), "日".encode()],
    languages=["en", "ja"],
    tasks=["transcribe", "translate"],
    alignment_heads=1,
)
STAMP = SETTINGS.first_time_stamp
TOKENS = [STAMP + 10, 0, 1, STAMP + 100]
ENDS = [0, 25, 60, 100]
"""Positions of 20 ms."""


def call(name: str, requests: Sequence[transcribe_long.Arrays]) -> list[dict[str, np.ndarray]]:
    """The model: one window, in the language that is asked for."""
    (given,) = requests
    attention = np.full((1, 5, 1, 1500), 1e-4, np.float32)
    for row, (first, after) in enumerate(zip(ENDS, [*ENDS[1:], 1500], strict=True), 1):
        attention[0, row, 0, first:after] = 0.01
    return [
        {
            "tokens": np.array([[*TOKENS, 0]], np.int32),
            "lengths": np.array([[4]], np.int32),
            "log_probs": np.log([[0.9, 0.5, 0.8, 0.9, 1.0]], dtype=np.float32),
            "language": given["languages"],
            "attention": attention,
        }
    ]


def heard(
    language: str, task: str, settings: whisper_tokens.Settings = SETTINGS
) -> dict[str, np.ndarray]:
    numbers = SETTINGS.languages.index(language), SETTINGS.tasks.index(task)
    wave = np.ones(16000 * 4, np.float32)
    return transcribe_long.answer(
        transcribe_long.transcribe(wave, *numbers, settings, call), settings
    )


@pytest.mark.parametrize(
    ("language", "task", "words", "times"),
    [
        ("ja", "transcribe", ["今", "日"], [[0.0, 0.5], [0.5, 1.2]]),
        ("ja", "translate", ["今日"], [[0.0, 1.2]]),
        ("en", "transcribe", ["今日"], [[0.0, 1.2]]),
    ],
)
def test_spaces_part_words_where_the_text_has_any(
    language: str, task: str, words: list[str], times: list[list[float]]
) -> None:
    answer = heard(language, task)
    assert [word.decode() for word in answer["words"]] == words
    np.testing.assert_allclose(answer["word_times"], times, atol=1e-6)
    assert answer["word_scores"].dtype == answer["word_times"].dtype == np.float32
    assert answer["word_scores"].prod() == pytest.approx(0.4 if len(words) == 2 else 0.4**0.5)


def test_without_alignment_heads_there_are_segments_and_no_words() -> None:
    answer = heard("en", "transcribe", replace(SETTINGS, alignment_heads=0))
    assert [text.decode() for text in answer["segment_text"]] == ["今日"]
    assert answer["words"].shape == answer["word_scores"].shape == (0,)
    assert answer["word_times"].shape == (0, 2)


@pytest.mark.parametrize("name", ["waveform", "speech"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: float
) -> None:
    monkeypatch.setattr(whisper_tokens, "read", lambda path: SETTINGS)
    run = transcribe_long.prepare(Path(), {}, call)
    inputs = {"waveform": np.ones(16_000, np.float32), "speech": np.ones(32, np.float32)}
    assert run(inputs)["text"].size == 1
    inputs[name][5] = value
    with pytest.raises(InvalidArgument, match="found NaN or infinity"):
        run(inputs)
