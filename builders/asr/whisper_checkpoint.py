"""What a Whisper checkpoint's JSON files say: sizes, feature extractor, tokens with a meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from builders.kit.onnx import transformers_alone
from builders.kit.source_error import SourceError, read_settings

RATE = 16000
"""Hz; what the pipeline's sound has, and every Whisper wants."""


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
        maximum: tokens that may follow the prompt, where the sequence has room.
        start: the token that begins every prompt.
        end: the token that ends a text.
        padding: the token after the end.
        no_time_stamps: the prompt's last token where none are wanted.
        initial: the latest first time stamp, in steps of 20 ms; None is without a bound.
        suppressed: tokens that never follow.
        suppressed_first: tokens that never come first.
        languages: code -> token, in the tokens' order; empty for an English-only checkpoint.
        tasks: task -> token; likewise.
        alignment_heads: layer and head of the decoder's cross-attention that follow the sound, in
            order; none where the checkpoint names none.
        median_filter_width: positions over which their weights are smoothed; an odd number.
    """

    path: Path
    mels: int
    n_fft: int
    hop_length: int
    frames: int
    positions: int
    maximum: int
    start: int
    end: int
    padding: int
    no_time_stamps: int
    initial: int | None
    suppressed: tuple[int, ...]
    suppressed_first: tuple[int, ...]
    languages: Mapping[str, int]
    tasks: Mapping[str, int]
    alignment_heads: tuple[tuple[int, int], ...]
    median_filter_width: int

    @property
    def first_time_stamp(self) -> int:
        """The token of 0.00 s."""
        return self.no_time_stamps + 1

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
        SourceError: a file is missing or no JSON, it is not a Whisper, or it lacks a setting that
            decides what is said.
    """
    config = read_settings(path / "config.json")
    if config.get("model_type") != "whisper":
        raise SourceError(
            f"{path}: expected model_type 'whisper', found {config.get('model_type')!r}. "
            "Name a folder of Whisper in Hugging Face format as the source."
        )
    generation = read_settings(path / "generation_config.json")
    if generation.get("no_timestamps_token_id") is None:
        raise SourceError(
            f"{path}: expected generation_config.json to name no_timestamps_token_id, found none: "
            "the checkpoint is older than Whisper's time stamps in transformers. Take the "
            "generation_config.json of the model that it was trained from."
        )
    extractor = _extractor(path)
    rate = extractor.get("sampling_rate", RATE)
    if rate != RATE or extractor.get("dither"):
        raise SourceError(
            f"{path}: expected a feature extractor for {RATE} Hz without dither, found "
            f"{rate} Hz and dither {extractor.get('dither')}. Use a checkpoint with neither."
        )
    many = generation.get("is_multilingual", "lang_to_id" in generation)
    languages = generation.get("lang_to_id", {}) if many else {}
    try:
        return WhisperCheckpoint(
            path=path,
            mels=int(config.get("num_mel_bins", 80)),
            n_fft=int(extractor.get("n_fft", 400)),
            hop_length=int(extractor.get("hop_length", 160)),
            frames=2 * int(config.get("max_source_positions", 1500)),
            positions=int(config.get("max_target_positions", 448)),
            maximum=int(generation.get("max_length") or config.get("max_target_positions", 448)),
            start=int(generation["decoder_start_token_id"]),
            end=int(generation["eos_token_id"]),
            padding=int(generation["pad_token_id"]),
            no_time_stamps=int(generation["no_timestamps_token_id"]),
            initial=generation.get("max_initial_timestamp_index"),
            suppressed=tuple(generation.get("suppress_tokens") or ()),
            suppressed_first=tuple(generation.get("begin_suppress_tokens") or ()),
            languages={
                name.strip("<|>"): int(token)
                for name, token in sorted(languages.items(), key=lambda item: item[1])
            },
            tasks={name: int(token) for name, token in generation["task_to_id"].items()}
            if many
            else {},
            alignment_heads=_alignment_heads(path, config, generation),
            median_filter_width=int(config.get("median_filter_width", 7)),
        )
    except SourceError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(
            f"{path}: expected config.json and generation_config.json with Whisper's settings, "
            f"found none or a wrong one of {error}. Fetch the checkpoint again."
        ) from error


def _alignment_heads(
    path: Path, config: Mapping[str, Any], generation: Mapping[str, Any]
) -> tuple[tuple[int, int], ...]:
    heads = sorted((int(layer), int(head)) for layer, head in generation.get("alignment_heads", ()))
    layers, each = config["decoder_layers"], config["decoder_attention_heads"]
    if not all(0 <= layer < layers and 0 <= head < each for layer, head in heads):
        raise SourceError(
            f"{path}: expected alignment_heads of {layers} layers with {each} heads each in "
            f"generation_config.json, found {heads}. Take those of the model that it was trained "
            "from, or none."
        )
    return tuple(heads)


def _extractor(path: Path) -> dict[str, Any]:
    """The feature extractor's settings; transformers 5 may keep them in processor_config.json."""
    if (path / "preprocessor_config.json").is_file():
        return read_settings(path / "preprocessor_config.json")
    settings = read_settings(path / "processor_config.json").get("feature_extractor", {})
    return settings if isinstance(settings, dict) else {}
