"""Several channels to one: the voice is never lost, and ordinary sounds are averaged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.sound_file.channels import Mixer
from tests.asr import sounds

VOICE = sounds.talk(4.0)


def mixed(channels: list[np.ndarray], block: int = 16_000) -> np.ndarray:
    sound = np.stack(channels, 1).astype(np.float32)
    mixer = Mixer(sound.shape[1], sounds.RATE)
    parts = np.split(sound, range(block, len(sound), block))
    return np.concatenate([mixer.mono(part) for part in parts])


def noise(level: float, seed: int = 0) -> np.ndarray:
    return level * np.random.default_rng(seed).standard_normal(len(VOICE)).astype(np.float32)


def test_ordinary_channels_are_averaged() -> None:
    """A room's two microphones, two speakers, one channel of silence: sample by sample."""
    late = np.roll(VOICE, 40)
    for pair in ([VOICE, VOICE], [VOICE, late], [VOICE, VOICE[::-1]], [VOICE, 0 * VOICE]):
        np.testing.assert_array_equal(mixed(pair), np.stack(pair, 1).mean(1))


@pytest.mark.parametrize("share", [1.0, 0.3, 3.0])
def test_a_channel_turned_over_is_turned_back(share: float) -> None:
    found = mixed([VOICE, -share * VOICE])
    np.testing.assert_allclose(found, (1 + share) / 2 * VOICE, atol=1e-6)


def test_noise_beside_a_voice_turned_over_does_not_hide_it() -> None:
    """At 10 dB in each channel."""
    level = float(np.std(VOICE)) * 10 ** (-10 / 20)
    found = mixed([VOICE + noise(level, 1), noise(level, 2) - VOICE])
    loud = np.abs(VOICE) > 0.1
    assert np.corrcoef(found[loud], VOICE[loud])[0, 1] > 0.95


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=8).filter(any))
def test_any_number_of_channels_however_wired_have_the_voice(signs: list[float]) -> None:
    found = mixed([sign * VOICE for sign in signs])
    share = sum(map(abs, signs)) / len(signs)
    np.testing.assert_allclose(np.abs(found), share * np.abs(VOICE), atol=1e-5)


def test_a_channel_that_is_turned_over_in_mid_sound_fades() -> None:
    """Of a film whose first part is wired rightly."""
    tone = np.sin(np.arange(64_000) / 9)
    turned = np.concatenate((tone[:32_000], -tone[32_000:]))
    found = mixed([tone, turned])
    np.testing.assert_allclose(found[:32_000], tone[:32_000], atol=1e-5)
    np.testing.assert_allclose(found[32_160:], tone[32_160:], atol=1e-5)
    fading = np.linspace(0, 1, 160) * tone[32_000:32_160]
    np.testing.assert_allclose(found[32_000:32_160], fading, atol=1e-5)
