"""What is answered: a chat's next message, or the text behind a prompt."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from openai.types import Completion, CompletionChoice, CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessage
from openai.types.chat.chat_completion import Choice as WholeChoice
from openai.types.chat.chat_completion_chunk import Choice, ChoiceDelta
from pydantic import BaseModel

from gateway.triton.generation import Piece

IDENTITY, TEXT, CREATED = "\x00id", "\x00text", 10**15 + 1
"""Marks of what differs from event to event: none of them can be in a model's name."""


@dataclass(frozen=True)
class Kind(ABC):
    """What an answer of one kind is, whole or in events.

    Attributes:
        model: its name.
        prefix: of the answers' ``id``.
    """

    model: str
    prefix: ClassVar[str]

    @abstractmethod
    def whole(
        self, identity: str, created: int, pieces: Sequence[Piece], usage: CompletionUsage
    ) -> BaseModel:
        """The answer in one, a choice for each piece."""

    @abstractmethod
    def made(self, choices: Any) -> BaseModel:
        """An event with these choices."""

    @abstractmethod
    def first(self, index: int) -> Any:
        """A choice that begins; None if that is not told."""

    @abstractmethod
    def text(self, index: int) -> Any:
        """A choice with the mark of a text."""

    @abstractmethod
    def finish(self, index: int) -> Any:
        """A choice that ends, with a text's mark for its reason."""


class ChatKind(Kind):
    """Chats."""

    prefix = "chatcmpl-"

    def whole(
        self, identity: str, created: int, pieces: Sequence[Piece], usage: CompletionUsage
    ) -> ChatCompletion:
        """The answer in one, a choice for each piece."""
        choices = []
        for index, piece in enumerate(pieces):
            message = ChatCompletionMessage(role="assistant", content=piece.text, refusal=None)
            reason: Any = piece.finish
            choices.append(
                WholeChoice(index=index, message=message, finish_reason=reason, logprobs=None)
            )
        return ChatCompletion(
            id=identity,
            object="chat.completion",
            created=created,
            model=self.model,
            choices=choices,
            usage=usage,
        )

    def made(self, choices: list[Choice]) -> ChatCompletionChunk:
        """An event with these choices."""
        return ChatCompletionChunk(
            id=IDENTITY,
            object="chat.completion.chunk",
            created=CREATED,
            model=self.model,
            choices=choices,
        )

    def first(self, index: int) -> Choice:
        """Whose message it is."""
        delta = ChoiceDelta(role="assistant", content="", refusal=None)
        return Choice(index=index, delta=delta, finish_reason=None, logprobs=None)

    def text(self, index: int) -> Choice:
        """A choice with the mark of a text."""
        delta = ChoiceDelta(content=TEXT)
        return Choice(index=index, delta=delta, finish_reason=None, logprobs=None)

    def finish(self, index: int) -> Choice:
        """A choice that ends."""
        made = Choice(index=index, delta=ChoiceDelta(), finish_reason=None, logprobs=None)
        return made.model_copy(update={"finish_reason": TEXT})


class CompletionKind(Kind):
    """Completions."""

    prefix = "cmpl-"

    def whole(
        self, identity: str, created: int, pieces: Sequence[Piece], usage: CompletionUsage
    ) -> Completion:
        """The answer in one, a choice for each piece."""
        choices = []
        for index, piece in enumerate(pieces):
            reason: Any = piece.finish
            choices.append(
                CompletionChoice(index=index, text=piece.text, finish_reason=reason, logprobs=None)
            )
        return Completion(
            id=identity,
            object="text_completion",
            created=created,
            model=self.model,
            choices=choices,
            usage=usage,
        )

    def made(self, choices: list[CompletionChoice]) -> Completion:
        """An event with these choices."""
        # Not judged: their reason may be null before the end, though the type says otherwise.
        return Completion.model_construct(
            id=IDENTITY,
            object="text_completion",
            created=CREATED,
            model=self.model,
            choices=choices,
        )

    def first(self, index: int) -> None:
        """A completion has no role."""

    def text(self, index: int) -> CompletionChoice:
        """A choice with the mark of a text."""
        return self._choice(index, TEXT, None)

    def finish(self, index: int) -> CompletionChoice:
        """A choice that ends."""
        return self._choice(index, "", TEXT)

    def _choice(self, index: int, text: str, reason: Any) -> CompletionChoice:
        return CompletionChoice.model_construct(
            index=index, text=text, finish_reason=reason, logprobs=None
        )
