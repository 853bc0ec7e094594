"""Synthesis: the same arguments give the same sound, whatever was said before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("espeakng_loader", reason="espeakng-loader is not installed: pip install "
                    "-c constraints.txt -e '.[training]'")  # fmt: skip
pytest.importorskip("scipy", reason="scipy is not installed: as espeakng-loader")

from training.asr.learning import corpus
from training.asr.publish import evaluation
from training.asr.sound import augment, speech, voices
from training.asr.sound.voices import Speaker
from training.asr.text import grammar

SEED = 3


def test_a_sentence_sounds_the_same_whatever_was_said_before() -> None:
    whisper = Speaker("gmw/en-US+whisper", 160, 40, 60)
    first, rate = speech.speak("a b seven", whisper)
    speech.speak("something longer", Speaker("gmw/en-029+klatt4", 200, 70, 30))
    assert np.array_equal(first, speech.speak("a b seven", whisper)[0])
    assert 0.5 < len(first) / rate < 3


@pytest.mark.parametrize("voice", ["gmw/en-US+nobody", "gmw/xx"])
def test_an_unknown_voice_is_refused_and_no_other_speaks_for_it(voice: str) -> None:
    with pytest.raises(speech.SynthesisError, match=voice.split("+")[0]):
        speech.speak("one", Speaker(voice, 160, 50, 50))


def test_the_letter_a_is_spelled_and_not_read_as_the_article() -> None:
    letter = len(speech.speak("a", Speaker("gmw/en-US", 160, 50, 50))[0])
    article = len(speech.speak("uh", Speaker("gmw/en-US", 160, 50, 50))[0])
    assert letter > article


def test_every_held_out_variant_exists_and_training_has_none_of_them() -> None:
    data = speech.data_folder()
    trained = voices.trained_variants(data)
    assert len(trained) > 80
    assert not set(trained) & set(voices.UNSEEN_VARIANTS)
    assert all((data / "voices" / "!v" / name).is_file() for name in voices.UNSEEN_VARIANTS)
    for accent in (*voices.ACCENTS, voices.UNSEEN_ACCENT):
        assert speech.speak("one", Speaker(f"gmw/{accent}", 160, 50, 50))[0].size


def test_held_out_speeds_are_not_trained() -> None:
    for speed in voices.UNSEEN_SPEEDS:
        assert not any(least <= speed <= most for least, most in voices.TRAINED_SPEEDS)


@pytest.mark.thorough
def test_the_same_seed_gives_the_same_recording() -> None:
    once, again, other = corpus.make(SEED, 4), corpus.make(SEED, 4), corpus.make(SEED, 5)
    assert once.text == again.text
    assert np.array_equal(once.features, again.features)
    assert once.features.shape != other.features.shape
    assert once.features.dtype == np.float16


def test_a_corpus_goes_on_where_it_was_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "CHUNK", 2)
    monkeypatch.setattr(corpus, "pool", _InThisProcess)
    corpus.write(tmp_path, seed=SEED, count=4, workers=1)
    first = (tmp_path / "features-0000.npy").read_bytes()
    written = (tmp_path / "items-0000.json").stat().st_mtime_ns
    (tmp_path / "items-0001.json").unlink()
    second = (tmp_path / "features-0001.npy").read_bytes()
    corpus.write(tmp_path, seed=SEED, count=4, workers=1)
    assert (tmp_path / "items-0000.json").stat().st_mtime_ns == written
    assert (tmp_path / "features-0001.npy").read_bytes() == second != first


def test_noise_lies_ten_decibels_under_the_speech() -> None:
    made = evaluation.make(SEED, 0)
    assert grammar.split_of(made.text) == "evaluation"
    assert made.speaker.voice.partition("+")[2] in voices.UNSEEN_VARIANTS
    scale = float(made.noisy @ made.clean / (made.clean @ made.clean))
    noise = made.noisy - np.float32(scale) * made.clean
    found = 10 * np.log10(scale**2 * augment.power(made.clean) / np.mean(noise**2))
    assert found == pytest.approx(evaluation.NOISE_DB, abs=0.5)


@pytest.mark.parametrize("kind", ["white", "pink", "brown", "hum", "babble"])
def test_noise_has_unit_power(kind: str) -> None:
    voice = np.random.default_rng(1).standard_normal(9000).astype(np.float32)
    made = augment.noise(np.random.default_rng(2), 16_000, kind, [voice])
    assert made.shape == (16_000,)
    assert float(np.mean(made**2)) == pytest.approx(1, rel=1e-3)


def test_resampling_keeps_length_and_pitch() -> None:
    tone = (9000 * np.sin(2 * np.pi * 440 * np.arange(22_050) / 22_050)).astype(np.int16)
    made = augment.resample(tone, 22_050)
    assert len(made) == 16_000
    assert np.argmax(np.abs(np.fft.rfft(made))) == 440


class _InThisProcess:
    """A pool of no processes, so that a test's patches hold in it."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __enter__(self) -> _InThisProcess:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    map = staticmethod(map)
