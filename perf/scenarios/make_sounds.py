"""Speaks commands, requests of the family ``asr``: ``python -m perf.scenarios.make_sounds``.

It needs the extra "training". The files are FLAC at 16 kHz, which transformers' pipeline takes
without resampling (it would need torchaudio for that), so that both sides do the same.
"""

from pathlib import Path

import numpy as np
import soundfile
import soxr

from training.asr.sound.augment import RATE
from training.asr.sound.speech import speak
from training.asr.sound.voices import Speaker

HERE = Path(__file__).parents[2] / "builders/asr/requests"
COMMANDS = {
    "command": (
        Speaker("gmw/en-US+linda", speed=142, pitch=55, inflection=60),
        "set the temperature to nineteen degrees",
    ),
    "order": (
        Speaker("gmw/en-GB-x-rp+m3", speed=170, pitch=40, inflection=50),
        "turn on the light in the kitchen please",
    ),
}
"""What is said to a device: between two and three seconds each."""

PAUSE = np.zeros(RATE // 5)


def main() -> None:
    """Writes them into the family's folder, with a little noise all over, as of any microphone."""
    for name, (speaker, sentence) in COMMANDS.items():
        sound, rate = speak(sentence, speaker)
        whole = np.concatenate([PAUSE, soxr.resample(0.7 * sound, rate, RATE), PAUSE])
        noise = np.random.default_rng(1).normal(0, 20, len(whole))
        soundfile.write(HERE / f"{name}.flac", (whole + noise).round().astype(np.int16), RATE)


if __name__ == "__main__":
    main()
