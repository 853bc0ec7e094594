"""``POST /v1/completions``: the text that follows a prompt, as it stands."""

from __future__ import annotations

import secrets
import time
from typing import Any

from openai.types import Completion, CompletionChoice
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from gateway.answering.events import CompletionKind, Events
from gateway.answering.stream import Stream
from gateway.answering.tokens import usage_of
from gateway.answering.whole import written
from gateway.asking.body import json_object
from gateway.asking.completion import read_completion
from gateway.front import front_of
from gateway.triton.catalogue import Use
from gateway.triton.generation import Generate


async def completions(request: Request) -> ASGIApp:
    """Answers a prompt, or several.

    Raises:
        ApiError: the request is not as it should be, or gets no answer.
    """
    front = front_of(request)
    read = read_completion(await json_object(request), front.settings.limits)
    model = await front.catalogue.model(read.model, Use.CHAT)
    sampling = read.sampling
    asked = [
        Generate(model.name, prompt, (), options)
        for prompt in read.prompts
        for options in sampling.each()
    ]
    identity, created = f"cmpl-{secrets.token_hex(12)}", int(time.time())
    if sampling.stream:
        events = Events(CompletionKind(model.name), identity, created, usage=sampling.usage)
        return Stream(
            front.triton, asked, sampling.choices, events, front.counts, usage=sampling.usage
        )
    pieces = await written(front.triton, asked)
    usage = usage_of(pieces, sampling.choices)
    front.counts.tokens(usage)
    answer = Completion(
        id=identity,
        object="text_completion",
        created=created,
        model=model.name,
        choices=[_choice(index, each.text, each.finish) for index, each in enumerate(pieces)],
        usage=usage,
    )
    content = answer.model_dump_json(exclude_unset=True)
    return Response(content, media_type="application/json")


def _choice(index: int, text: str, reason: Any) -> CompletionChoice:
    return CompletionChoice(index=index, text=text, finish_reason=reason, logprobs=None)
