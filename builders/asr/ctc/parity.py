"""What the exports are compared with: transformers' own pipeline, Silero's own stepwise graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from builders.kit.family import Int8, Parity
from repository.arrays import Arrays

RATE = 16000


def speech_like(length: int, seed: int) -> npt.NDArray[np.float32]:
    """Voiced and unvoiced stretches with pauses, FP32 [length] at 16 kHz, in -1 .. 1."""
    rng = np.random.default_rng(seed)
    time = np.arange(length) / RATE
    pitch = 110 + 60 * np.sin(2 * np.pi * 0.7 * time + seed)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 16))
    loud = np.clip(np.sin(2 * np.pi * (1.3 + 0.2 * seed) * time), 0, 1)
    noise = rng.standard_normal(length) * (0.002 + 0.05 * np.clip(np.cos(9 * time), 0, 1))
    return np.asarray(0.2 * voice * loud + noise, np.float32)


def _recognised(checkpoint: Path, inputs: Arrays) -> Arrays:
    import torch

    from builders.kit.onnx import load_transformers, transformers_alone

    model = load_transformers(checkpoint, "AutoModelForCTC")
    with transformers_alone() as transformers:
        extractor = transformers.AutoFeatureExtractor.from_pretrained(
            checkpoint, local_files_only=True
        )
    lengths = inputs["lengths"]
    rows = [row[:length] for row, length in zip(inputs["windows"], lengths, strict=True)]
    # Rows may be padded further than the longest: the graph's answer then has as many steps more.
    features = extractor(
        rows,
        sampling_rate=RATE,
        return_tensors="pt",
        padding="max_length",
        max_length=inputs["windows"].shape[1],
    )
    with torch.no_grad():
        output = model(**features)
        steps = model._get_subsampling_output_length(features.attention_mask.sum(-1))
        there = torch.arange(output.logits.shape[1])[None] < steps[:, None]
    return {
        "log_probs": (torch.log_softmax(output.logits, -1) * there[:, :, None]).numpy(),
        "steps": steps.numpy().astype(np.int32),
    }


def _windows() -> Sequence[Arrays]:
    shapes = (
        (24000, (24000, 20000)),
        (4000, (4000,)),
        (52345, (52345, 40001, 16000, 8000)),
        (160000, (150000,)),
    )
    return [
        {
            "windows": np.stack(
                [np.pad(speech_like(row, seed), (0, length - row)) for seed, row in enumerate(rows)]
            ),
            "lengths": np.array(rows, np.int32),
        }
        for length, rows in shapes
    ]


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


# Measured on the demo checkpoint: 6e-6 (acoustic), 3e-6 (both of VAD).
ACOUSTIC = Parity(reference=_recognised, inputs=_windows, absolute=1e-3, relative=1e-4)
VAD = Parity(reference=_heard, inputs=_sounds, absolute=1e-5, relative=1e-5)
VAD_STREAM = Parity(reference=_heard_on, inputs=_pieces, absolute=1e-5, relative=1e-5)

# Measured: 0.84 and 0.021. The mel filters sum energies that lie orders of magnitude apart.
ACOUSTIC_INT8 = Int8(keep=("features.",), absolute=2.0, relative=0.05)
