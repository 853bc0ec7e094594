"""What the long-form stage needs from a Whisper checkpoint, as JSON: no tokenizer runs there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from builders.asr.supported import WHISPER, read_config
from builders.asr.whisper.checkpoint import read_checkpoint
from builders.asr.whisper.generation import TASKS
from builders.kit.onnx import transformers_alone
from builders.kit.sources.error import AGAIN, SourceError, read_settings
from repository.findings import shortened


def settings(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Writes the settings and every token's bytes: see ``stages/whisper/whisper_tokens.py``.

    ``tokens`` holds texts of one character a byte (Latin-1); a special token and a time stamp have
    none. Tokens from the end of that list on have no text either.

    Args:
        checkpoint: a folder of Whisper in Hugging Face format, its tokenizer with it.
        out: the file to write.

    Returns:
        How many tokens have a text.

    Raises:
        SourceError: it is not such a checkpoint, or has no tokenizer.
    """
    found = read_checkpoint(checkpoint)
    vocabulary, without = _vocabulary(checkpoint)
    stand_ins = {symbol: byte for byte, symbol in _byte_symbols().items()}
    tokens = [""] * found.generation.end
    for symbols, index in vocabulary.items():
        if index >= found.generation.end or index in without:
            continue
        try:
            tokens[index] = bytes(stand_ins[symbol] for symbol in symbols).decode("latin-1")
        except KeyError:  # an added token stands for itself, not for stand-ins of bytes
            tokens[index] = symbols.encode().decode("latin-1")
    tasks = [name for name in TASKS if name in found.generation.tasks]
    filters = found.mel_filters().astype(np.float32)
    content = {
        "tokens": tokens,
        "first_time_stamp": found.generation.first_time_stamp,
        "frames": found.frames,
        "hop": found.hop_length,
        "frame": found.n_fft,
        "mels": found.mels,
        "alignment_heads": len(found.generation.alignment_heads),
        "median_filter_width": found.median_filter_width,
        "languages": list(found.generation.languages),
        "names": _names(),
        "language": list(found.generation.languages).index(found.generation.language)
        if found.generation.language
        else -1,
        "tasks": tasks,
        "task": tasks.index(found.generation.task) if tasks else 0,
        "filters": [
            [int(row), int(column), float(filters[row, column])]
            for row, column in np.argwhere(filters)
        ],
    }
    out.write_text(json.dumps(content, ensure_ascii=True, separators=(",", ":")), "utf-8")
    return {"tokens": sum(bool(token) for token in tokens)}


def form(checkpoint: Path) -> None:
    """Refuse a checkpoint without a tokenizer that can be read.

    Raises:
        SourceError: it has none, or is not a Whisper.
    """
    read_config(checkpoint, WHISPER)
    _vocabulary(checkpoint)


def _vocabulary(checkpoint: Path) -> tuple[dict[str, int], set[int]]:
    """Token -> id, and the ids of special tokens, from either of a tokenizer's two formats."""
    fast = checkpoint / "tokenizer.json"
    slow = checkpoint / "vocab.json"
    if fast.is_file():
        content = read_settings(fast)
        try:
            vocabulary = dict(content["model"]["vocab"])
            special = set()
            for token in content.get("added_tokens", ()):
                vocabulary[token["content"]] = token["id"]
                special |= {token["id"]} if token["special"] else set()
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(
                f"{fast}: expected model.vocab, and added_tokens with content, id and special, "
                f"found none or a wrong one of {error}. {AGAIN}"
            ) from error
        return _numbered(fast, vocabulary), special
    if slow.is_file():
        return _numbered(slow, read_settings(slow)), set()
    raise SourceError(
        f"{checkpoint}: expected tokenizer.json or vocab.json, found neither. "
        "Fetch the whole checkpoint again."
    )


def _numbered(path: Path, vocabulary: dict[str, Any]) -> dict[str, int]:
    for token, index in vocabulary.items():
        if type(index) is not int or index < 0:
            raise SourceError(
                f"{path}: expected the number of each token, found {index!r} for "
                f"'{shortened(str(token))}'. {AGAIN}"
            )
    return vocabulary


def _byte_symbols() -> dict[int, str]:
    """Each byte's printable stand-in in a byte-level BPE vocabulary (GPT-2's encoder.py)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {
        byte: chr(0x100 + number) for number, byte in enumerate(others)
    }


def _names() -> dict[str, str]:
    """Language names in English -> codes, as transformers knows them."""
    with transformers_alone() as transformers:
        codes = transformers.models.whisper.tokenization_whisper.TO_LANGUAGE_CODE
    return dict(sorted(codes.items()))
