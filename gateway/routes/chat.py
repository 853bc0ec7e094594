"""``POST /v1/chat/completions``: the next message of a chat."""

from __future__ import annotations

import secrets
import time
from typing import Any

from openai.types.chat import ChatCompletion, ChatCompletionMessage
from openai.types.chat.chat_completion import Choice
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from gateway.answering.events import ChatKind, Events
from gateway.answering.stream import Stream
from gateway.answering.tokens import usage_of
from gateway.answering.whole import written
from gateway.asking.body import json_object
from gateway.asking.chat import read_chat
from gateway.errors import unsupported
from gateway.front import front_of
from gateway.triton.catalogue import Use
from gateway.triton.generation import Generate


async def chat(request: Request) -> ASGIApp:
    """Answers a chat.

    Raises:
        ApiError: the request is not as it should be, or gets no answer.
    """
    front = front_of(request)
    read = read_chat(await json_object(request), front.settings.limits)
    model = await front.catalogue.model(read.model, Use.CHAT)
    if read.conversation.images and "image" not in model.inputs:
        raise unsupported("messages", f"the model '{model.name}' sees no images")
    images = await front.resolver.images(read.conversation)
    sampling = read.sampling
    asked = [
        Generate(model.name, read.conversation.messages, images, options)
        for options in sampling.each()
    ]
    identity, created = f"chatcmpl-{secrets.token_hex(12)}", int(time.time())
    if sampling.stream:
        events = Events(ChatKind(model.name), identity, created, usage=sampling.usage)
        return Stream(
            front.triton, asked, sampling.choices, events, front.counts, usage=sampling.usage
        )
    pieces = await written(front.triton, asked)
    usage = usage_of(pieces, sampling.choices)
    front.counts.tokens(usage)
    answer = ChatCompletion(
        id=identity,
        object="chat.completion",
        created=created,
        model=model.name,
        choices=[_choice(index, each.text, each.finish) for index, each in enumerate(pieces)],
        usage=usage,
    )
    content = answer.model_dump_json(exclude_unset=True)
    return Response(content, media_type="application/json")


def _choice(index: int, text: str, reason: Any) -> Choice:
    message = ChatCompletionMessage(role="assistant", content=text, refusal=None)
    return Choice(index=index, message=message, finish_reason=reason, logprobs=None)
