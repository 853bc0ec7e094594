"""Probabilities to segments: in pieces as at once, in order, bounded, nothing lost."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.asr.stages.speech.cut_windows import SHORTEST, fill
from builders.asr.stages.speech.segmenter import FRAME, RATE, Rules, Segment, Segmenter, segments
from builders.stages.level import levelled

Speech = st.lists(
    st.tuples(st.sampled_from([0.0, 0.2, 0.4, 0.45, 0.6, 0.95]), st.integers(1, 60)), max_size=40
).map(lambda runs: np.array([value for value, count in runs for _ in range(count)], np.float32))

SHORT = Rules(maximum=3.0)


def seconds(*runs: tuple[float, float]) -> np.ndarray:
    """Frames of (probability, seconds)."""
    return np.concatenate([np.full(round(time * RATE / FRAME), value) for value, time in runs])


@given(Speech, st.lists(st.integers(1, 50), min_size=1, max_size=60))
def test_pieces_give_what_the_whole_gives(speech: np.ndarray, sizes: list[int]) -> None:
    segmenter = Segmenter(SHORT)
    found: list[Segment] = []
    rest = speech
    for size in itertools.cycle(sizes):
        if not len(rest):
            break
        found += segmenter.push(rest[:size])
        rest = rest[size:]
    found += segmenter.finish(len(speech) * FRAME)
    assert found == segments(speech, len(speech) * FRAME, SHORT)


@given(Speech)
def test_segments_are_in_order_apart_and_not_too_long(speech: np.ndarray) -> None:
    samples = len(speech) * FRAME
    found = segments(speech, samples, SHORT)
    for segment in found:
        assert 0 <= segment.start < segment.end <= samples
        assert segment.end - segment.start <= SHORT.maximum * RATE + FRAME
    for before, after in itertools.pairwise(found):
        assert before.end <= after.start


@given(Speech)
def test_no_stretch_of_speech_is_lost(speech: np.ndarray) -> None:
    """Every frame of speech lies in a segment, or in a burst shorter than the shortest one."""
    samples = len(speech) * FRAME
    inside = np.zeros(samples + 1, bool)
    for segment in segments(speech, samples, SHORT):
        inside[segment.start : segment.end] = True
    loud = speech >= SHORT.threshold
    lost = [k for k in np.flatnonzero(loud) if not inside[k * FRAME + FRAME // 2]]
    for k in lost:
        low = max(k - 4, 0)
        assert loud[low : k + 5].sum() < 5


def test_a_pause_ends_a_segment_and_a_shorter_one_does_not() -> None:
    speech = seconds((0, 1), (0.9, 1), (0.1, 0.3), (0.9, 1), (0.1, 0.8), (0.9, 1), (0, 1))
    found = segments(speech, len(speech) * FRAME)
    assert [round(each.start / RATE, 1) for each in found] == [0.7, 3.8]
    assert [round(each.end / RATE, 1) for each in found] == [3.6, 5.4]


def test_a_click_is_no_segment() -> None:
    assert not segments(seconds((0, 1), (0.9, 0.06), (0, 1)), 2 * RATE)


def test_speech_without_a_pause_is_cut_where_it_is_least_likely() -> None:
    speech = seconds((0.95, 2.0), (0.6, 0.064), (0.95, 4.0))
    found = segments(speech, len(speech) * FRAME, SHORT)
    assert abs(found[0].end / RATE - 2.05) < 0.05
    assert found[1].start == found[0].end


def test_a_sound_that_ends_in_speech_ends_its_segment() -> None:
    (found,) = segments(seconds((0.9, 1.0)), round(0.98 * RATE))
    assert found.end == round(0.98 * RATE)


@settings(max_examples=40)
@given(st.lists(st.integers(1, 40_000), max_size=12), st.integers(1, 4))
def test_every_window_holds_its_segment_as_loud_as_usual_and_zeros(
    lengths: list[int], count: int
) -> None:
    ends = np.cumsum(lengths).tolist()
    found = [Segment(end - length, end) for end, length in zip(ends, lengths, strict=True)]
    waveform = np.arange(1, sum(lengths) + 1, dtype=np.float32)
    batches, slots = fill(waveform, found, count)
    assert len(batches) == count
    for segment, (bucket, row) in zip(found, slots, strict=True):
        rows, sizes = batches[bucket]
        size = segment.end - segment.start
        assert sizes[row] == max(size, SHORTEST)
        own = levelled(waveform[segment.start : segment.end])
        np.testing.assert_array_equal(rows[row, :size], own)
        assert not rows[row, size:].any()
    for number, (rows, sizes) in enumerate(batches):
        if number not in slots[:, 0]:
            assert rows.shape[0] == 1 and not rows.any() and sizes.tolist() == [SHORTEST]
