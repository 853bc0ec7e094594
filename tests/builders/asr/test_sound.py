"""One rate, wherever it is written: a stage carries its own copy into the repository."""

from __future__ import annotations

from builders.asr import sound
from builders.asr.stages.speech import segmenter
from builders.stages import decode_audio


def test_stages_and_exports_take_sound_of_one_rate() -> None:
    assert sound.RATE == segmenter.RATE == decode_audio.RATE
