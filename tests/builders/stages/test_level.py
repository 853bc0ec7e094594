"""Faint sounds become as loud as usual, and the others stay as they are."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from builders.asr.metric import FOLDER
from builders.stages.level import FAINT, FRAME, MOST, USUAL, Follower, level, levelled
from tests.asr import sounds

VOICE = sounds.talk(6.0)


def at(decibels: float, sound: np.ndarray = VOICE) -> np.ndarray:
    """The sound with that peak, in 16 bits."""
    scaled = sound * 10 ** (decibels / 20) / np.abs(sound).max()
    return np.asarray(np.round(scaled * 32768) / 32768, np.float32)


def test_ordinary_sounds_stay_as_they_are() -> None:
    """Sample by sample: the talk, and every sentence of the evaluation in its noise."""
    files = [soundfile.read(each, dtype="float32")[0] for each in FOLDER.glob("*.ogg")]
    assert len(files) == 120
    for sound in (VOICE, at(-12), *files):
        assert levelled(sound) is sound


@pytest.mark.parametrize("decibels", [-30, -40, -48, -60])
@pytest.mark.parametrize("direct", [0.0, 0.85, -0.3])
def test_a_faint_voice_becomes_as_loud_as_usual(decibels: float, direct: float) -> None:
    found = levelled(at(decibels) + np.float32(direct))
    assert level(found) == pytest.approx(USUAL, rel=0.01)
    assert found.dtype == np.float32 and abs(found.mean()) < 1e-3
    assert np.corrcoef(found, VOICE)[0, 1] > (0.99 if decibels > -60 else 0.9)


def test_a_bang_does_not_hide_a_faint_voice() -> None:
    sound = at(-48)
    sound[40_000:42_000] = 0.9
    assert level(levelled(sound)) == pytest.approx(USUAL, rel=0.1)


@pytest.mark.parametrize("count", [0, 1, 511, 512, 5000])
def test_silence_stays_silence(count: int) -> None:
    silence = np.zeros(count, np.float32)
    assert not levelled(silence).any() and len(levelled(silence)) == count
    constant = levelled(silence + np.float32(0.5))
    assert np.abs(constant).max(initial=0) < 1e-3


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.sampled_from([0.0, 0.4]))
def test_a_stream_is_the_same_however_it_is_cut(sizes: list[int], direct: float) -> None:
    sound = at(-48)[: 60 * FRAME] + np.float32(direct)
    whole = Follower().follow(sound)
    follower, parts, place = Follower(), [], 0
    for size in [*sizes, 60]:
        parts.append(follower.follow(sound[place : place + size * FRAME]))
        place += size * FRAME
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_an_ordinary_stream_stays_as_it_is() -> None:
    """Sample by sample, from the first on: the talk, and most of the evaluation's sentences."""
    files = [soundfile.read(each, dtype="float32")[0] for each in sorted(FOLDER.glob("*.ogg"))]
    changed = 0
    for sound in (VOICE, at(-12), *files):
        frames = sound[: len(sound) // FRAME * FRAME]
        changed += not np.array_equal(Follower().follow(frames), frames)
    assert changed == 0


@pytest.mark.parametrize("decibels", [-40, -48, -60])
def test_a_faint_voice_in_a_stream_becomes_as_loud_as_in_a_file(decibels: float) -> None:
    frames = at(decibels)[: len(VOICE) // FRAME * FRAME]
    found = Follower().follow(frames)
    assert level(found) == pytest.approx(USUAL, rel=0.5)
    assert np.abs(found).max() <= 1


def test_noise_of_sixteen_bits_does_not_become_as_loud_as_a_voice() -> None:
    noise = np.random.default_rng(0).integers(-1, 2, 50 * FRAME).astype(np.float32) / 32768
    for found in (levelled(noise), Follower().follow(noise)):
        assert level(found) < MOST * 4e-5 < FAINT
