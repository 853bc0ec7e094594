"""Batches: a function of seed and step, and nothing in them that labels cannot follow."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from training.asr.learning import batches, corpus, model, train
from training.asr.text import tokenizer
from training.errors import TrainingError

BLANK = len(tokenizer.pieces())


@pytest.fixture
def items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> batches.Items:
    """Twelve recordings of noise in two chunks."""
    monkeypatch.setattr(corpus, "CHUNK", 6)
    rng = np.random.default_rng(1)
    for number in range(2):
        frames = [int(n) for n in rng.integers(80, 300, 6)]
        listed = [{"frames": n, "text": "" if k == 5 else "one two"} for k, n in enumerate(frames)]
        spans = [[(0.1, 0.4), (0.4, 0.7)] if each["text"] else [] for each in listed]
        features = rng.standard_normal((sum(frames), 80)).astype(np.float16)
        np.save(tmp_path / f"features-{number:04d}.npy", features)
        (tmp_path / f"items-{number:04d}.json").write_text(json.dumps(listed))
        (tmp_path / f"spans-{number:04d}.json").write_text(json.dumps(spans))
    return batches.Items(tmp_path, tokenizer.build())


def order(items: batches.Items, steps: int) -> list[list[int]]:
    return [list(map(int, b)) for _, b in itertools.islice(batches.schedule(items, 5, 12), steps)]


def test_the_schedule_is_the_same_each_time_and_every_round_has_every_item(
    items: batches.Items, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "FRAMES", 600)
    rounds: dict[int, list[int]] = {}
    for number, chosen in itertools.islice(batches.schedule(items, 5, 12), 20):
        rounds.setdefault(number, []).extend(map(int, chosen))
        assert len(chosen) * max(items.frames[k] for k in chosen) <= 600
    assert sorted(rounds[0]) == list(range(12))
    assert rounds[0] != rounds[1]
    assert order(items, 20) == order(items, 20)


def test_the_first_rounds_say_where_words_are(items: batches.Items) -> None:
    items.grow(12)
    batch = items.batch(np.arange(6), np.random.default_rng(0), 0)
    assert batch.targets is not None
    for row in range(6):
        outputs = model.frames_out(items.frames[row])
        said = set(batch.targets[row, :outputs].tolist()) - {BLANK}
        assert said == set(items.labels[row])
        assert set(batch.targets[row, outputs:].tolist()) <= {batches.IGNORED}
    assert items.batch(np.arange(6), np.random.default_rng(0), 2).targets is None


def test_later_rounds_vary_voice_and_speed_but_not_labels(items: batches.Items) -> None:
    items.grow(12)
    plain = items.batch(np.arange(6), np.random.default_rng(0), 2)
    varied = items.batch(np.arange(6), np.random.default_rng(0), batches.VARIED_FROM)
    assert plain.lengths.tolist() == items.frames[:6]
    ratio = varied.lengths / plain.lengths
    assert 0.84 < ratio.min() < ratio.max() < 1.16
    assert varied.labels.tolist() == plain.labels.tolist()


def test_a_longer_vocal_tract_lowers_what_is_heard() -> None:
    features = np.zeros((50, 80), np.float32)
    features[:, 40] = 1
    peaks = {
        int(batches.vary(features, np.random.default_rng(seed)).mean(axis=0).argmax())
        for seed in range(30)
    }
    assert min(peaks) < 37
    assert max(peaks) > 43


def test_joined_speakers_say_what_each_says(
    items: batches.Items, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "JOINED_SHARE", 1.0)
    items.grow(12)
    apart = items.batch(np.arange(12), np.random.default_rng(2), 5)
    joined = items.batch(np.arange(12), np.random.default_rng(2), 5, joined=True)
    assert 3 <= len(joined.lengths) <= 6
    assert joined.labels.tolist() == apart.labels.tolist()
    assert int(joined.lengths.sum()) == int(apart.lengths.sum())
    assert int(joined.label_lengths.sum()) == int(apart.label_lengths.sum())


def test_a_joined_recording_is_normalised_over_all_of_it() -> None:
    rng = np.random.default_rng(3)
    parts = [rng.standard_normal((n, 80)).astype(np.float32) for n in (60, 90)]
    made = batches.join(parts, rng)
    assert made.shape == (150, 80)
    assert np.allclose(made.mean(axis=0), 0, atol=1e-4)
    assert np.allclose(made.std(axis=0), 1, atol=1e-3)
    assert np.abs(made[:60].mean(axis=0)).max() > 0.1


def test_padding_is_masked(items: batches.Items) -> None:
    items.grow(12)
    batch = items.batch(np.arange(6), np.random.default_rng(0), 0)
    assert batch.mask.sum(dim=1).tolist() == items.frames[:6]
    assert float(batch.features[~batch.mask].abs().sum()) == 0


def test_a_chunk_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="items-0003"):
        corpus.wait_for(tmp_path / "items-0003.json", seconds=0)


@pytest.mark.parametrize(("frames", "outputs"), [(1, 1), (8, 1), (9, 2), (100, 13), (3000, 375)])
def test_the_count_of_outputs_is_the_models_own(frames: int, outputs: int) -> None:
    import torch

    network = model.build(1)
    assert model.frames_out(frames) == outputs
    assert int(network._get_subsampling_output_length(torch.tensor([frames]))) == outputs


def test_the_learning_rate_rises_stays_and_falls_and_does_so_again() -> None:
    rates = [train.rate_at(step, 1000, 500) for step in range(1500)]
    assert rates[0] < rates[100] < rates[299] == rates[600] == train.PEAK_RATE
    assert rates[999] < 0.01 * train.PEAK_RATE
    assert rates[1000] < rates[1099] < train.PEAK_RATE / 2
    assert rates[1499] < rates[1400] < rates[1099]


@pytest.mark.thorough
def test_a_run_that_was_cut_off_goes_on_to_the_same_weights(
    items: batches.Items, tmp_path: Path
) -> None:
    options = {"seed": 5, "count": 12, "steps": 3, "again": 1, "threads": 1}
    whole = train.train(tmp_path, tmp_path / "a", until=4, **options)
    train.train(tmp_path, tmp_path / "b", until=2, **options)
    assert train.train(tmp_path, tmp_path / "b", until=4, **options) == whole
    assert train.train(tmp_path, tmp_path / "c", until=2, **options) != whole
