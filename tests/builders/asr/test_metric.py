"""The word error rate: what is charged and what is not, and that the set is whole."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from builders.asr.metric import FOLDER, TRANSCRIPTS, metrics, normalised, word_error_rate
from repository.arrays import Arrays

SPOKEN = [each["text"] for each in json.loads(TRANSCRIPTS.read_text("utf-8"))["utterances"]]


def reader(texts: list[str]) -> object:
    answers = iter(texts)

    def run(inputs: Arrays) -> Arrays:
        assert bytes(inputs["audio"].tobytes())[:4] == b"OggS"
        text = next(answers)
        return {"text": np.array([text.encode()] if text else [], np.object_)}

    return run


@pytest.mark.parametrize("kind", ["clean", "noisy"])
def test_right_words_cost_nothing_whatever_their_case_and_punctuation(kind: str) -> None:
    loud = [f"{text.upper()}." for text in SPOKEN]
    assert word_error_rate(reader(loud), kind=kind) == 0.0  # type: ignore[arg-type]


def test_each_word_left_out_is_an_error() -> None:
    assert word_error_rate(reader([""] * len(SPOKEN)), kind="clean") == 1.0  # type: ignore[arg-type]
    words = sum(len(text.split()) for text in SPOKEN)
    one_less = [SPOKEN[0].rpartition(" ")[0], *SPOKEN[1:]]
    rate = word_error_rate(reader(one_less), kind="clean")  # type: ignore[arg-type]
    assert rate == pytest.approx(1 / words)


def test_normalised_keeps_words_apart() -> None:
    assert normalised("Forty-two, it's <b>_x_</b> O.K.") == "forty two it's b x b o k"


def test_the_set_is_whole() -> None:
    listed = json.loads(TRANSCRIPTS.read_text("utf-8"))["utterances"]
    assert len(listed) == 60
    named = {each[kind] for each in listed for kind in ("clean", "noisy")}
    assert named == {path.name for path in FOLDER.glob("*.ogg")}
    for each in listed[::10]:
        sound = soundfile.info(FOLDER / each["noisy"])
        assert (sound.samplerate, sound.channels) == (16_000, 1)
        assert sound.duration == pytest.approx(each["seconds"], abs=0.05)


def test_the_gates_are_the_bounds_that_are_promised() -> None:
    assert {each.name: each.bound for each in metrics("asr", clean=0.05, noisy=0.15)} == {
        "word_error_rate": 0.05,
        "word_error_rate_10_db": 0.15,
    }
