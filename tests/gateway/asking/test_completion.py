"""Requests for completions and for vectors: what is read, ignored and refused."""

from __future__ import annotations

import typing
from typing import Any

import pytest
from openai.types import completion_create_params, embedding_create_params

from gateway.asking import completion, embedding
from gateway.asking.completion import read_completion
from gateway.asking.embedding import read_embedding
from gateway.errors import ApiError
from gateway.settings import Limits

LIMITS = Limits()
SAMPLING = {
    *("n", "stream", "stream_options", "temperature", "top_p", "seed", "stop", "max_tokens"),
    *("frequency_penalty", "presence_penalty"),
}


def refusal(values: dict[str, Any]) -> ApiError:
    read = read_embedding if "input" in values else lambda each: read_completion(each, LIMITS)
    with pytest.raises(ApiError) as raised:
        read(values)
    assert raised.value.status == 400
    return raised.value


def test_every_parameter_of_completions_is_read_ignored_or_refused() -> None:
    kinds = (
        completion_create_params.CompletionCreateParamsBase,
        completion_create_params.CompletionCreateParamsStreaming,
    )
    declared = {name for kind in kinds for name in typing.get_type_hints(kind)}
    known = {"model", "prompt", *SAMPLING, *completion.IGNORED, *completion.REFUSED}
    assert declared <= known
    assert known - declared == {"min_tokens"}


def test_every_parameter_of_embeddings_is_read_ignored_or_refused() -> None:
    declared = {*typing.get_type_hints(embedding_create_params.EmbeddingCreateParams)}
    known = {*embedding.IGNORED, *embedding.REFUSED}
    assert declared == {"model", "input", "encoding_format", *known}


@pytest.mark.parametrize("name", [*completion.REFUSED])
def test_what_is_not_supported_is_refused_by_its_name(name: str) -> None:
    error = refusal({"model": "m", "prompt": "x", name: {"else": 1}})
    assert (error.code, error.param) == ("unsupported_parameter", name)
    for harmless in (None, *completion.REFUSED[name][0]):
        read_completion({"model": "m", "prompt": "x", name: harmless}, LIMITS)


def test_lengths_of_vectors_are_the_models() -> None:
    error = refusal({"model": "m", "input": "x", "dimensions": 256})
    assert (error.code, error.param) == ("unsupported_parameter", "dimensions")


@pytest.mark.parametrize(
    "prompt", [None, [], 7, {}, ["a", None], [7, 8], [[7]], [True], ["a"] * 17]
)
def test_a_prompt_that_cannot_be_is_refused(prompt: Any) -> None:
    assert refusal({"model": "m", "prompt": prompt}).param == "prompt"


@pytest.mark.parametrize("given", [[], "", [""], 7, {}, ["a", None], [7, 8], [[7]], ["a"] * 2049])
def test_an_input_that_cannot_be_is_refused(given: Any) -> None:
    assert (refusal({"model": "m", "input": given}).param or "").startswith("input")


def test_prompts_and_choices_are_counted_together() -> None:
    assert read_completion({"model": "m", "prompt": ["a"] * 4, "n": 4}, LIMITS).prompts == ["a"] * 4
    assert "16 together" in str(refusal({"model": "m", "prompt": ["a"] * 4, "n": 5}))


def test_an_empty_prompt_is_one() -> None:
    assert read_completion({"model": "m", "prompt": ""}, LIMITS).prompts == [""]
