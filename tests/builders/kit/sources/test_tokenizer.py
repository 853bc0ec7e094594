"""Tokenizers from anybody: read, or refused by a process that lives on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builders.kit.sources.error import SourceError
from builders.kit.sources.tokenizer import read_tokenizer

WHISPER = Path(__file__).parents[2] / "asr" / "whisper" / "tiny" / "tokenizer.json"


def test_a_tokenizer_is_read() -> None:
    assert read_tokenizer(WHISPER).get_vocab_size() > 100


def test_one_that_ends_the_process_that_reads_it_is_refused(tmp_path: Path) -> None:
    content = json.loads(WHISPER.read_bytes())
    content["model"]["continuing_subword_prefix"] = "a"
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    with pytest.raises(SourceError, match="found: one that ends the process that reads it"):
        read_tokenizer(path)


def test_what_is_none_is_told_in_the_packages_words(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text('{"model": 5}')
    with pytest.raises(SourceError, match="in the tokenizers package's format, found: "):
        read_tokenizer(path)
