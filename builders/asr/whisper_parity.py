"""What the Whisper export is compared with: transformers' feature extractor and ``generate``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from builders.asr.parity import RATE, speech_like
from builders.asr.whisper_checkpoint import WhisperCheckpoint, read_checkpoint
from builders.kit.family import Arrays, Parity

OWN = -100.0
"""``loudest`` of a window that is judged by its own loudest value."""

TASKS = ("transcribe", "translate")
HOP, FRAME = 160, 400
"""Samples from frame to frame, and in one, of every Whisper."""


def window_of(recording: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A recording of whole hops as the graph takes it: reflected at both ends, as torch.stft does.

    Args:
        recording: FP32 [hop * frames].

    Returns:
        FP32 [hop * (frames - 1) + n_fft].
    """
    half = FRAME // 2
    return np.pad(recording, (half, FRAME - half - HOP), mode="reflect")


@dataclass
class _Generated:
    tokens: list[int]
    log_probs: list[float]
    language: int
    attention: npt.NDArray[np.float32]


def _reference(checkpoint: Path, inputs: Arrays) -> Arrays:
    """Row by row, so that a graph that mixes its rows up is found out."""
    import torch

    from builders.kit.onnx import load_transformers, transformers_alone

    settings = read_checkpoint(checkpoint)
    # Any other attention than the eager one keeps its weights to itself.
    model = load_transformers(checkpoint, "WhisperForConditionalGeneration", attention="eager")
    with transformers_alone() as transformers:
        extractor = transformers.WhisperFeatureExtractor.from_pretrained(
            checkpoint, local_files_only=True
        )
    rows = []
    for row, window in enumerate(inputs["windows"]):
        half = FRAME // 2
        made = extractor(
            window[half : half + HOP * int(inputs["frames"][row, 0])],
            sampling_rate=RATE,
            return_tensors="pt",
            padding="do_not_pad",
            truncation=False,
        ).input_features
        # The extractor's range is 8 decades below its own maximum: a louder one's lies higher.
        made = torch.clamp(made, min=(float(inputs["loudest"][row, 0]) - 8.0 + 4.0) / 4.0)
        features = torch.nn.functional.pad(made, (0, settings.frames - made.shape[2]))
        rows.append(_generate(settings, model, features, inputs, row))
    lengths = [len(row.tokens) - (row.tokens[-1] == settings.end) for row in rows]
    longest = max(lengths) + 1
    tokens = np.full((len(rows), longest), settings.padding, np.int32)
    log_probs = np.zeros((len(rows), longest), np.float32)
    attention = np.zeros((len(rows), longest, *rows[0].attention.shape[1:]), np.float32)
    for index, each in enumerate(rows):
        tokens[index, : len(each.tokens)] = each.tokens
        log_probs[index, : len(each.tokens)] = each.log_probs
        attention[index, : len(each.tokens)] = each.attention
    return {
        "tokens": tokens,
        "lengths": np.array([[length] for length in lengths], np.int32),
        "log_probs": log_probs,
        "language": np.array([[each.language] for each in rows], np.int32),
        "attention": attention,
    }


def _generate(
    settings: WhisperCheckpoint, model: Any, features: Any, inputs: Arrays, row: int
) -> _Generated:
    import torch

    languages = list(settings.languages)
    options: dict[str, Any] = {}
    if languages:
        number = int(inputs["languages"][row, 0])
        options = {
            "language": languages[number] if number >= 0 else None,
            "task": TASKS[int(inputs["tasks"][row, 0])],
        }
    with torch.no_grad():
        output = model.generate(
            features,
            **options,
            return_timestamps=bool(inputs["time_stamps"][row, 0]),
            force_unique_generate_call=True,
            return_dict_in_generate=True,
            output_scores=True,
            output_attentions=True,
            do_sample=False,
        )
    if isinstance(output, dict) and "segments" in output and "scores" not in output:
        output = output["segments"][0][0]["result"]
    sequence = output["sequences"].reshape(-1).tolist()
    tokens = sequence[-len(output["scores"]) :]
    log_probs = [
        torch.log_softmax(scores.reshape(-1).float(), 0)[token].item()
        for scores, token in zip(output["scores"], tokens, strict=True)
    ]
    told = list(settings.languages.values()).index(sequence[1]) if languages else 0
    heads = len(settings.alignment_heads)
    shape = (heads, settings.frames // 2) if heads else (1, 1)
    attention = np.zeros((len(tokens), *shape), np.float32)
    for index, layers in enumerate(output["cross_attentions"]):
        for number, (layer, head) in enumerate(settings.alignment_heads):
            # The first step takes the whole prompt, and its last token chooses.
            attention[index, number] = layers[layer][0, head, -1].numpy()
    return _Generated(tokens, log_probs, told, attention)


def _inputs() -> Sequence[Arrays]:
    batches = (
        # (frames that are given, then of each row: those that count, language, task, time stamps)
        (250, OWN, ((250, -1, 0, True), (111, 0, 0, True))),
        (1000, 1.5, ((1000, 0, 0, True),)),
        (437, OWN, ((437, 1, 1, False), (437, -1, 0, True), (90, 0, 0, False))),
    )
    return [_batch(frames, loudest, rows) for frames, loudest, rows in batches]


def _batch(frames: int, loudest: float, rows: Sequence[tuple[int, int, int, bool]]) -> Arrays:
    windows = np.zeros((len(rows), HOP * (frames - 1) + FRAME), np.float32)
    for seed, (count, *_) in enumerate(rows):
        window = window_of(speech_like(HOP * count, seed))
        windows[seed, : window.size] = window
    columns = {"frames": 0, "languages": 1, "tasks": 2}
    return {
        "windows": windows,
        **{name: np.array([[row[k]] for row in rows], np.int32) for name, k in columns.items()},
        "loudest": np.full((len(rows), 1), loudest, np.float32),
        "time_stamps": np.array([[row[3]] for row in rows]),
    }


# Measured on the tests' tiny checkpoint and on a random one of Whisper-base's size.
WHISPER = Parity(reference=_reference, inputs=_inputs, absolute=1e-3, relative=1e-3)
