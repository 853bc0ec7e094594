"""A request for the text that follows a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.asking.fields import Fields, shown
from gateway.asking.sampling import Sampling, read_sampling
from gateway.errors import invalid, unsupported
from gateway.settings import Limits

IGNORED = ("user",)
REFUSED: Mapping[str, tuple[tuple[Any, ...], str]] = {
    "echo": ((False,), "answers are what follows the prompt"),
    "suffix": (("",), "models here write on, and fill in no gaps"),
    "best_of": ((1,), "answers are not ranked; 'n' gives several"),
    "logprobs": ((), "pipelines give texts without probabilities"),
    "logit_bias": (({},), "pipelines take no weights of single tokens"),
    "min_tokens": ((0,), "pipelines have no least length"),
}
"""What is refused -> values that change nothing, and why others are refused."""


@dataclass(frozen=True)
class CompletionRequest:
    """What was asked.

    Attributes:
        model: the pipeline.
        prompts: one or more.
        sampling: how the answers are chosen.
    """

    model: str
    prompts: list[str]
    sampling: Sampling


def read_completion(values: Mapping[str, Any], limits: Limits) -> CompletionRequest:
    """The request, from its JSON object.

    Raises:
        ApiError: it is not as it should be, or asks for what is not supported.
    """
    fields = Fields(values)
    model = fields.needed("model", fields.text("model"))
    fields.refuse(REFUSED)
    fields.ignore(*IGNORED)
    sampling = read_sampling(fields, limits.choices)
    prompts = _prompts(fields)
    fields.end()
    if len(prompts) * sampling.choices > limits.choices:
        told = f"the prompts, each with 'n' answers, are more than {limits.choices} together"
        raise invalid(told, "prompt")
    return CompletionRequest(model, prompts, sampling)


def _prompts(fields: Fields) -> list[str]:
    given = fields.needed("prompt", fields.take("prompt"))
    prompts = [given] if isinstance(given, str) else given
    if not isinstance(prompts, list) or not prompts:
        told = f"'prompt' has to be a text or a list of texts, found {shown(given)}"
        raise invalid(told if given != [] else "'prompt' is empty", "prompt")
    for each in prompts:
        if isinstance(each, int | list):
            raise unsupported("prompt", "'prompt' as tokens is not supported: send its text")
        if not isinstance(each, str):
            told = f"'prompt' has to be a text or a list of texts, found {shown(each)} in it"
            raise invalid(told, "prompt")
    return prompts
