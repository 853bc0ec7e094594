"""A Whisper of random weights: ``python -m training.asr.whisper.random --out FOLDER``.

For speed alone: it says nothing. Its sizes, its vocabulary and its thirty seconds are those of
OpenAI's checkpoint of that name, so a token and a window cost what they cost there. Every window
has one segment of equally many tokens, whatever is said in it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from training.asr.whisper.tiny_tokenizer import byte_symbols

SIZES = {
    "tiny": (384, 4, 6),
    "base": (512, 6, 8),
    "small": (768, 12, 12),
}
"""Name -> width, layers of encoder and of decoder, heads (Whisper's paper, table 1)."""

ALIGNMENT_HEADS = {
    "tiny": "2.2 3.0 3.2 3.3 3.4 3.5",
    "base": "3.1 4.2 4.3 4.7 5.1 5.2 5.4 5.6",
    "small": "5.3 5.9 8.0 8.4 8.7 8.8 9.0 9.7 9.9 10.5",
}
"""Name -> layers and heads that OpenAI's checkpoint aligns words by (its generation_config)."""

TEXT_TOKENS = 50257
TOKENS = 100
"""Behind the prompt of each window: about what half a minute of speech has. The random model would
go on to 448."""

LIKELIER = 0.2
"""Of text than of time stamps: the logits' distance is its square times the width."""


def special_tokens() -> dict[str, int]:
    """Name -> token, without the time stamps, which follow them."""
    names = [
        *("<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in _codes())),
        *("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>"),
        *("<|nospeech|>", "<|notimestamps|>"),
    ]
    return {name: TEXT_TOKENS + index for index, name in enumerate(names)}


def configuration(size: str) -> Any:
    """The ``WhisperConfig`` of one of :data:`SIZES`."""
    from transformers import WhisperConfig

    ids = special_tokens()
    end = ids["<|endoftext|>"]
    width, layers, heads = SIZES[size]
    return WhisperConfig(
        vocab_size=ids["<|notimestamps|>"] + 1502,
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
        decoder_start_token_id=ids["<|startoftranscript|>"],
        begin_suppress_tokens=None,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
    )


def make(out: Path, *, size: str = "base", seed: int = 0, tokens: int = TOKENS) -> None:
    """Write the checkpoint.

    Args:
        out: the folder.
        size: one of :data:`SIZES`.
        seed: of the weights.
        tokens: what every window is to have.
    """
    import torch
    from transformers import (
        GenerationConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
    )

    ids = special_tokens()
    end = ids["<|endoftext|>"]
    torch.manual_seed(seed)
    model = WhisperForConditionalGeneration(configuration(size))
    decoder = model.model.decoder
    with torch.no_grad():
        # A time stamp where the rules demand one, and nowhere else. All fifteen hundred together
        # are likelier than any word, and the last of a window decides where the next begins: a
        # command of three seconds would take as many windows as a minute.
        decoder.layer_norm.bias.fill_(LIKELIER)
        decoder.embed_tokens.weight[ids["<|notimestamps|>"] + 1 :] -= LIKELIER
    model.generation_config = GenerationConfig(
        decoder_start_token_id=ids["<|startoftranscript|>"],
        max_new_tokens=tokens,
        is_multilingual=True,
        lang_to_id={f"<|{code}|>": ids[f"<|{code}|>"] for code in _codes()},
        task_to_id={name: ids[f"<|{name}|>"] for name in ("transcribe", "translate")},
        no_timestamps_token_id=ids["<|notimestamps|>"],
        max_initial_timestamp_index=50,
        # Never the end: each window has as many tokens as the next.
        suppress_tokens=[end],
        begin_suppress_tokens=[end],
        alignment_heads=[
            [int(number) for number in each.split(".")] for each in ALIGNMENT_HEADS[size].split()
        ],
        return_timestamps=False,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
    )
    model.save_pretrained(out)
    WhisperFeatureExtractor(feature_size=80).save_pretrained(out)
    symbols = sorted(byte_symbols().values())
    words = [*symbols, *(f"Ġw{number}" for number in range(TEXT_TOKENS - len(symbols)))]
    stamps = [f"<|{index * 0.02:.2f}|>" for index in range(1501)]
    added = [
        *({"id": index, "content": name, "special": True} for name, index in ids.items()),
        *(
            {"id": ids["<|notimestamps|>"] + 1 + index, "content": name, "special": False}
            for index, name in enumerate(stamps)
        ),
    ]
    vocabulary = {word: index for index, word in enumerate(words)}
    content = {"model": {"type": "BPE", "vocab": vocabulary, "merges": []}, "added_tokens": added}
    (out / "tokenizer.json").write_text(json.dumps(content, ensure_ascii=False), "utf-8")


def _codes() -> list[str]:
    """Those of OpenAI's multilingual checkpoints up to large-v2."""
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    return list(LANGUAGES)[:99]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument("--size", choices=tuple(SIZES), default="base")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=TOKENS, help="behind each window's prompt")
    arguments = parser.parse_args()
    make(arguments.out, size=arguments.size, seed=arguments.seed, tokens=arguments.tokens)
