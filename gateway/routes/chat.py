"""``POST /v1/chat/completions``: the next message of a chat."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp

from gateway.answering.kinds import ChatKind
from gateway.asking.body import json_object
from gateway.asking.chat import read_chat
from gateway.errors import unsupported
from gateway.front import front_of
from gateway.routes.answer import answered
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
    asked = [
        Generate(model.name, read.conversation.messages, images, options)
        for options in read.sampling.each()
    ]
    kind = ChatKind(model.name)
    return await answered(front.triton, front.counts, kind, asked, read.sampling)
