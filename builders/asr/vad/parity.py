"""What the voice activity detectors are compared with: Silero's own stepwise graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from builders.asr.sound import RATE, speech_like
from builders.kit.family import Parity
from repository.arrays import Arrays

STEPWISE = "package:silero_vad/data/silero_vad_16k_op15.onnx"
"""Silero's own graph for one frame after the other."""


def _stepwise(waveform: npt.NDArray[np.generic], state: Arrays) -> Arrays:
    """The stepwise graph over a waveform of whole frames, from a state on."""
    from builders.kit.onnx.session import make_session
    from builders.kit.sources import resolve

    session = make_session(resolve(STEPWISE).path)
    memory, context = state["state"], state["context"]
    speech = []
    for frame in waveform.reshape(-1, 512):
        fed = {"input": np.concatenate((context, frame))[None], "state": memory}
        (probability,), memory = session.run(None, fed | {"sr": np.array(RATE, np.int64)})
        context = frame[-64:]
        speech.append(probability[0])
    return {"speech": np.array(speech), "next_state": memory, "next_context": context}


def _heard(checkpoint: Path, inputs: Arrays) -> Arrays:
    waveform = inputs["waveform"]
    padded = np.pad(waveform, (0, -len(waveform) % 512 if len(waveform) else 512))
    silence = {"state": np.zeros((2, 1, 128), np.float32), "context": np.zeros(64, np.float32)}
    return {"speech": _stepwise(padded, silence)["speech"]}


def _heard_on(checkpoint: Path, inputs: Arrays) -> Arrays:
    return _stepwise(inputs["waveform"], inputs)


def _sounds() -> Sequence[Arrays]:
    return [{"waveform": speech_like(length, 1)} for length in (48_000, 512, 16_001)]


def _pieces() -> Sequence[Arrays]:
    rng = np.random.default_rng(5)
    return [
        {
            "waveform": speech_like(512 * frames, 2),
            "context": rng.uniform(-0.1, 0.1, 64).astype(np.float32),
            "state": rng.uniform(-0.5, 0.5, (2, 1, 128)).astype(np.float32),
        }
        for frames in (12, 1, 31)
    ]


# Measured: 3e-6, both.
WHOLE = Parity(reference=_heard, inputs=_sounds, absolute=1e-5, relative=1e-5)
STREAM = Parity(reference=_heard_on, inputs=_pieces, absolute=1e-5, relative=1e-5)
