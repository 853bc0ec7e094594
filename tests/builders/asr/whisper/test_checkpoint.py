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

from builders.asr.stages.whisper import whisper_choices, whisper_tokens
from builders.asr.whisper.checkpoint import read_checkpoint
from builders.asr.whisper.exports import SETTINGS, WHISPER
from builders.asr.whisper.generation import CARRIED
from builders.kit.build.parity import compare
from builders.kit.sources import SourceError

TINY = Path(__file__).parent / "tiny"
ONNX = WHISPER


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
    with pytest.raises(SourceError, match=r"a folder of Whisper with config\.json, found none"):
        read_checkpoint(checkpoint / "absent")
    (checkpoint / "generation_config.json").rename(checkpoint / "elsewhere")
    with pytest.raises(SourceError, match=r"expected generation_config\.json, found none: without"):
        read_checkpoint(checkpoint)
    edit(checkpoint / "config.json", lambda c: c.update(architectures=["WhisperModel"]))
    with pytest.raises(SourceError, match=r"found the classes \['WhisperModel'\]\. Supported"):
        read_checkpoint(checkpoint)
    edit(checkpoint / "config.json", lambda content: content.update(model_type="wav2vec2"))
    with pytest.raises(SourceError, match=r"found 'wav2vec2'\. Supported are Parakeet .* Whisper"):
        read_checkpoint(checkpoint)


def test_all_that_is_not_served_is_told_at_once(checkpoint: Path) -> None:
    edit(
        checkpoint / "generation_config.json",
        lambda content: content.update(
            num_beams=5, repetition_penalty=1.2, eos_token_id=[399, 7], no_timestamps_token_id=None
        ),
    )
    edit(checkpoint / "preprocessor_config.json", lambda c: c.update(dither=1e-4, hop_length=80))
    edit(
        checkpoint / "config.json",
        lambda content: content.update(median_filter_width=4, encoder_attention_heads=5),
    )
    with pytest.raises(SourceError) as refusal:
        read_checkpoint(checkpoint)
    told = str(refusal.value)
    assert told.startswith(f"{checkpoint}: expected settings of a Whisper that are served, found ")
    for each in (
        "generation_config.json, num_beams: 5 (expected 1);",
        "repetition_penalty: 1.2 (expected 1);",
        "eos_token_id: [399, 7] (expected one token of 1910);",
        "no_timestamps_token_id: none (expected a whole number from 0 to 1908);",
        "preprocessor_config.json, hop_length: 80 (expected 160)",
        "dither: 0.0001 (expected 0)",
        "config.json, median_filter_width: 4 (expected an odd number)",
        "config.json, encoder_attention_heads: 5 (expected a divisor of 64, the d_model)",
    ):
        assert each in told


REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"max_length": 64}, r"max_length: 64 \(expected 128, or a max_new_tokens of 1 to 124 instead"),
    ({"max_length": None}, r"max_length: none \(expected 128, or"),
    ({"max_new_tokens": 125}, r"max_new_tokens: 125 \(expected a whole number from 1 to 124"),
    ({"is_multilingual": False}, "is_multilingual: false .expected true with a lang_to_id"),
    ({"task_to_id": {"translate": 403}}, "expected a token for transcribe"),
    ({"language": "fr"}, 'language: "fr" .expected one that lang_to_id names'),
    ({"task": "sing"}, 'task: "sing" .expected transcribe or translate'),
    ({"forced_decoder_ids": [[2, 404]]}, "forced_decoder_ids: .* .expected those of a language"),
    ({"suppress_tokens": "none"}, 'suppress_tokens: "none" .expected a list of whole numbers'),
    ({"alignment_heads": [[2, 0]]}, "alignment_heads: .* .expected pairs of a layer of 2 and"),
    ({"alignment_heads": [3]}, "alignment_heads: .* .expected pairs of a layer of 2 and"),
    ({"no_timestamps_token_id": 398}, "expected a token behind the end, which is 399"),
    ({"no_speech_threshold": 0.6}, "no_speech_threshold: 0.6 .expected none"),
)


@pytest.mark.parametrize(("changes", "said"), REFUSED, ids=lambda each: str(each)[:30])
def test_settings_that_change_the_text_are_named(
    checkpoint: Path, changes: dict[str, Any], said: str
) -> None:
    edit(checkpoint / "generation_config.json", lambda content: content.update(changes))
    with pytest.raises(SourceError, match=said):
        read_checkpoint(checkpoint)


