"""transformers' own pipeline, as it is measured."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from repository.files.json_file import read_object

SPOKEN = {"language": "en", "task": "transcribe"}
"""The options of a multilingual Whisper, without which transformers encodes a sound twice."""


def reader(checkpoint: Path, *, long: bool = False) -> Callable[[bytes], object]:
    """transformers' pipeline, from a file's bytes to its answer.

    Args:
        checkpoint: the folder.
        long: for a Whisper: with time stamps, which lets it read sounds of any length; greedily, as
            it is served (its default is a beam of five); with the options of :func:`told`.
    """
    recognise = recogniser(checkpoint)
    options: dict[str, Any] = {}
    if long:
        options = {"return_timestamps": True, "generate_kwargs": {"num_beams": 1}}
        options["generate_kwargs"] |= told(checkpoint)
    return lambda encoded: recognise(raw(encoded), **options)


def told(checkpoint: Path) -> Mapping[str, str]:
    """The options for every sound; none for a Whisper that knows one language."""
    settings = read_object(checkpoint / "generation_config.json")
    return SPOKEN if settings.get("is_multilingual") else {}


def raw(encoded: bytes) -> dict[str, Any]:
    """What transformers' pipeline takes, decoded as decode_audio does it: it would run ffmpeg."""
    import soundfile

    samples, rate = soundfile.read(io.BytesIO(encoded), dtype="float32")
    return {"raw": samples, "sampling_rate": rate}


def recogniser(checkpoint: Path) -> Any:
    """transformers' pipeline for a checkpoint's folder."""
    from transformers import pipeline
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    folder = str(checkpoint)
    return pipeline(
        "automatic-speech-recognition",
        model=folder,
        tokenizer=folder,
        feature_extractor=folder,
        device="cpu",
    )
