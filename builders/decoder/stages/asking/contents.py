"""What a chat template makes of a message's content: it may want a text, parts, or take either.

Templates of text models join texts, and would print a list as Python does. Those of models that see
often look through parts, and find nothing in a text. So a template is tried when it is loaded, and
each content is given to it in a form that it writes out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from builders.kit.invalid_argument import InvalidArgument

from ..templating.template import BrokenTemplate, ChatTemplate
from .marks import Guard
from .messages import Message, Part, Text

_ASKED, _ANSWERED, _SYSTEM = "Where do storks sleep", "On tall chimneys", "Answer in few words"

_PRINTED = re.compile("""["']type["']""")
"""A list of parts that was printed, not looked through."""


@dataclass(frozen=True)
class Contents:
    """What a template takes.

    Attributes:
        texts: whether a content may be a text.
        parts: whether it may be a list of parts.
        images: whether it writes something for an image among the parts.
    """

    texts: bool
    parts: bool
    images: bool

    def messages(
        self, messages: Sequence[Message], guards: Mapping[str, Guard], image: str | None
    ) -> list[dict[str, Any]]:
        """Messages as the template takes them.

        Args:
            messages: what was said.
            guards: role -> what marks its texts.
            image: what stands for an image in a prompt; ``None`` if the model takes none.
        """
        return [
            {"role": each.role, "content": self._content(each, guards[each.role], image)}
            for each in messages
        ]

    def _content(self, message: Message, guard: Guard, image: str | None) -> Any:
        content = message.content
        if isinstance(content, str):
            text = guard.marked(content)
            return text if self.texts else [{"type": "text", "text": text}]
        if self.parts and (self.images or not message.images):
            return [_as_part(part, guard) for part in content]
        # As many servers do: each part in a line of its own.
        texts = [guard.marked(p.text) if isinstance(p, Text) else image or "" for p in content]
        text = "\n".join(texts)
        return text if self.texts else [{"type": "text", "text": text}]


def contents_of(template: ChatTemplate, image: str | None) -> Contents:
    """What a template takes, by trying it on chats.

    Args:
        template: any.
        image: what stands for an image in a prompt; ``None`` if the model takes none.

    Raises:
        BrokenTemplate: it writes out no question of a user's, or no chat of several turns.
    """
    question = [{"type": "text", "text": _ASKED}]
    texts, why = _writes(template, [_user(_ASKED)], (_ASKED,))
    parts, _ = _writes(template, [_user(question)], (_ASKED,))
    if not texts and not parts:
        raise BrokenTemplate(f"expected a chat template that writes out a question, found: {why}")
    seen = [{"type": "image"}, *question]
    images = bool(
        image and parts and _writes(template, [_user(seen)], (_ASKED, image), once=image)[0]
    )
    found = Contents(texts, parts, images)
    turns: list[dict[str, Any]] = [
        _user(_ASKED if texts else question),
        {
            "role": "assistant",
            "content": _ANSWERED if texts else [{"type": "text", "text": _ANSWERED}],
        },
        _user(_SYSTEM if texts else [{"type": "text", "text": _SYSTEM}]),
    ]
    works, why = _writes(template, turns, (_ASKED, _ANSWERED, _SYSTEM))
    if not works:
        raise BrokenTemplate(
            f"expected a chat template that writes out what was said before, found: {why}"
        )
    if image and not images:
        text = f"{image}\n{_ASKED}"
        works, why = _writes(
            template, [_user(text if texts else [{"type": "text", "text": text}])], (image,)
        )
        if not works:
            raise BrokenTemplate(
                f"expected a chat template that writes out an image's place, found: {why}"
            )
    return found


def _writes(
    template: ChatTemplate,
    messages: Sequence[Mapping[str, Any]],
    texts: Sequence[str],
    once: str | None = None,
) -> tuple[bool, str]:
    """Whether a template writes these texts out, and if not, what it does."""
    try:
        made = template.fill(messages)
    except InvalidArgument as error:
        return False, f"{error}{_cause(error)}"
    if _PRINTED.search(made):
        return False, "it prints a list as it stands"
    if any(text not in made for text in texts):
        return False, "it leaves it out"
    return once is None or made.count(once) == 1, "it writes several images for one"


def _cause(error: InvalidArgument) -> str:
    return f": {error.__cause__}" if error.__cause__ else ""


def _user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def _as_part(part: Part, guard: Guard) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": guard.marked(part.text)}
    return {"type": "image"}
