"""What a Whisper checkpoint's JSON files say: sizes, feature extractor, tokens with a meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from builders.asr.sound import RATE
from builders.asr.supported import WHISPER, read_config
from builders.asr.whisper.generation import Generation, read_generation
from builders.kit.onnx import transformers_alone
from builders.kit.sources.error import SourceError, read_settings
from builders.kit.sources.values import Values, refuse_all

HOP, FRAME = 160, 400
"""Samples from frame to frame, and in one, of every Whisper."""

EXTRACTOR: Mapping[str, tuple[int, ...]] = {
    "sampling_rate": (RATE,),
    "hop_length": (HOP,),
    "n_fft": (FRAME,),
}
"""What every Whisper's feature extractor has."""


@dataclass(frozen=True)
class WhisperCheckpoint:
    """The settings that the graph and the stage need.

    Attributes:
        path: the folder.
        mels: mel bins.
        n_fft: samples of a frame.
        hop_length: samples from frame to frame.
        frames: frames of a window: what the encoder takes.
        positions: the decoder's longest sequence, prompt included.
        generation: what decides the text.
        median_filter_width: positions over which the alignment heads' weights are smoothed; an
            odd number.
    """

    path: Path
    mels: int
    n_fft: int
    hop_length: int
    frames: int
    positions: int
    generation: Generation
    median_filter_width: int

    def mel_filters(self) -> npt.NDArray[np.float64]:
        """Slaney's triangular filters, [n_fft / 2 + 1, mels]."""
        with transformers_alone() as transformers:
            mel_filter_bank = transformers.audio_utils.mel_filter_bank
        filters: npt.NDArray[np.float64] = mel_filter_bank(
            num_frequency_bins=self.n_fft // 2 + 1,
            num_mel_filters=self.mels,
            min_frequency=0.0,
            max_frequency=8000.0,
            sampling_rate=RATE,
            norm="slaney",
            mel_scale="slaney",
        )
        return filters


def read_checkpoint(path: Path) -> WhisperCheckpoint:
    """Read config.json, generation_config.json and preprocessor_config.json.

    Raises:
        SourceError: a file is missing or not JSON, it is not a Whisper that transcribes, or it has
            settings that are not served; all of them are told.
    """
    content = read_config(path, WHISPER)
    wrong: list[str] = []
    config = Values("config.json", content, wrong)
    generation = Values("generation_config.json", _generation(path), wrong)
    extractor = Values("preprocessor_config.json", _extractor(path), wrong)
    decided = read_generation(generation, config)
    mels = config.whole("num_mel_bins", 80, 1)
    positions = config.whole("max_source_positions", 1500, 1)
    filter_width = config.whole("median_filter_width", 7, 1)
    if filter_width % 2 == 0:
        config.refuse("median_filter_width", "an odd number")
    width = config.whole("d_model", 384, 1)
    for side in ("encoder", "decoder"):
        config.whole(f"{side}_layers", 4, 1)
        if width % config.whole(f"{side}_attention_heads", 6, 1):
            config.refuse(f"{side}_attention_heads", f"a divisor of {width}, the d_model")
    extractor.only({"dither": (0,), "padding_value": (0,), **EXTRACTOR})
    if extractor.whole("feature_size", 80) != mels:
        extractor.refuse("feature_size", f"{mels}, the model's num_mel_bins")
    seconds = 2 * positions * HOP / RATE
    if extractor.whole("chunk_length", 30) != seconds:
        extractor.refuse("chunk_length", f"{seconds:g}, which max_source_positions stands for")
    refuse_all(path, "settings of a Whisper that are served", wrong)
    return WhisperCheckpoint(
        path=path,
        mels=mels,
        n_fft=FRAME,
        hop_length=HOP,
        frames=2 * positions,
        positions=config.whole("max_target_positions", 448, 1),
        generation=decided,
        median_filter_width=filter_width,
    )


def _generation(path: Path) -> dict[str, Any]:
    file = path / "generation_config.json"
    if not file.exists():
        raise SourceError(
            f"{path}: expected generation_config.json, found none: without it transformers has no "
            "time stamps, and cannot take sound of more than a window. Take that of the model "
            "that it was trained from."
        )
    return read_settings(file)


def _extractor(path: Path) -> dict[str, Any]:
    """The feature extractor's settings; transformers 5 may keep them in processor_config.json."""
    if (path / "preprocessor_config.json").is_file():
        return read_settings(path / "preprocessor_config.json")
    settings = read_settings(path / "processor_config.json").get("feature_extractor", {})
    return settings if isinstance(settings, dict) else {}