def test_what_generation_settings_say_is_carried(checkpoint: Path, tmp_path: Path) -> None:
    generation = checkpoint / "generation_config.json"
    plain = read_checkpoint(checkpoint)
    assert (
        plain.generation.end,
        plain.generation.maximum,
        plain.generation.language,
        plain.generation.task,
    ) == (399, 128, "", "transcribe")

    def change(content: dict[str, Any]) -> None:
        content.update(
            eos_token_id=[399], max_new_tokens=30, alignment_heads=None, suppress_tokens=[-1, 400]
        )
        content.update(begin_suppress_tokens=[], language="German", num_beams=1, do_sample=True)
        del content["pad_token_id"]

    edit(generation, change)
    found = read_checkpoint(checkpoint)
    assert (found.generation.end, found.generation.padding, found.generation.maximum) == (
        399,
        399,
        30,
    )
    assert (
        found.generation.alignment_heads,
        found.generation.suppressed,
        found.generation.suppressed_first,
    ) == ((), (400,), ())
    assert (found.generation.language, found.generation.task) == ("de", "transcribe")
    SETTINGS.make(checkpoint, tmp_path / "whisper.json")
    settings = whisper_tokens.read(tmp_path / "whisper.json")
    given = (None, text("auto"), text("en"))
    asked = [whisper_choices.language(each, settings) for each in given]
    assert asked == [settings.languages.index("de"), -1, settings.languages.index("en")]
    edit(generation, lambda content: content.update(language=None, task="translate"))
    SETTINGS.make(checkpoint, tmp_path / "whisper.json")
    settings = whisper_tokens.read(tmp_path / "whisper.json")
    assert whisper_choices.language(None, settings) == -1
    assert settings.tasks[whisper_choices.task(None, settings)] == "translate"


@pytest.mark.parametrize(
    ("forced", "expected"),
    [
        (None, ("", "transcribe")),
        ([[1, None], [2, 404]], ("", "transcribe")),
        ([[1, 402], [2, 403], [3, 408]], ("de", "translate")),
        ([[1, 401]], ("en", "transcribe")),
    ],
)
@pytest.mark.parametrize("file", ["generation_config.json", "config.json"])
def test_older_forced_tokens_are_the_language_and_the_task(
    checkpoint: Path, file: str, forced: object, expected: tuple[str, str]
) -> None:
    edit(checkpoint / file, lambda content: content.update(forced_decoder_ids=forced))
    found = read_checkpoint(checkpoint)
    assert (found.generation.language, found.generation.task) == expected


WITHOUT_EFFECT = {
    # Whisper's own generate replaces these, or they are of sampling and of beams.
    *("do_sample", "temperature", "top_k", "top_p", "min_p", "top_h", "typical_p"),
    *("epsilon_cutoff", "eta_cutoff", "early_stopping", "length_penalty", "diversity_penalty"),
    # How it is computed, or what is handed back.
    *("use_cache", "cache_implementation", "cache_config", "max_cache_len", "low_memory"),
    *("compile_config", "disable_compile", "continuous_batching_config", "prefill_chunk_size"),
    *("output_attentions", "output_hidden_states", "output_scores", "output_logits"),
    *("return_dict_in_generate", "renormalize_logits", "remove_invalid_values"),
    # Of an assistant model, which a checkpoint does not bring.
    *("is_assistant", "num_assistant_tokens", "num_assistant_tokens_schedule"),
    *("assistant_confidence_threshold", "assistant_early_exit", "assistant_lookbehind"),
    *("assistant_ensemble_weight", "max_matching_ngram_size", "speculation_type"),
    *("target_lookbehind", "bos_token_id", "transformers_version", "_from_model_config"),
}
READ = {
    *("max_length", "max_new_tokens", "eos_token_id", "pad_token_id", "decoder_start_token_id"),
    *("suppress_tokens", "begin_suppress_tokens"),
}


def test_every_setting_of_transformers_is_carried_named_or_without_effect() -> None:
    from transformers import GenerationConfig

    known = set(GenerationConfig().to_dict())
    assert known - set(CARRIED) - READ == WITHOUT_EFFECT & known


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
    assert read_checkpoint(checkpoint).generation.alignment_heads == ((1, 0), (1, 1))
    generation = checkpoint / "generation_config.json"
    edit(generation, lambda content: content.update(alignment_heads=[[1, 1], [0, 1]]))
    assert read_checkpoint(checkpoint).generation.alignment_heads == ((0, 1), (1, 1))
    edit(generation, lambda content: content.pop("alignment_heads"))
    assert read_checkpoint(checkpoint).generation.alignment_heads == ()
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
@pytest.mark.parametrize(
    "changes",
    [
        {"max_new_tokens": 7, "eos_token_id": [399], "language": "de", "task": "translate"},
        {"suppress_tokens": [-1], "begin_suppress_tokens": None, "pad_token_id": None},
        {"alignment_heads": None, "max_initial_timestamp_index": None, "do_sample": True},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_is_carried_agrees_with_generate(
    checkpoint: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    edit(checkpoint / "generation_config.json", lambda content: content.update(changes))
    ONNX.make(checkpoint, tmp_path / "model.onnx")
    assert compare(ONNX, checkpoint, tmp_path / "model.onnx").absolute < 1e-4


@pytest.mark.slow
def test_an_english_only_checkpoint_agrees_with_generate(checkpoint: Path, tmp_path: Path) -> None:
    english_only(checkpoint)
    ONNX.make(checkpoint, tmp_path / "model.onnx")
    assert compare(ONNX, checkpoint, tmp_path / "model.onnx").absolute < 1e-4
