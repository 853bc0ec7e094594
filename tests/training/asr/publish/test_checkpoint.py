"""The shipped checkpoint, by transformers alone: it loads, it is small, and it recognises."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from builders.kit import sources
from training.asr.publish.card import card
from training.asr.sound import voices
from training.asr.text import grammar, tokenizer

EVALUATION = Path("builders/asr/evaluation")
EXAMPLES = Path("clients/examples")
BOUNDS = {"clean": 0.05, "noisy": 0.15}
"""Word error rates that the checkpoint has to stay below."""

FOLDER = sources.resolve("demo:parakeet").path


def described() -> dict[str, Any]:
    return dict(json.loads((FOLDER / "training.json").read_text("utf-8")))


def transcripts() -> list[dict[str, Any]]:
    return list(json.loads((EVALUATION / "transcripts.json").read_text("utf-8"))["utterances"])


@cache
def pipeline() -> tuple[Any, Any]:
    from transformers import AutoModelForCTC, AutoProcessor

    return AutoModelForCTC.from_pretrained(FOLDER).eval(), AutoProcessor.from_pretrained(FOLDER)


def recognise(waves: list[NDArray[np.float32]]) -> list[str]:
    model, processor = pipeline()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    inputs = processor(waves, sampling_rate=16_000, return_tensors="pt")
    texts = processor.batch_decode(model.generate(**inputs), skip_special_tokens=True)
    torch.set_num_threads(threads)
    return list(texts)


def read(file: Path) -> NDArray[np.float32]:
    wave, rate = soundfile.read(file, dtype="float32")
    assert rate == 16_000
    return np.asarray(wave)


def word_error_rate(kind: str, chosen: list[dict[str, Any]]) -> float:
    found = [
        text
        for start in range(0, len(chosen), 10)
        for text in recognise(
            [read(EVALUATION / each[kind]) for each in chosen[start : start + 10]]
        )
    ]
    return float(jiwer.wer([each["text"] for each in chosen], found))


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["clean", "noisy"])
def test_the_evaluation_set_is_recognised(kind: str) -> None:
    assert word_error_rate(kind, transcripts()) < BOUNDS[kind]


def test_the_measured_error_rates_are_below_the_bounds() -> None:
    figures = described()["figures"]
    assert figures["utterances"] >= 300
    assert figures["held_out"]["clean"] < BOUNDS["clean"]
    assert figures["held_out"]["noise_10db"] < BOUNDS["noisy"]


def test_long_speech_with_pauses_is_recognised() -> None:
    said = " ".join((EXAMPLES / "talk.txt").read_text("utf-8").split())
    assert recognise([read(EXAMPLES / "talk.wav")]) == [said]


def test_silence_and_noise_say_nothing() -> None:
    hiss = 0.003 * np.random.default_rng(1).standard_normal(48_000)
    assert recognise([np.zeros(32_000, np.float32), hiss.astype(np.float32)]) == ["", ""]


def test_the_folder_holds_safetensors_and_is_small() -> None:
    sizes = {file.name: file.stat().st_size for file in FOLDER.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(sizes)
    assert {"preprocessor_config.json", "processor_config.json", "README.md"} <= set(sizes)
    assert not [name for name in sizes if name.endswith((".bin", ".pt", ".pth", ".ckpt"))]
    assert sizes["model.safetensors"] < 11_000_000


def test_the_source_is_licensed_and_every_file_is_hashed() -> None:
    source = sources.resolve("demo:parakeet")
    assert source.licence == "apache-2.0"
    assert set(source.files) == {f.name for f in FOLDER.iterdir()} - {sources.SUMS}


def test_the_tokenizer_is_the_one_that_the_project_builds() -> None:
    processor = pipeline()[1]
    assert processor.tokenizer.get_vocab() == tokenizer.build().get_vocab()
    assert processor.tokenizer.pad_token_id == pipeline()[0].config.pad_token_id
    text = "transfer forty two dollars to account b seven on march third"
    assert (
        processor.tokenizer.decode(tokenizer.build().encode(text).ids, group_tokens=False) == text
    )


def test_the_model_card_says_what_was_measured() -> None:
    assert (FOLDER / "README.md").read_text("utf-8") == card(described())


def test_the_evaluation_set_is_of_voices_speeds_and_sentences_that_training_never_used() -> None:
    listed = transcripts()
    assert len(listed) == 60
    assert {each["noise"] for each in listed} == {"white", "pink", "babble"}
    for each in listed:
        assert grammar.split_of(each["text"]) == "evaluation"
        assert each["voice"].partition("+")[2] in voices.UNSEEN_VARIANTS
        assert each["words_per_minute"] in voices.UNSEEN_SPEEDS
    files = list(EVALUATION.iterdir())
    assert len(files) == 121
    assert sum(file.stat().st_size for file in files) < 2_000_000
