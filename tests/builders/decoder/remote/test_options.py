"""What a profile may say about a remote server, and the model that comes of it."""

from __future__ import annotations

from typing import Any, cast

import pytest
from pydantic import ValidationError

from builders.decoder.engines.remote import pipeline
from builders.decoder.making import make
from builders.decoder.options import DecoderOptions
from builders.decoder.remote_options import RemoteOptions
from builders.kit.emit.check import check_graph
from builders.kit.emit.config import model_config
from builders.kit.family import Conditions
from builders.kit.graph.stage_imports import stage_mistakes
from repository.findings import errors
from repository.release import release

GIVEN = {"url": "http://decoder-predictor/v1", "model": "models"}


@pytest.mark.parametrize("named", ["24.10", "26.11"])
def test_the_model_is_right_and_every_parameter_may_be_what_it_is(named: str) -> None:
    remote = RemoteOptions.model_validate(GIVEN | {"api_key_env": "KEY"})
    model = pipeline(remote, slots=8, waiting=64, max_tokens=256)
    assert errors(check_graph([model], release(named))) == []
    assert list(stage_mistakes(model)) == []
    assert model.options.keys() == model.parameters.keys()
    for name, option in model.options.items():
        assert option.takes(model.parameters[name]), name
    assert model_config(model).model_transaction_policy.decoupled


def test_without_a_key_no_variable_is_named() -> None:
    remote = RemoteOptions.model_validate(GIVEN)
    model = pipeline(remote, slots=8, waiting=64, max_tokens=256)
    assert "api_key_env" not in model.parameters


@pytest.mark.parametrize(
    "mistaken",
    [
        {"url": "decoder/v1"},
        {"url": "http://user:secret@decoder/v1"},
        {"url": "http://decoder/v1?x"},
        {"model": ""},
        {"api_key_env": "sk-0123456789"},
        {"api_key_env": ""},
        {"connect_seconds": 0},
        {"idle_seconds": "soon"},
        {"first_token_seconds": float("inf")},
        {"retries": -1},
        {"retries": 1.5},
        {"other": 1},
    ],
    ids=str,
)
def test_mistakes_are_refused(mistaken: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RemoteOptions.model_validate(GIVEN | mistaken)


def test_numbers_are_taken_as_a_profile_has_them() -> None:
    read = RemoteOptions.model_validate(GIVEN | {"idle_seconds": "2.5", "connect_seconds": 3})
    assert (read.idle_seconds, read.connect_seconds) == (2.5, 3.0)


def test_the_family_of_a_remote_decoder_has_its_pipeline_and_no_checkpoint() -> None:
    options = DecoderOptions.model_validate({"engine": "remote", "remote": GIVEN, "slots": 32})
    family = make(options, cast(Conditions, None))
    (pipeline,) = family.pipelines
    assert (pipeline.name, family.sources, family.metrics) == ("generate", {}, ())
    assert pipeline.parameters["slots"] == "32"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"engine": "remote"}, "engine: remote alone"),
        ({"remote": GIVEN}, "remote"),
        ({"engine": "local", "remote": GIVEN}, "remote"),
        ({"engine": "remote", "remote": GIVEN, "eye": "vision", "threads": 2}, "eye, threads"),
        ({"engine": "remote", "remote": GIVEN, "source": "demo:vision"}, "source"),
    ],
)
def test_options_of_the_other_engine_are_refused(options: dict[str, Any], found: str) -> None:
    with pytest.raises(ValidationError) as raised:
        DecoderOptions.model_validate(options)
    assert [each["ctx"]["found"] for each in raised.value.errors()] == [found]


def test_the_shipped_checkpoint_has_an_eye_if_it_is_the_one_that_decodes() -> None:
    assert DecoderOptions.model_validate({}).eye == "vision"
    assert DecoderOptions.model_validate({"engine": "local"}).eye == "vision"
    assert DecoderOptions.model_validate({"engine": "remote", "remote": GIVEN}).eye is None
