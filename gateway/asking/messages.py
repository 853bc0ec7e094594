"""The messages of a chat: texts, images and sounds."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.asking.fields import Fields, shown
from gateway.errors import invalid, unsupported

ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
"""Role in OpenAI's API -> in chat templates."""

SOUNDS = ("wav", "mp3", "flac", "ogg")
"""What sound may be; OpenAI's API has the first two."""

_REFUSED_ROLES = {
    "tool": "tools are not supported",
    "function": "functions are not supported",
}
_REFUSED: Mapping[str, tuple[tuple[Any, ...], str]] = {
    "tool_calls": (([],), "tools are not supported"),
    "function_call": ((), "functions are not supported"),
    "audio": ((), "answers are texts, not sound"),
    "refusal": ((), "a refusal is no part of a template"),
    "annotations": (([],), "annotations are no part of a template"),
}


@dataclass
class Conversation:
    """Messages, as a pipeline takes them but for what has to be fetched or heard first.

    Attributes:
        messages: with a part ``{"type": "image"}`` for each image, and one without its text for
            each sound.
        images: the addresses of the images, in the order of their parts.
        sounds: the encoded sounds, each with the part that gets its text.
    """

    messages: list[dict[str, Any]] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    sounds: list[tuple[bytes, dict[str, Any]]] = field(default_factory=list)


def read_messages(fields: Fields, most_images: int) -> Conversation:
    """Takes the member ``messages``.

    Args:
        fields: of the request.
        most_images: of all messages together; so many sounds may be there, too.

    Raises:
        ApiError: it is not as it should be.
    """
    given = fields.needed("messages", fields.items("messages"))
    if not given:
        raise invalid("'messages' is empty: it needs a message", "messages")
    made = Conversation()
    for number, each in enumerate(given):
        at = f"messages[{number}]"
        if not isinstance(each, dict):
            raise invalid(f"'{at}' has to be an object, found {shown(each)}", at)
        made.messages.append(_message(Fields(each, at), made))
    for found, what in ((made.images, "images"), (made.sounds, "sounds")):
        if len(found) > most_images:
            told = f"a request has at most {most_images} {what}, found {len(found)}"
            raise invalid(told, "messages")
    return made


def _message(fields: Fields, made: Conversation) -> dict[str, Any]:
    given = fields.needed("role", fields.text("role"))
    if given in _REFUSED_ROLES:
        told = f"the role '{given}' is not supported: {_REFUSED_ROLES[given]}"
        raise unsupported(fields.at("role"), told)
    if given not in ROLES:
        known = ", ".join(f"'{each}'" for each in ROLES)
        where = fields.at("role")
        raise invalid(f"'{where}' has to be one of {known}, found {shown(given)}", where)
    fields.refuse(_REFUSED)
    # Templates have no place for a speaker's name.
    fields.ignore("name")
    content = fields.needed("content", fields.take("content"))
    fields.end()
    if isinstance(content, str):
        return {"role": ROLES[given], "content": content}
    where = fields.at("content")
    if not isinstance(content, list) or not content:
        told = f"'{where}' has to be a text or a list of parts, found {shown(content)}"
        raise invalid(told if content != [] else f"'{where}' is empty: it needs a part", where)
    parts = []
    for number, each in enumerate(content):
        at = f"{where}[{number}]"
        if not isinstance(each, dict):
            raise invalid(f"'{at}' has to be an object, found {shown(each)}", at)
        parts.append(_part(Fields(each, at), made, given))
    return {"role": ROLES[given], "content": parts}


def _part(fields: Fields, made: Conversation, role: str) -> dict[str, Any]:
    kind = fields.needed("type", fields.text("type"))
    read = _PARTS.get(kind)
    if read is None:
        where = fields.at("type")
        known = ", ".join(f"'{each}'" for each in _PARTS)
        raise unsupported(where, f"'{where}' has to be one of {known}, found {shown(kind)}")
    if kind != "text" and role != "user":
        told = f"only a message of the role 'user' has images and sounds, found one of '{role}'"
        raise invalid(told, fields.at("type"))
    # Where a cache of the prompt may end: it ends where it can.
    fields.ignore("prompt_cache_breakpoint")
    part = read(fields, made)
    fields.end()
    return part


def _text(fields: Fields, _: Conversation) -> dict[str, Any]:
    return {"type": "text", "text": fields.needed("text", fields.text("text"))}


def _image(fields: Fields, made: Conversation) -> dict[str, Any]:
    image = fields.needed("image_url", fields.object("image_url"))
    made.images.append(image.needed("url", image.text("url")))
    image.refuse({"detail": (("auto",), "an image is seen in one way, 'auto'")})
    image.end()
    return {"type": "image"}


def _sound(fields: Fields, made: Conversation) -> dict[str, Any]:
    sound = fields.needed("input_audio", fields.object("input_audio"))
    data = sound.needed("data", sound.text("data"))
    sound.needed("format", sound.word("format", SOUNDS))
    sound.end()
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if not content:
        where = sound.at("data")
        raise invalid(f"'{where}' has to be a file in base64", where)
    part = {"type": "text", "text": ""}
    made.sounds.append((content, part))
    return part


_PARTS: dict[str, Callable[[Fields, Conversation], dict[str, Any]]] = {
    "text": _text,
    "image_url": _image,
    "input_audio": _sound,
}
