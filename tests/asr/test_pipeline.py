"""The built pipeline in this process: changed files, loudness, what was asked before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.inprocess import InProcess
from tests.asr import sounds
from tests.asr.sounds import Arrays

FORMS = ("WAV", "FLAC", "OGG", "MP3")
FILES = [sounds.encoded(sounds.talk(2.2), form=form) for form in FORMS]


@settings(max_examples=40, deadline=None)
@given(
    file=st.sampled_from(FILES),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
    kept=st.floats(0, 1),
)
def test_a_changed_file_gives_finite_answers_or_one_sentence(
    pipeline: InProcess, file: bytes, changes: list[tuple[float, int]], kept: float
) -> None:
    content = bytearray(file[: int(len(file) * kept)])
    for place, value in changes:
        if content:
            content[int(place * (len(content) - 1))] = value
    try:
        answer = pipeline.run("asr", sounds.file(bytes(content)))
    except ValueError as problem:
        assert "\n" not in str(problem) and "/" not in str(problem)
    else:
        for name in ("segments", "scores", "word_times", "word_scores"):
            assert np.isfinite(answer[name]).all()


@pytest.mark.parametrize("form", FORMS)
def test_every_format_has_the_segments_of_the_wav(pipeline: InProcess, form: str) -> None:
    wanted = pipeline.run("asr", sounds.file(sounds.TALK.read_bytes()))
    found = pipeline.run("asr", sounds.file(sounds.encoded(sounds.talk(), form=form)))
    # A lossy file's speech may begin a frame or two of 32 ms earlier or later.
    tolerance = 0.001 if form in ("WAV", "FLAC") else 0.1
    ours, theirs = (np.asarray(each["segments"], np.float32) for each in (found, wanted))
    np.testing.assert_allclose(ours, theirs, atol=tolerance)
    if form == "FLAC":
        assert found["words"].tolist() == wanted["words"].tolist()


def test_segments_lie_where_the_sound_is(pipeline: InProcess) -> None:
    """Each pause of a second or so between two sentences lies between two segments."""
    spans = pipeline.run("asr", sounds.given(sounds.talk()))["segments"]
    loud = np.abs(sounds.talk()) > 0.05
    inside = np.zeros(len(loud), bool)
    for start, end in spans:
        inside[round(start * sounds.RATE) : round(end * sounds.RATE)] = True
    assert (loud & ~inside).sum() < 0.02 * loud.sum()
    assert inside.mean() < 0.9


def test_answers_do_not_depend_on_what_was_asked_before(pipeline: InProcess) -> None:
    inputs: Arrays = sounds.given(sounds.talk(4))
    first = pipeline.run("asr", inputs)
    pipeline.run("asr", sounds.given(sounds.talk()))
    again = pipeline.run("asr", inputs)
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_speech_without_a_pause_is_cut_into_windows_that_touch(pipeline: InProcess) -> None:
    """Half a minute of one sentence, its pauses taken out."""
    sound = sounds.talk()
    spans = pipeline.run("asr", sounds.given(sound))["segments"]
    start, end = (round(second * sounds.RATE) for second in spans[2])
    speech = np.tile(sound[start + 3200 : end - 3200], 12)[: 32 * sounds.RATE]
    found = np.asarray(pipeline.run("asr", sounds.given(speech))["segments"], np.float32)
    assert (found[:, 1] - found[:, 0] <= 20.05).all()
    assert len(found) >= 2 and found[-1, 1] > 30
