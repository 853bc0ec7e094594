"""A request of ``generate`` as one of OpenAI's API: a chat's completion, or a text's.

What a request does not say is sent with the contract's default, since servers have defaults of
their own, from their checkpoint. Fields that OpenAI's API does not have, ``top_k`` and
``ignore_eos``, are sent only if the request asks for them, as some servers refuse them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from builders.kit.invalid_argument import InvalidArgument

from ..asking.messages import Message, Text
from ..asking.request import Ask, Limits, read
from .forward import Question

TAKEN = Limits(files=True, text_bytes=8 << 20)
"""The remote server looks at images itself: it takes files, and no embeddings. How long a prompt it
takes, it says itself."""

KINDS = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/bmp": (b"BM",),
    "image/tiff": (b"II*\x00", b"MM\x00*"),
}
"""A kind of image file -> how it begins. WebP's mark stands further on."""


def asked(inputs: Mapping[str, np.ndarray], model: str, default: int) -> Question:
    """What a request asks the remote server.

    Args:
        inputs: those of ``generate``.
        model: what the server calls its model.
        default: tokens of an answer, where the request does not say.

    Raises:
        InvalidArgument: the request is mistaken, or is one that no such server can answer.
    """
    ask = read(inputs, TAKEN)
    most = default if ask.max_tokens is None else ask.max_tokens
    body = {"model": model, **_prompt(ask), **_sampling(ask), "max_tokens": most}
    body |= {"stream": True, "stream_options": {"include_usage": True}}
    path = "/completions" if ask.text is not None else "/chat/completions"
    return Question(path, json.dumps(body).encode(), ask.stream, most)


def _prompt(ask: Ask) -> dict[str, Any]:
    if ask.text is None:
        files = iter([_data_uri(each, number) for number, each in enumerate(ask.image_files, 1)])
        return {"messages": [_message(each, files) for each in ask.messages]}
    if ask.image_files:
        raise InvalidArgument(
            "image: expected messages with a place for each image, found text_input, with which "
            "the remote decoder takes no images"
        )
    return {"prompt": ask.text}


def _message(message: Message, files: Iterator[str]) -> dict[str, Any]:
    if isinstance(message.content, str):
        return {"role": message.role, "content": message.content}
    parts: list[dict[str, Any]] = [
        {"type": "text", "text": part.text}
        if isinstance(part, Text)
        else {"type": "image_url", "image_url": {"url": next(files)}}
        for part in message.content
    ]
    return {"role": message.role, "content": parts}


def _data_uri(file: bytes, number: int) -> str:
    return f"data:{_kind(file, number)};base64,{base64.b64encode(file).decode()}"


def _kind(file: bytes, number: int) -> str:
    for kind, beginnings in KINDS.items():
        if file.startswith(beginnings):
            return kind
    if file.startswith(b"RIFF") and file[8:12] == b"WEBP":
        return "image/webp"
    raise InvalidArgument(
        f"image {number}: expected a PNG, JPEG, WebP, GIF, BMP or TIFF file, found something else"
    )


def _sampling(ask: Ask) -> dict[str, Any]:
    body: dict[str, Any] = {"temperature": _short(ask.temperature), "top_p": _short(ask.top_p)}
    others = {
        "top_k": ask.top_k,
        "frequency_penalty": _short(ask.frequency_penalty),
        "presence_penalty": _short(ask.presence_penalty),
        "stop": list(ask.stop),
        "ignore_eos": ask.ignore_eos,
    }
    body |= {name: value for name, value in others.items() if value}
    if ask.seed is not None:
        body["seed"] = ask.seed
    return body


def _short(value: float) -> float:
    """0.7 as a client wrote it, and not the nearest FP32 to it."""
    return float(str(np.float32(value)))
