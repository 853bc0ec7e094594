"""Whisper measured from nothing: what is made and said; and, slow, the bounds on its speed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from builders.asr.family import FAMILY
from perf.against.transformers.speed import INT8, Result, publish, table
from perf.against.transformers.whisper import (
    BOUNDS,
    Counted,
    build,
    closing,
    compared,
    measure_random,
)
from perf.errors import PerfError
from perf.measure.timing import Timing
from runtime.machine.environment import ServerEnvironment
from tests.perf.against.transformers.test_speed import MEMORY
from training.asr.whisper.random import TOKENS, configuration


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_whisper_is_faster_than_transformers_and_costs_little(
    server_environment: ServerEnvironment, tmp_path: Path
) -> None:
    results, used, generated = measure_random(tmp_path, rounds=5, requests=8)
    shown = table(results, used)
    assert {each.tokens for each in generated.values()} == {TOKENS}
    assert all(result.errors == 0 for result in results.values()), shown
    assert all(result.ratio("ensemble").median >= 1.5 for result in results.values()), shown
    assert all(result.gain(4) >= 1.7 for result in results.values()), shown
    assert all(result.overhead <= 0.1 for result in results.values()), shown
    assert all(result.ratio(INT8).median >= 3 for result in results.values()), shown
    assert all(result.gain(4, leg=INT8) >= 2.8 for result in results.values()), shown


def test_the_random_checkpoint_has_the_sizes_of_openais() -> None:
    import torch
    from transformers import WhisperForConditionalGeneration

    config = configuration("base")
    with torch.device("meta"):
        model = WhisperForConditionalGeneration(config)
    assert sum(each.numel() for each in model.parameters()) == 72_593_920
    assert (config.d_model, config.encoder_layers, config.decoder_layers) == (512, 6, 6)
    assert (config.encoder_attention_heads, config.decoder_attention_heads) == (8, 8)
    assert (config.encoder_ffn_dim, config.decoder_ffn_dim) == (2048, 2048)
    assert (config.num_mel_bins, config.vocab_size) == (80, 51865)
    assert (config.max_source_positions, config.max_target_positions) == (1500, 448)


def test_the_bounds_are_those_of_metrics_that_the_family_has() -> None:
    assert set(BOUNDS) == {
        metric.name for metric in FAMILY.metrics if metric.pipeline == "asr_whisper"
    }


@pytest.mark.thorough
def test_a_build_that_fails_is_told_with_its_reason(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(PerfError, match=r"random\.yaml: expected a repository"):
        build(tmp_path / "nowhere", tmp_path / "random", "int8")
    assert "nowhere: expected a file or folder, found none" in capfd.readouterr().err


def test_what_is_published_says_how_many_tokens_there_were(tmp_path: Path) -> None:
    legs = ("transformers", "transformers, one thread", "in process", "ensemble", INT8)
    timings = {leg: Timing((0.1, 0.1)) for leg in legs}
    rates = {leg: {1: [1.0], 4: [1.0]} for leg in legs if leg != "in process"}
    generated = {"command": Counted(100, 70), "talk": Counted(90, 80)}
    result = Result(3.0, timings, rates, errors=0)
    how = closing(generated, 7)
    counts = {name: asdict(each) for name, each in generated.items()}
    publish(tmp_path, "whisper", {"command": result}, MEMORY, how, generated=counts)
    shown = (tmp_path / "whisper.md").read_text()
    assert shown.startswith("| sound | leg |") and "| command, 3 s | ensemble | 1.00 |" in shown
    assert "same tokens, 100 for the command and 90 for the talk. In int8" in shown
    assert "as many, 70 and 80 of them the same" in shown
    written = json.loads((tmp_path / "whisper.json").read_bytes())["generated"]
    assert written["talk"] == {"tokens": 90, "equal_in_int8": 80}


def test_unequal_work_is_not_compared() -> None:
    assert compared([5, 6, 7], [5, 6, 7], [5, 9, 7]) == Counted(3, 2)
    with pytest.raises(PerfError, match=r"found 3, of which 2 are those .* and 3 in int8"):
        compared([5, 6, 7], [5, 6, 8], [5, 6, 7])
    with pytest.raises(PerfError, match="and 2 in int8"):
        compared([5, 6, 7], [5, 6, 7], [5, 6])
