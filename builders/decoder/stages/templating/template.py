"""A checkpoint's chat template: messages to the text of a prompt.

It is the text that transformers' ``apply_chat_template`` makes, with ``add_generation_prompt``.
A template is a stranger's program: :mod:`.sandbox` says what it may do, and how much.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import TemplateSyntaxError

from builders.kit.invalid_argument import InvalidArgument

from .functions import Refusal
from .metering import TooMuchWork, metered
from .sandbox import compiled

LONGEST = 64 << 10
"""Characters of a template."""

SECONDS = 0.8
"""Of the processor's time, for a template to be compiled or to be filled in."""

UNITS = 400_000
"""Of work, for a template to be compiled, or to be filled in with nothing; more for what it is
filled in with."""

UNITS_A_MESSAGE = 2_000
UNITS_A_CHARACTER = 2

_TIMES, _MORE = 4, 1 << 16
"""A prompt has at most so many times the characters of the messages, and so many more."""

_TOLD = 300
"""Characters of what a template itself says."""

_MARKS = re.compile("[\ufdd0-\ufdef]")


class BrokenTemplate(ValueError):
    """The template cannot be served; the text says why."""


class ChatTemplate:
    """A template, compiled once. It may be filled in by several threads at once.

    Args:
        source: Jinja, as in a checkpoint's ``chat_template.jinja``.
        variables: what it may use by name, as ``bos_token`` or ``enable_thinking``.

    Raises:
        BrokenTemplate: it is not a template, or uses what is not served.
    """

    def __init__(self, source: str, variables: Mapping[str, Any]) -> None:
        if len(source) > LONGEST:
            raise BrokenTemplate(
                f"expected a chat template of at most {LONGEST} characters, found {len(source)}"
            )
        try:
            with metered(UNITS, SECONDS):
                self._template, self.literals = compiled(source)
        except TemplateSyntaxError as error:
            raise BrokenTemplate(
                f"expected a chat template in Jinja, found a mistake in line {error.lineno}: "
                f"{error.message}"
            ) from error
        except Exception as error:  # Python's own, of what Jinja makes of deep nesting
            raise BrokenTemplate(
                f"expected a chat template that can be compiled, found: {_kind(error)}"
            ) from error
        self._variables = dict(variables)

    def fill(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """The prompt's text.

        Args:
            messages: each with ``role`` and ``content``, a text or a list of parts. No template
                changes them.

        Raises:
            InvalidArgument: the template refuses them, or does too much work on them, or fails.
        """
        size = sum(map(_size, messages))
        units = UNITS + UNITS_A_MESSAGE * len(messages) + UNITS_A_CHARACTER * size
        try:
            with metered(units, SECONDS):
                return self._filled(messages, _TIMES * size + _MORE)
        except Refusal as refusal:
            told = _MARKS.sub("", str(refusal))[:_TOLD].strip()
            raise InvalidArgument(
                f"the model's chat template refuses these messages: {told}"
            ) from None
        except TooMuchWork:
            raise InvalidArgument(
                "the model's chat template does too much work on these messages; send fewer or "
                "shorter ones"
            ) from None
        except Exception as error:  # whatever a stranger's program does
            raise InvalidArgument(
                f"the model's chat template fails on these messages ({_kind(error)}); begin with "
                "one of the user, and let the assistant and the user take turns"
            ) from error

    def _filled(self, messages: Sequence[Mapping[str, Any]], longest: int) -> str:
        pieces, size = [], 0
        context = {
            **self._variables,
            "messages": [*messages],
            "tools": None,
            "documents": None,
            "add_generation_prompt": True,
        }
        for piece in self._template.generate(context):
            pieces.append(piece)
            if (size := size + len(piece)) > longest:
                raise TooMuchWork
        text = "".join(pieces)
        text.encode()  # a template can write half of a surrogate pair
        return text


def _size(message: Mapping[str, Any]) -> int:
    content = message["content"]
    if isinstance(content, str):
        return len(content)
    return sum(16 + len(part.get("text", "")) for part in content)


def _kind(error: Exception) -> str:
    """An error in a word: its text may show what is inside."""
    return type(error).__name__
