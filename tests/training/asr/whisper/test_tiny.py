"""The tiny Whisper's training: the same weights however often it is stopped, labels as spoken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.asr.whisper import tiny
from training.asr.whisper.tiny_speech import RATE, WORDS, talk
from training.asr.whisper.tiny_tokenizer import make_tokenizer


@pytest.fixture(scope="module")
def ids() -> dict[str, int]:
    vocabulary: dict[str, int] = make_tokenizer((*WORDS["en"], *WORDS["de"])).get_vocab()
    return vocabulary


def test_a_phrase_that_the_window_cuts_has_a_start_and_no_end(ids: dict[str, int]) -> None:
    names = {index: name for name, index in ids.items()}
    cut = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        wave, phrases = talk(rng, "de", tiny.SECONDS)
        assert wave.shape == (tiny.SECONDS * RATE,)
        row = tiny.target(ids, rng, "de", phrases)
        assert len(row.heard) == len(row.tokens)
        stamps = [names[token] for token in row.tokens if token >= ids["<|0.00|>"]]
        if stamps:
            assert len(stamps) == 2 * len(phrases) - (phrases[-1].end > tiny.SECONDS)
            cut += len(stamps) % 2
    assert cut


@pytest.mark.slow
def test_a_run_that_was_stopped_gives_the_weights_of_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny, "SAVE_EVERY", 2)
    monkeypatch.setattr(tiny, "BATCH", 2)
    tiny.train(tmp_path / "whole", steps=4)
    real = tiny.batch

    def stops(ids: object, extractor: object, seed: int, step: int) -> object:
        if step == 3:
            raise KeyboardInterrupt
        return real(ids, extractor, seed, step)  # type: ignore[arg-type]

    monkeypatch.setattr(tiny, "batch", stops)
    with pytest.raises(KeyboardInterrupt):
        tiny.train(tmp_path / "stopped", steps=4)
    monkeypatch.setattr(tiny, "batch", real)
    tiny.train(tmp_path / "stopped", steps=4)
    whole, stopped = (
        (tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "stopped")
    )
    assert whole == stopped
    assert not (tmp_path / "stopped" / "training.pt").exists()
