"""``POST /v1/completions``: the text that follows a prompt, as it stands."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp

from gateway.answering.kinds import CompletionKind
from gateway.asking.body import json_object
from gateway.asking.completion import read_completion
from gateway.front import front_of
from gateway.routes.answer import answered
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
    asked = [
        Generate(model.name, prompt, (), options)
        for prompt in read.prompts
        for options in read.sampling.each()
    ]
    kind = CompletionKind(model.name)
    return await answered(front.triton, front.counts, kind, asked, read.sampling)
