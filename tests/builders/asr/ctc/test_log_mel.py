"""Features equal those of transformers' own extractor, at any length and beside any other row."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import ParakeetFeatureExtractor

from builders.asr.ctc.log_mel import (
    FeatureConfig,
    LogMel,
    _in_order_of_joining,
    read_feature_config,
)
from builders.asr.sound import speech_like
from builders.kit.sources import SourceError

EXTRACTOR = ParakeetFeatureExtractor(feature_size=80)
CONFIG = FeatureConfig(
    sampling_rate=16_000,
    feature_size=80,
    n_fft=512,
    win_length=400,
    hop_length=160,
    preemphasis=0.97,
)
MODULE = LogMel(CONFIG)


def ours(rows: list[np.ndarray], length: int) -> np.ndarray:
    padded = np.stack([np.pad(row, (0, length - len(row))) for row in rows])
    lengths = torch.tensor([len(row) for row in rows], dtype=torch.int32)
    with torch.no_grad():
        features, _ = MODULE(torch.from_numpy(padded), lengths)
    return np.asarray(features.numpy())


def theirs(rows: list[np.ndarray], length: int) -> tuple[np.ndarray, np.ndarray]:
    found = EXTRACTOR(
        rows, sampling_rate=16_000, return_tensors="pt", padding="max_length", max_length=length
    )
    return found.input_features.numpy(), found.attention_mask.numpy()


@settings(max_examples=20, deadline=None)
@given(
    hop=st.integers(1, 12).map(lambda each: 4 * each),
    window=st.integers(2, 20).map(lambda each: 4 * each),
    longer=st.integers(0, 8),
    length=st.integers(100, 500),
    seed=st.integers(0, 99),
)
def test_the_four_parts_join_to_the_whole_spectrum(
    hop: int, window: int, longer: int, length: int, seed: int
) -> None:
    transform = 8 * (-(-window // 8) + longer)
    bins = transform // 2 + 1
    module = LogMel(FeatureConfig(16_000, 1, transform, window, hop, 0.0))
    samples = np.random.default_rng(seed).standard_normal(length).astype(np.float32)
    with torch.no_grad():
        power = module._power(torch.from_numpy(samples[None]), torch.tensor([length]))[0]
    padded = np.pad(samples, window // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    whole = np.abs(np.fft.rfft(frames * np.hanning(window), transform)) ** 2
    # A filter for each bin gives the spectrum in its own order.
    filters = _in_order_of_joining(np.eye(bins, dtype=np.float32))
    np.testing.assert_array_equal(filters.sum(0), 1, "each bin counts once")
    np.testing.assert_allclose(power.numpy() @ filters, whole, atol=1e-3)


@settings(max_examples=15, deadline=None)
@given(
    lengths=st.lists(st.integers(320, 12_000), min_size=1, max_size=4),
    padding=st.integers(0, 5000),
    seed=st.integers(0, 50),
    loudness=st.sampled_from([0.005, 0.1, 1.0, 30.0]),
)
def test_features_are_the_extractors(
    lengths: list[int], padding: int, seed: int, loudness: float
) -> None:
    rows = [np.float32(loudness) * speech_like(size, seed + at) for at, size in enumerate(lengths)]
    length = max(lengths) + padding
    found, (wanted, mask) = ours(rows, length), theirs(rows, length)
    assert found.shape == wanted.shape
    # Bins whose few frames are nearly equal are divided by a deviation of the rounding's order.
    np.testing.assert_allclose(found, wanted, atol=0.05)
    assert np.abs(found - wanted).mean() < 1e-4
    assert not found[mask == 0].any() and found[mask != 0].any(-1).all()


@pytest.mark.parametrize("length", [1, 2, 80, 159, 160, 161, 199, 200, 319])
def test_a_sound_too_short_for_two_frames_has_finite_features(length: int) -> None:
    features = ours([speech_like(length, 3)], length)
    assert np.isfinite(features).all()
    assert not features[:, length // 160 :].any()


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0])
def test_constant_sounds_have_finite_features(value: float) -> None:
    features = ours([np.full(9000, value, np.float32)], 9000)
    assert np.isfinite(features).all()


def test_what_lies_behind_a_row_is_not_heard() -> None:
    row = speech_like(8000, 1)
    alone = ours([row], 8000)
    loud = np.concatenate((row, np.ones(4000, np.float32)))
    with torch.no_grad():
        features, _ = MODULE(torch.from_numpy(loud[None]), torch.tensor([8000]))
    frames = alone.shape[1]
    np.testing.assert_allclose(features.numpy()[:, :frames], alone, atol=1e-5)


SETTINGS = {"feature_extractor_type": "ParakeetFeatureExtractor", "feature_size": 128}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("preprocessor_config.json", SETTINGS),
        ("processor_config.json", {"feature_extractor": SETTINGS}),
    ],
)
def test_settings_are_found_where_either_transformers_writes_them(
    tmp_path: Path, name: str, content: dict[str, object]
) -> None:
    (tmp_path / name).write_text(json.dumps(content))
    assert read_feature_config(tmp_path) == FeatureConfig(16_000, 128, 512, 400, 160, 0.97)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "feature_extractor_type: none .expected ParakeetFeatureExtractor"),
        ("{", "expected JSON"),
        ('{"feature_extractor_type": "WhisperFeatureExtractor"}', "_type: .WhisperFeature"),
        ("{}", "feature_extractor_type: none"),
        (json.dumps(SETTINGS | {"hop_length": "many"}), "hop_length: .many. .expected a whole"),
        (json.dumps(SETTINGS | {"hop_length": 158}), "hop_length: 158 .expected a multiple of 4"),
        (json.dumps(SETTINGS | {"n_fft": 420}), "n_fft: 420 .expected a multiple of 8"),
    ],
)
def test_other_settings_are_refused(tmp_path: Path, content: str | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "preprocessor_config.json").write_text(content)
    with pytest.raises(SourceError, match=sentence):
        read_feature_config(tmp_path)
