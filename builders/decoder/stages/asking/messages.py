"""Chat messages in OpenAI's shape, read from JSON.

Of a message count ``role`` and ``content``; ``name`` is passed over, and so is whatever is null or
empty, as clients send answers back with all their fields. Tools are refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from builders.kit.invalid_argument import InvalidArgument

ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
"""Who speaks -> the role that templates know."""

MOST_MESSAGES = 2048
"""Messages of a request."""

MOST_PARTS = 1024
"""Parts of a message."""

_DIGITS = 40
"""Digits of a number; none is of interest here, and large ones take long to read."""

_SHOWN = 40

_PASSED_OVER = frozenset({"name"})


@dataclass(frozen=True)
class Text:
    """A piece of a message's text."""

    text: str


@dataclass(frozen=True)
class Image:
    """The place of an image: the n-th of a request stands for the n-th image."""


Part = Text | Image


@dataclass(frozen=True)
class Message:
    """What one side said.

    Attributes:
        role: ``system``, ``user`` or ``assistant``.
        content: a text, or parts of a text with images between them.
    """

    role: str
    content: str | tuple[Part, ...]

    @property
    def images(self) -> int:
        """How many images it has."""
        return sum(isinstance(part, Image) for part in self.parts)

    @property
    def parts(self) -> tuple[Part, ...]:
        """Its content as parts, however it was given."""
        return (Text(self.content),) if isinstance(self.content, str) else self.content


def read_messages(given: str) -> tuple[Message, ...]:
    """The messages of a request.

    Args:
        given: a JSON list, as ``[{"role": "user", "content": "Hello"}]``. A content may also be a
            list of parts, ``{"type": "text", "text": "Hello"}`` and ``{"type": "image"}``.

    Raises:
        InvalidArgument: it is not that.
    """
    found = _json(given)
    if not isinstance(found, list) or not found:
        raise InvalidArgument(
            f"messages: expected a JSON list with at least one message, found {_shown(found)}"
        )
    if len(found) > MOST_MESSAGES:
        raise InvalidArgument(
            f"messages: expected at most {MOST_MESSAGES} messages, found {len(found)}"
        )
    return tuple(_message(each, f"message {number}") for number, each in enumerate(found, 1))


def _json(given: str) -> Any:
    try:
        return json.loads(given, parse_int=_whole, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise InvalidArgument(
            f"messages: expected JSON, found a mistake at character {error.pos}: {error.msg}"
        ) from None
    except RecursionError:
        raise InvalidArgument("messages: expected JSON, found lists nested too deeply") from None


def _whole(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise InvalidArgument(f"messages: expected JSON, found a number of {len(digits)} digits")
    return int(digits)


def _constant(name: str) -> NoReturn:
    raise InvalidArgument(f"messages: expected JSON, found {name}, which is not JSON")


def _message(given: Any, where: str) -> Message:
    fields = _fields(given, where, "an object with role and content")
    role = fields.pop("role", None)
    if not isinstance(role, str) or role not in ROLES:
        if role in ("tool", "function"):
            raise InvalidArgument(f"{where}: tools are not served; leave out messages of {role}")
        raise InvalidArgument(
            f"{where}: expected system, developer, user or assistant as the role, "
            f"found {_shown(role)}"
        )
    content = fields.pop("content", None)
    if unknown := sorted(fields.keys() - _PASSED_OVER):
        of_tools = any(each.startswith(("tool_call", "function_call")) for each in unknown)
        remedy = "tools are not served" if of_tools else "leave it out"
        raise InvalidArgument(
            f"{where}: expected role and content, found also {_shown(unknown[0])}; {remedy}"
        )
    if isinstance(content, list) and content:
        content = tuple(_parts(content, where))
    elif isinstance(content, str):
        content = _text(content, where)
    else:
        raise InvalidArgument(
            f"{where}: expected a text or a list of parts as the content, found {_shown(content)}"
        )
    message = Message(ROLES[role], content)
    if message.images and message.role != "user":
        raise InvalidArgument(f"{where}: expected images in messages of the user alone")
    if message.role == "user" and not message.images and not _has_words(message):
        raise InvalidArgument(f"{where}: expected a text, found an empty one")
    return message


def _parts(given: list[Any], where: str) -> Iterator[Part]:
    if len(given) > MOST_PARTS:
        raise InvalidArgument(f"{where}: expected at most {MOST_PARTS} parts, found {len(given)}")
    for number, each in enumerate(given, 1):
        yield _part(each, f"{where}, part {number}")


def _part(given: Any, where: str) -> Part:
    fields = _fields(given, where, "an object with a type")
    kind = fields.pop("type", None)
    if kind == "text":
        text = fields.pop("text", None)
        if not isinstance(text, str):
            raise InvalidArgument(f"{where}: expected a string as the text, found {_shown(text)}")
        part: Part = Text(_text(text, where))
    elif kind == "image":
        part = Image()
    else:
        remedy = (
            "; give the image's file in the input image, and write the type image"
            if kind in ("image_url", "input_image")
            else ""
        )
        raise InvalidArgument(
            f"{where}: expected text or image as the type, found {_shown(kind)}{remedy}"
        )
    for name in fields:
        raise InvalidArgument(f"{where}: expected only what a part has, found {_shown(name)} also")
    return part


def _fields(given: Any, where: str, expected: str) -> dict[str, Any]:
    """An object's members that say something."""
    if not isinstance(given, Mapping):
        raise InvalidArgument(f"{where}: expected {expected}, found {_shown(given)}")
    return {name: value for name, value in given.items() if value is not None and value != []}


def _text(given: str, where: str) -> str:
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise InvalidArgument(
            f"{where}: expected Unicode text, found half of a surrogate pair at character "
            f"{error.start}"
        ) from None
    return given


def _has_words(message: Message) -> bool:
    return any(isinstance(part, Text) and part.text.strip() for part in message.parts)


def _shown(value: Any) -> str:
    """What was found, in a few words."""
    if value is None:
        return "none"
    if isinstance(value, (list, dict)):
        kind = "list" if isinstance(value, list) else "object"
        return f"a {kind}" if value else f"an empty {kind}"
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
