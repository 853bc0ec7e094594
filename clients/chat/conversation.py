"""What was said so far, as messages. A server keeps nothing between two requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, TypedDict


class TextPart(TypedDict):
    """A piece of a message's text."""

    type: Literal["text"]
    text: str


class ImagePart(TypedDict):
    """The place of an image: the n-th of a request stands for its n-th image."""

    type: Literal["image"]


class Message(TypedDict):
    """What one side said, in OpenAI's shape."""

    role: Literal["system", "user", "assistant"]
    content: str | list[TextPart | ImagePart]


_Said: TypeAlias = tuple[Message, tuple[bytes, ...]]


class Conversation:
    """Questions and answers in turn.

    Args:
        system: what the model is told before them; empty for nothing.
    """

    def __init__(self, system: str = "") -> None:
        self.system = system
        self._said: list[_Said] = []

    @property
    def messages(self) -> list[Message]:
        """All of it, for a request; what the system says comes first."""
        before: list[Message] = [{"role": "system", "content": self.system}] if self.system else []
        return before + [message for message, _ in self._said]

    @property
    def images(self) -> list[bytes]:
        """The files of all images, in the order of their places in the messages."""
        return [image for _, images in self._said for image in images]

    def ask(self, text: str, images: Sequence[bytes] = ()) -> None:
        """Adds a question.

        Args:
            text: its words.
            images: encoded files, which come before them.
        """
        self._said.append((question(text, len(images)), tuple(images)))

    def answered(self, text: str) -> None:
        """Adds the answer to the last question."""
        self._said.append(({"role": "assistant", "content": text}, ()))

    def take_back(self) -> None:
        """Takes away the last question, which got no answer."""
        self._said.pop()

    def forget(self) -> None:
        """Begins anew; what the system says stays."""
        self._said.clear()


def question(text: str, images: int = 0) -> Message:
    """A message of the user: so many images, and then a text."""
    if not images:
        return {"role": "user", "content": text}
    return {"role": "user", "content": [*[_IMAGE] * images, {"type": "text", "text": text}]}


_IMAGE: ImagePart = {"type": "image"}
