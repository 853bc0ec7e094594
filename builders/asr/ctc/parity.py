"""What the acoustic model is compared with: transformers' own feature extractor and model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from builders.asr.sound import RATE, speech_like
from builders.kit.family import Int8, Parity
from repository.arrays import Arrays


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


# Measured on the demo checkpoint: 6e-6.
ACOUSTIC = Parity(reference=_recognised, inputs=_windows, absolute=1e-3, relative=1e-4)

# Measured: 0.84 and 0.021. The mel filters sum energies that lie orders of magnitude apart.
ACOUSTIC_INT8 = Int8(keep=("features.",), absolute=2.0, relative=0.05)
