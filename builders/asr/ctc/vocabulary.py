"""What the stages need to turn tokens into text: the tokenizer, unchanged, and a few settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from builders.asr.ctc.acoustic import load_acoustic, step_seconds
from builders.asr.supported import PARAKEET, read_config
from builders.kit.sources.error import SourceError, read_settings
from builders.kit.sources.tokenizer import read_tokenizer

TOKENIZER = "tokenizer.json"


def tokenizer(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Copies ``tokenizer.json``, in the format of the tokenizers package.

    Raises:
        SourceError: the checkpoint has none, or it cannot be read.
    """
    read = read_tokenizer(checkpoint / TOKENIZER)
    out.write_bytes((checkpoint / TOKENIZER).read_bytes())
    return {"tokens": read.get_vocab_size(with_added_tokens=True)}


def decoding(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Writes JSON: ``blank``, the tokens without text (``silent``), ``seconds_per_step``, and
    ``word_lead``, the seconds from a word's beginning to where the model writes it, from
    ``generation_config.json``, or 0.

    Raises:
        SourceError: not a Parakeet CTC checkpoint, its tokenizer lacks tokens of the model, or a
            ``word_lead`` that is no number from 0 to 1.
    """
    module = load_acoustic(checkpoint)
    config = module.model.config
    read = read_tokenizer(checkpoint / TOKENIZER)
    size = read.get_vocab_size(with_added_tokens=True)
    # NVIDIA's checkpoints give the blank the number after the tokenizer's last.
    if size < config.vocab_size - 1:
        raise SourceError(
            f"{checkpoint}: expected a tokenizer of {config.vocab_size} tokens, as the model has, "
            f"found {size}. Fetch the checkpoint again."
        )
    special = [index for index, token in read.get_added_tokens_decoder().items() if token.special]
    settings = {
        "blank": config.pad_token_id,
        "silent": sorted({config.pad_token_id, *special}),
        "seconds_per_step": step_seconds(module),
        "word_lead": _word_lead(checkpoint),
    }
    out.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    return settings


def tokenizer_form(checkpoint: Path) -> None:
    """Refuse a checkpoint whose tokenizer cannot be read.

    Raises:
        SourceError: it cannot, or it is no Parakeet CTC.
    """
    read_config(checkpoint, PARAKEET)
    read_tokenizer(checkpoint / TOKENIZER)


def decoding_form(checkpoint: Path) -> None:
    """Refuse a ``word_lead`` that is not a number from 0 to 1.

    Raises:
        SourceError: it is not, ``generation_config.json`` cannot be read, or it is not a Parakeet
            CTC.
    """
    read_config(checkpoint, PARAKEET)
    _word_lead(checkpoint)


def _word_lead(checkpoint: Path) -> float:
    path = checkpoint / "generation_config.json"
    if not path.exists():
        return 0.0
    lead = read_settings(path).get("word_lead", 0.0)
    if isinstance(lead, bool) or not isinstance(lead, int | float) or not 0 <= lead <= 1:
        raise SourceError(
            f"{path}: expected as word_lead seconds from 0 to 1, found {lead!r}. Correct it, or "
            "leave it out for 0."
        )
    return float(lead)
