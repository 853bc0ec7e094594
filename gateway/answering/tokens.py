"""Counts of tokens."""

from __future__ import annotations

from collections.abc import Sequence

from openai.types import CompletionUsage
from openai.types.completion_usage import PromptTokensDetails

from gateway.triton.generation import Piece


def usage_of(ends: Sequence[Piece], choices: int) -> CompletionUsage:
    """The counts of a request.

    Args:
        ends: the last piece of each answer, a prompt's side by side.
        choices: answers to each prompt, which is counted once.
    """
    firsts = ends[::choices]
    prompt = sum(each.prompt_tokens for each in firsts)
    written = sum(each.completion_tokens for each in ends)
    cached = sum(each.cached_tokens for each in firsts)
    return CompletionUsage(
        prompt_tokens=prompt,
        completion_tokens=written,
        total_tokens=prompt + written,
        prompt_tokens_details=PromptTokensDetails(cached_tokens=cached),
    )
