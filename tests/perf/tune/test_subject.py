"""What a model gets in its pipeline, and what cannot be tuned."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from perf.errors import LegFailed, PerfError
from perf.scenario import Scenario, scenario_of
from perf.tune import servers as module
from perf.tune.servers import Servers
from perf.tune.settings import Settings
from perf.tune.subject import find, find_scenario
from repository.config.text import read_config

ROOT = Path(__file__).parents[3]
REPOSITORY = ROOT / "model_repository"
CALLS = sum(
    step.model_name == "recognise"
    for step in read_config(REPOSITORY / "ocr" / "config.pbtxt").ensemble_scheduling.step
)
"""Of the recogniser, for a page."""


@pytest.fixture
def letter(tmp_path: Path) -> Scenario:
    """One page only, so that it is quick."""
    page = ROOT / "builders/ocr/requests/letter.png"
    return scenario_of("ocr", [f"image={page}"])


def test_the_recogniser_gets_the_crops_of_the_page(letter: Scenario) -> None:
    subject = find(REPOSITORY, "recognise", letter, None)
    assert (subject.called, subject.models) == ("recognise", ("recognise",))
    assert len(subject.requests) == CALLS > 1 and subject.calls == 1
    for request in subject.requests:
        (crops,) = request.values()
        assert crops.dtype == np.uint8 and crops.ndim == 4 and crops.shape[3] == 3
        assert np.std(crops) > 5  # a picture


@pytest.mark.thorough
def test_through_the_pipeline_the_requests_are_the_pipelines(letter: Scenario) -> None:
    subject = find(REPOSITORY, "recognise", letter, "ocr")
    assert subject.called == "ocr" and subject.calls == CALLS
    assert [set(request) for request in subject.requests] == [{"image"}]
    assert {"ocr", "recognise", "detect", "collect"} <= set(subject.models)
    assert "ocr_bls" not in subject.models


@pytest.mark.thorough
def test_a_pipeline_of_one_model_gets_its_own_requests(letter: Scenario) -> None:
    subject = find(REPOSITORY, "ocr_bls", letter, None)
    assert subject.called == "ocr_bls" and "recognise" in subject.models
    assert [set(request) for request in subject.requests] == [{"image"}]
    through = find(REPOSITORY, "recognise", letter, "ocr_bls")
    assert through.called == "ocr_bls" and through.calls == CALLS


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("model", "pipeline", "sentence"),
    [
        ("recognize", None, r"no model 'recognize'.*Did you mean 'recognise'\?"),
        ("ocr", None, r"'ocr' is an ensemble.*Tune one of its models: collect, crop"),
        ("recognise", "ocrr", r"no model 'ocrr'.*Did you mean 'ocr'\?"),
        ("recognise", "detect", "no part of 'detect', which calls no other model"),
    ],
)
def test_what_cannot_be_tuned_is_one_sentence(
    letter: Scenario, model: str, pipeline: str | None, sentence: str
) -> None:
    with pytest.raises(PerfError, match=sentence):
        find(REPOSITORY, model, letter, pipeline)


def test_a_repository_that_is_not_there_is_named(letter: Scenario, tmp_path: Path) -> None:
    with pytest.raises(PerfError, match=r"no model repository at .*python -m builders build"):
        find(tmp_path / "none", "m", letter, None)


def test_a_decoupled_model_is_refused(letter: Scenario, tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "orient", tmp_path / "orient")
    config = tmp_path / "orient" / "config.pbtxt"
    config.write_text(config.read_text() + "model_transaction_policy { decoupled: true }\n")
    with pytest.raises(PerfError, match="'orient' is decoupled"):
        find(tmp_path, "orient", letter, None)


@pytest.mark.thorough
def test_the_scenario_is_found_by_the_pipeline_or_by_the_model() -> None:
    assert find_scenario(REPOSITORY, "recognise", None).pipeline == "ocr"
    assert find_scenario(REPOSITORY, "recognise", "ocr").pipeline == "ocr"
    assert find_scenario(REPOSITORY, "recognise", "ocr_bls").pipeline == "ocr"
    with pytest.raises(PerfError, match=r"no model 'recognize'.*Did you mean 'recognise'\?"):
        find_scenario(REPOSITORY, "recognize", None)
    with pytest.raises(PerfError, match=r"No scenario .*reach 'ocr_bls'.*name it"):
        find_scenario(REPOSITORY, "ocr_bls", None)


def test_where_memory_runs_short_no_instances_are_added(
    letter: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = find(REPOSITORY, "orient", letter, None)
    free = [4 << 30]
    monkeypatch.setattr(module, "memory_available", lambda: free[0])
    with Servers(REPOSITORY, subject) as servers:
        address = servers.serve(Settings(instances=1, threads=1))
        assert servers.serve(Settings(instances=1, threads=1)) == address  # it stayed
        free[0] = module.RESERVE + (1 << 20)
        with pytest.raises(LegFailed, match=r"memory runs short: it takes about .* MiB"):
            servers.serve(Settings(instances=2, threads=1))
