"""What the stages are given of a checkpoint: its tokenizer as it is, its blank, its step."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from builders.asr.ctc import vocabulary
from builders.kit.sources import SourceError, resolve


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """The demo checkpoint, to be changed."""
    return Path(shutil.copytree(resolve("demo:parakeet").path, tmp_path / "demo"))


def put(file: Path, content: str | None) -> None:
    """Other content in a file's place; None: no file."""
    file.unlink()
    if content is not None:
        file.write_text(content)


def test_the_demo_checkpoints_settings(checkpoint: Path, tmp_path: Path) -> None:
    facts = vocabulary.tokenizer(checkpoint, tmp_path / "tokenizer.json")
    assert (tmp_path / "tokenizer.json").read_bytes() == (
        checkpoint / "tokenizer.json"
    ).read_bytes()
    assert facts == {"tokens": 321}
    vocabulary.decoding(checkpoint, tmp_path / "decoding.json")
    settings = json.loads((tmp_path / "decoding.json").read_text())
    assert settings["blank"] == 320 and settings["seconds_per_step"] == pytest.approx(0.08)
    assert settings["word_lead"] == 0.21
    assert {0, 320} <= set(settings["silent"]), "neither <unk> nor the blank is text"


@pytest.mark.parametrize("content", [None, "{}"])
def test_a_checkpoint_that_says_nothing_of_its_words_delay_has_none(
    checkpoint: Path, tmp_path: Path, content: str | None
) -> None:
    put(checkpoint / "generation_config.json", content)
    assert vocabulary.decoding(checkpoint, tmp_path / "decoding.json")["word_lead"] == 0


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ('{"word_lead": -0.1}', "found -0.1"),
        ('{"word_lead": 1.5}', "found 1.5"),
        ('{"word_lead": true}', "found True"),
        ('{"word_lead": "0.2"}', "found '0.2'"),
    ],
)
def test_a_delay_of_words_that_is_none_is_refused(
    checkpoint: Path, tmp_path: Path, content: str, found: str
) -> None:
    put(checkpoint / "generation_config.json", content)
    with pytest.raises(SourceError, match=f"expected as word_lead seconds from 0 to 1, {found}"):
        vocabulary.decoding(checkpoint, tmp_path / "decoding.json")


@pytest.mark.parametrize("content", ['{"word_lead": NaN}', "[]", "", "[" * 5000, '{"a":1,"a":2}'])
def test_settings_that_are_no_json_are_refused(
    checkpoint: Path, tmp_path: Path, content: str
) -> None:
    put(checkpoint / "generation_config.json", content)
    with pytest.raises(SourceError, match=r"generation_config\.json.*: expected .*JSON"):
        vocabulary.decoding(checkpoint, tmp_path / "decoding.json")


def test_a_tokenizer_that_lacks_tokens_of_the_model_is_refused(
    checkpoint: Path, tmp_path: Path
) -> None:
    file = checkpoint / "tokenizer.json"
    content = json.loads(file.read_text())
    content["model"]["vocab"] = content["model"]["vocab"][:50]
    content["added_tokens"] = content["added_tokens"][:1]
    file.write_text(json.dumps(content))
    with pytest.raises(SourceError, match="expected a tokenizer of 321 tokens"):
        vocabulary.decoding(checkpoint, tmp_path / "decoding.json")


@pytest.mark.parametrize("content", [None, "", "{}", "not JSON", "[" * 5000])
def test_a_tokenizer_that_cannot_be_read_is_refused(
    checkpoint: Path, tmp_path: Path, content: str | None
) -> None:
    put(checkpoint / "tokenizer.json", content)
    with pytest.raises(SourceError, match=r"tokenizer\.json.*: expected "):
        vocabulary.tokenizer(checkpoint, tmp_path / "tokenizer.json")
