"""Checkpoints that are not what they should be, and those of other kinds that are."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.asr.stages import whisper_choices, whisper_tokens
from builders.asr.whisper import WHISPER_EXPORTS
from builders.asr.whisper_checkpoint import read_checkpoint
from builders.kit.parity import compare
from builders.kit.sources import SourceError

TINY = Path(__file__).parent / "whisper_tiny"
ONNX, SETTINGS = WHISPER_EXPORTS


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY, tmp_path / "whisper"))


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content))


def english_only(checkpoint: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        content["is_multilingual"] = False
        del content["lang_to_id"], content["task_to_id"]

    edit(checkpoint / "generation_config.json", change)


def test_what_is_no_whisper_is_refused_in_a_sentence(checkpoint: Path) -> None:
    with pytest.raises(SourceError, match=r"config.json: expected a readable file, found No such"):
        read_checkpoint(checkpoint / "absent")
    edit(checkpoint / "preprocessor_config.json", lambda content: content.update(dither=1e-4))
    with pytest.raises(SourceError, match=r"without dither, found 16000 Hz and dither 0.0001"):
        read_checkpoint(checkpoint)
    edit(checkpoint / "generation_config.json", lambda content: content.pop("eos_token_id"))
    edit(checkpoint / "preprocessor_config.json", lambda content: content.pop("dither"))
    with pytest.raises(SourceError, match="a wrong one of 'eos_token_id'"):
        read_checkpoint(checkpoint)
    edit(checkpoint / "generation_config.json", lambda c: c.pop("no_timestamps_token_id"))
    with pytest.raises(SourceError, match=r"expected generation_config.json to name"):
        read_checkpoint(checkpoint)
    edit(checkpoint / "config.json", lambda content: content.update(model_type="bert"))
    with pytest.raises(SourceError, match="expected model_type 'whisper', found 'bert'"):
        read_checkpoint(checkpoint)


SETTINGS_FILES = ("config.json", "generation_config.json", "preprocessor_config.json")
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_settings_are_read_or_told(checkpoint: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(SETTINGS_FILES))
    file = checkpoint / name
    before = file.read_bytes()
    content = json.loads(before)
    if data.draw(st.booleans()):
        content[data.draw(st.sampled_from(sorted(content)))] = data.draw(anything)
    else:
        content = data.draw(anything)
    file.write_text(json.dumps(content))
    try:
        read_checkpoint(checkpoint)
    except SourceError as error:
        assert str(checkpoint) in str(error)
    finally:
        file.write_bytes(before)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(model=None), "model.vocab"),
        (lambda c: c["model"].update(vocab=5), "model.vocab"),
        (lambda c: c.update(added_tokens=[{}]), "added_tokens"),
        (lambda c: c.update(added_tokens=5), "added_tokens"),
        (lambda c: c["model"]["vocab"].update(a="b"), "expected the number of each token"),
        (lambda c: c["model"]["vocab"].update(a=-1), "found -1 for 'a'"),
    ],
)
def test_a_tokenizer_that_is_none_is_told(
    checkpoint: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    edit(checkpoint / "tokenizer.json", change)
    with pytest.raises(SourceError, match=said):
        SETTINGS.make(checkpoint, tmp_path / "whisper.json")


def test_alignment_heads_are_those_that_there_are(checkpoint: Path, tmp_path: Path) -> None:
    assert read_checkpoint(checkpoint).alignment_heads == ((1, 0), (1, 1))
    generation = checkpoint / "generation_config.json"
    edit(generation, lambda content: content.update(alignment_heads=[[1, 1], [0, 1]]))
    assert read_checkpoint(checkpoint).alignment_heads == ((0, 1), (1, 1))
    edit(generation, lambda content: content.update(alignment_heads=[[1, 0], [2, 0]]))
    with pytest.raises(SourceError, match=r"of 2 layers with 2 heads each .* \(2, 0\)\]. Take"):
        read_checkpoint(checkpoint)
    edit(generation, lambda content: content.pop("alignment_heads"))
    assert read_checkpoint(checkpoint).alignment_heads == ()
    SETTINGS.make(checkpoint, tmp_path / "whisper.json")
    assert whisper_tokens.read(tmp_path / "whisper.json").alignment_heads == 0


def test_a_tokenizer_of_the_older_format_gives_the_same_tokens(
    checkpoint: Path, tmp_path: Path
) -> None:
    SETTINGS.make(checkpoint, tmp_path / "fast.json")
    vocabulary = json.loads((checkpoint / "tokenizer.json").read_bytes())["model"]["vocab"]
    (checkpoint / "vocab.json").write_text(json.dumps(vocabulary))
    (checkpoint / "tokenizer.json").unlink()
    SETTINGS.make(checkpoint, tmp_path / "slow.json")
    assert (tmp_path / "fast.json").read_bytes() == (tmp_path / "slow.json").read_bytes()
    tokens = whisper_tokens.read(tmp_path / "slow.json").tokens
    assert {" fünf".encode(), " weiß".encode(), b" stop", b"\xc3", b"\n"} <= set(tokens)
    (checkpoint / "vocab.json").unlink()
    with pytest.raises(SourceError, match=r"expected tokenizer.json or vocab.json, found neither"):
        SETTINGS.make(checkpoint, tmp_path / "none.json")


def test_an_english_only_checkpoint_takes_english_alone(checkpoint: Path, tmp_path: Path) -> None:
    english_only(checkpoint)
    SETTINGS.make(checkpoint, tmp_path / "whisper.json")
    settings = whisper_tokens.read(tmp_path / "whisper.json")
    assert [whisper_choices.language(text(each), settings) for each in ("en", "English")] == [0, 0]
    assert whisper_choices.task(text("transcribe"), settings) == 0
    with pytest.raises(ValueError, match="'german' is unknown: this model knows English only"):
        whisper_choices.language(text("German"), settings)
    with pytest.raises(ValueError, match="task 'translate' is unknown: send transcribe"):
        whisper_choices.task(text("translate"), settings)
    with pytest.raises(ValueError, match="language must be one text, found 2"):
        whisper_choices.language(np.array([b"en", b"de"], np.object_), settings)


def text(value: str) -> np.ndarray:
    return np.array([value.encode()], np.object_)


@pytest.mark.slow
def test_heads_of_several_layers_agree_with_generate_and_none_are_none(
    checkpoint: Path, tmp_path: Path
) -> None:
    generation = checkpoint / "generation_config.json"
    edit(generation, lambda content: content.update(alignment_heads=[[1, 1], [0, 1], [1, 0]]))
    assert ONNX.make(checkpoint, tmp_path / "three.onnx")["alignment_heads"] == 3
    assert compare(ONNX, checkpoint, tmp_path / "three.onnx").absolute < 1e-4
    edit(generation, lambda content: content.pop("alignment_heads"))
    assert ONNX.make(checkpoint, tmp_path / "none.onnx")["alignment_heads"] == 0
    assert compare(ONNX, checkpoint, tmp_path / "none.onnx").absolute < 1e-4


@pytest.mark.slow
def test_an_english_only_checkpoint_agrees_with_generate(checkpoint: Path, tmp_path: Path) -> None:
    english_only(checkpoint)
    ONNX.make(checkpoint, tmp_path / "model.onnx")
    assert compare(ONNX, checkpoint, tmp_path / "model.onnx").absolute < 1e-4
