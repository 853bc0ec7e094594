"""Segments by time stamps: the cases of transformers' ``_retrieve_segment``, and that function."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import WhisperForConditionalGeneration

from builders.asr.stages.whisper import whisper_segments
from tests.builders.asr.whisper.test_features import checkpoint, stage_settings

ZERO = 3
SETTINGS = stage_settings(checkpoint(80))
assert SETTINGS.first_time_stamp == ZERO


def theirs(
    tokens: list[int], seek: int, count: int
) -> tuple[list[tuple[float, float, list[int]]], int]:
    found, step = WhisperForConditionalGeneration._retrieve_segment(
        seek_sequence=torch.tensor(tokens, dtype=torch.long),
        seek_outputs=[{}],
        time_offset=torch.tensor([seek], dtype=torch.float64) * 0.02 / 2,
        timestamp_begin=ZERO,
        seek_num_frames=torch.tensor([count]),
        time_precision=0.02,
        time_precision_features=0.01,
        input_stride=2,
        prev_idx=0,
        idx=0,
        return_token_timestamps=False,
        decoder_input_ids=torch.zeros(1, 3),
    )
    return [(float(s["start"]), float(s["end"]), s["tokens"].tolist()) for s in found], int(step)


@given(
    st.lists(st.one_of(st.integers(0, 2), st.integers(ZERO, ZERO + 1500)), max_size=12),
    st.integers(0, 9000),
    st.integers(1, 3000),
)
def test_as_transformers_cuts(tokens: list[int], seek: int, count: int) -> None:
    array = np.array(tokens, np.int32)
    found, step = whisper_segments.cut(array, np.zeros(len(tokens)), seek, count, SETTINGS)
    wanted, wanted_step = theirs(tokens, seek, count)
    assert [(s.start, s.end, s.tokens.tolist()) for s in found] == wanted
    assert step == wanted_step


def test_a_window_without_time_stamps_lasts_as_long_as_transformers_says() -> None:
    for count in range(1, 3001):
        found, _ = whisper_segments.cut(np.zeros(0, np.int32), np.zeros(0), 0, count, SETTINGS)
        end = int(torch.tensor(count) * 0.01 / 0.02) * 0.02
        assert found[0].end == end, count


def test_a_score_is_the_mean_probability_of_its_own_tokens() -> None:
    tokens = np.array([ZERO, 1, ZERO + 50, ZERO + 60, 2, ZERO + 99], np.int32)
    log_probs = np.log([0.5, 0.5, 0.5, 0.9, 0.9, 0.9])
    found, step = whisper_segments.cut(tokens, log_probs, 0, 3000, SETTINGS)
    assert [round(each.score, 6) for each in found] == [0.5, 0.9]
    assert [(each.start, round(each.end, 6)) for each in found] == [(0.0, 1.0), (1.2, 1.98)]
    assert step == 3000
