"""Log-mel features, by the checkpoint's own feature extractor."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

RATE = 16_000


@cache
def extractor() -> Any:
    """Parakeet's: 80 mel bands, 25 ms windows every 10 ms, pre-emphasis 0.97, per-band norm."""
    from transformers import ParakeetFeatureExtractor

    return ParakeetFeatureExtractor(feature_size=80, sampling_rate=RATE)


def log_mel(wave: NDArray[np.float32]) -> NDArray[np.float16]:
    """FP32 [samples] at 16 kHz -> FP16 [frames, 80], normalised over the recording."""
    torch.set_num_threads(1)
    made = extractor()(wave, sampling_rate=RATE, return_tensors="pt")
    frames = int(made["attention_mask"].sum())
    features: NDArray[np.float32] = made["input_features"][0, :frames].numpy()
    return features.astype(np.float16)
