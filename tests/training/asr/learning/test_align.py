"""Where words are: each where it is heard, and written for the model's outputs."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("espeakng_loader", reason="espeakng-loader is not installed: pip install "
                    "-c constraints.txt -e '.[training]'")  # fmt: skip
pytest.importorskip("scipy", reason="scipy is not installed: as espeakng-loader")

from builders.kit import sources
from training.asr.learning import align, corpus
from training.asr.publish import word_times
from training.asr.sound import speech
from training.asr.sound.voices import Speaker
from training.asr.text import tokenizer

SPEAKER = Speaker("gmw/en-US", 160, 50, 50)
BLANK = len(tokenizer.pieces())


def decoded(labels: np.ndarray) -> str:
    kept = [int(x) for k, x in enumerate(labels) if x != BLANK and (not k or labels[k - 1] != x)]
    return str(tokenizer.build().decode(kept))


def test_words_follow_each_other_and_a_pause_belongs_to_none() -> None:
    said = speech.say("one, seven", SPEAKER)
    (first, second) = align.word_samples(said)
    assert 0 <= first[0] < first[1] < second[0] < second[1]
    assert second[1] <= len(said.sound) + said.rate // 100
    assert (second[0] - first[1]) / said.rate > 0.1


def test_words_that_are_run_together_share_their_time() -> None:
    said = speech.say("turn off the light in the room", SPEAKER)
    assert -1 in said.starts
    placed = align.word_samples(said)
    assert len(placed) == 7
    assert all(a < b for a, b in placed)
    assert [a for a, _ in placed] == sorted(a for a, _ in placed)


def test_a_word_begins_where_its_sound_does() -> None:
    said = speech.say("b, window, nine", SPEAKER)
    for start, stop in align.word_samples(said):
        middle = said.sound[start:stop].astype(float)
        assert np.sqrt(np.mean(middle**2)) > 500


def test_labels_collapse_to_the_sentence() -> None:
    text = "sixteen hours later"
    placed = [(0.2, 0.8), (0.8, 1.2), (1.2, 1.7)]
    labels = align.frame_labels(text, placed, 25)
    assert decoded(labels) == text
    assert set(labels[: int(0.2 / align.STEP)]) == {BLANK}
    assert set(labels[int(1.7 / align.STEP) + 1 :]) == {BLANK}


def test_a_word_said_twice_is_written_twice() -> None:
    assert decoded(align.frame_labels("five five", [(0.0, 0.4), (0.4, 0.8)], 12)) == "five five"


def test_most_recordings_have_labels_that_say_their_text() -> None:
    scripts = [script for k in range(25) if (script := corpus.write_script(3, k)).spoken]
    right = 0
    for script in scripts:
        placed = align.spans(script)
        assert len(placed) == len(script.text.split())
        outputs = int(placed[-1][1] / align.STEP) + 2
        right += decoded(align.frame_labels(script.text, placed, outputs)) == script.text
    assert right >= 0.7 * len(scripts)


def test_the_delay_of_the_shipped_checkpoints_words_is_the_one_that_it_names() -> None:
    pytest.importorskip("transformers")
    from transformers import AutoModelForCTC

    folder = sources.resolve("demo:parakeet").path
    model = AutoModelForCTC.from_pretrained(folder).eval()
    found = word_times.measure(model, tokenizer.build(), 5, 20)
    assert found["words"] > 80
    named = json.loads((folder / "generation_config.json").read_text("utf-8"))["word_lead"]
    assert found["p50"] == pytest.approx(named, abs=0.04)
    assert 0 < found["p05"] < found["p50"] < found["p95"] < 0.5
