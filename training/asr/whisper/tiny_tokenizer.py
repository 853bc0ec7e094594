"""A tokenizer in Whisper's format, of a few words: byte-level BPE, special tokens, time stamps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "de")
SPECIAL = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    *(f"<|{language}|>" for language in LANGUAGES),
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)
"""In the order of OpenAI's checkpoints."""

TIME_STAMPS = tuple(f"<|{index * 0.02:.2f}|>" for index in range(1501))


def byte_symbols() -> dict[int, str]:
    """Each byte's printable stand-in, as in every byte-level BPE vocabulary since GPT-2."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {
        byte: chr(256 + number) for number, byte in enumerate(others)
    }


def make_tokenizer(words: tuple[str, ...]) -> Any:
    """A ``WhisperTokenizer`` to which each word, with the space before it, is one token."""
    from transformers import WhisperTokenizer

    symbols = byte_symbols()
    vocabulary = {symbol: index for index, symbol in enumerate(sorted(symbols.values()))}
    merges = []
    for word in words:
        characters = [symbols[byte] for byte in f" {word}".encode()]
        left = characters[0]
        for right in characters[1:]:
            if left + right not in vocabulary:
                merges.append((left, right))
                vocabulary[left + right] = len(vocabulary)
            left += right
    tokens = {name: len(vocabulary) + index for index, name in enumerate(SPECIAL)}
    tokenizer = WhisperTokenizer(
        vocab={**vocabulary, "<|endoftext|>": tokens["<|endoftext|>"]}, merges=merges
    )
    tokenizer.add_special_tokens({"extra_special_tokens": list(SPECIAL[1:])})
    tokenizer.add_tokens(list(TIME_STAMPS))
    for name, index in tokens.items():
        assert tokenizer.convert_tokens_to_ids(name) == index, name
    return tokenizer


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Write it, its JSON without spaces: the time stamps are most of it."""
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")), "utf-8")
