"""The features in the graph, the loudest value in the stage: WhisperFeatureExtractor's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import WhisperFeatureExtractor

from builders.asr.sound import speech_like
from builders.asr.stages.whisper import whisper_sound, whisper_tokens
from builders.asr.whisper.checkpoint import WhisperCheckpoint
from builders.asr.whisper.features import WhisperLogMel
from builders.asr.whisper.generation import Generation

QUIET, ALL = torch.tensor([[-100.0]]), torch.tensor([[100]])


def checkpoint(mels: int) -> WhisperCheckpoint:
    return WhisperCheckpoint(
        path=Path("none"),
        mels=mels,
        n_fft=400,
        hop_length=160,
        frames=3000,
        positions=448,
        generation=Generation(
            maximum=448,
            start=0,
            end=1,
            padding=1,
            no_time_stamps=2,
            initial=None,
            suppressed=(),
            suppressed_first=(),
            languages={},
            tasks={},
            language="",
            task="transcribe",
            alignment_heads=(),
        ),
        median_filter_width=7,
    )


def stage_settings(made: WhisperCheckpoint) -> whisper_tokens.Settings:
    return whisper_tokens.Settings(
        tokens=[],
        first_time_stamp=3,
        frames=made.frames,
        hop=160,
        frame=400,
        languages=[],
        names={},
        language=-1,
        tasks=[],
        task=0,
        alignment_heads=0,
        median_filter_width=7,
        filters=made.mel_filters().astype(np.float32),
    )


def reference(samples: np.ndarray, mels: int) -> np.ndarray:
    extractor = WhisperFeatureExtractor(feature_size=mels)
    longer = samples.size > 480000
    made = extractor(
        samples,
        sampling_rate=16000,
        return_tensors="np",
        truncation=not longer,
        padding="longest" if longer else "max_length",
    )
    return np.asarray(made.input_features[0])


@pytest.mark.parametrize(
    ("samples", "mels"), [(1, 80), (159, 80), (16000, 128), (480000, 80), (480161, 80)]
)
def test_windows_of_a_recording_have_the_extractors_features(samples: int, mels: int) -> None:
    made = checkpoint(mels)
    recording = speech_like(samples, 3)
    expected = reference(recording, mels)
    sound = whisper_sound.Sound(recording, stage_settings(made))
    assert sound.frames == expected.shape[1]
    features = WhisperLogMel(made)
    for first, count in ((0, min(3000, sound.frames)), (sound.frames - 37, 37)):
        window = torch.from_numpy(sound.window(first, count))[None]
        counted, loudest = torch.tensor([[count]]), torch.tensor([[sound.loudest()]])
        found = features(window, counted, loudest)[0].numpy()
        assert found.shape == (mels, 3000)
        np.testing.assert_allclose(found[:, :count], expected[:, first : first + count], atol=2e-4)
        assert not found[:, count:].any()


def test_silence_and_a_full_scale_tone_are_the_extractors_too() -> None:
    made = checkpoint(80)
    features = WhisperLogMel(made)
    tone = np.sin(np.arange(16000) * 0.3).astype(np.float32)
    for samples in (np.zeros(16000, np.float32), tone, 1e-4 * tone):
        window = torch.from_numpy(np.pad(samples, 200, mode="reflect"))[None, : 160 * 99 + 400]
        found = features(window, ALL, QUIET)[0].numpy()
        extractor = WhisperFeatureExtractor(feature_size=80)
        expected = extractor(
            samples, sampling_rate=16000, truncation=False, padding="longest", return_tensors="np"
        ).input_features[0]
        np.testing.assert_allclose(found, expected, atol=2e-4)


def test_a_quiet_window_is_judged_by_the_whole_recording() -> None:
    made = checkpoint(80)
    window = torch.from_numpy(1e-3 * speech_like(160 * 99 + 400, 1))[None]
    features = WhisperLogMel(made)
    alone = features(window, ALL, QUIET)
    beside = features(window, ALL, torch.tensor([[2.0]]))
    assert float(alone.min()) < float(beside.min()) == pytest.approx((2.0 - 8 + 4) / 4)
