"""From a request to the tokens of its prompt.

A text is encoded as it is, by all that the tokenizer does. A chat becomes a text by the
checkpoint's template, and nothing is added to what the template writes. So it is in transformers.

What users write in a chat stays text. If it reads like a control token or like an image's place,
the chat is encoded by a copy of the tokenizer that does not know those tokens. For the template's
own it knows others, which no user can write. By default transformers lets users write any token; it
has ``sanitize_control_tokens`` against that. All other chats have the tokens that it gives them.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from builders.kit.invalid_argument import InvalidArgument

from ..templating.template import ChatTemplate
from .contents import Contents, contents_of
from .marks import Guard, Marked, any_of
from .messages import ROLES, Message
from .request import Ask

TEMPLATE_FILE = "chat_template.jinja"

_STAND_IN = "\ufdd3{}\ufdd4"
"""A control token in the copy: users' texts have none of these characters."""


@dataclass(frozen=True)
class Prompt:
    """A prompt.

    Attributes:
        ids: INT64 [tokens]; in place of each row of an image the token of images.
        places: where each image's rows begin.
    """

    ids: np.ndarray
    places: Sequence[int]


@dataclass(frozen=True)
class Draft:
    """A prompt in which each image is one token yet.

    Attributes:
        ids: INT64 [tokens].
        places: where the images are.
    """

    ids: np.ndarray
    places: np.ndarray

    def filled(self, rows: Sequence[int]) -> Prompt:
        """The prompt.

        Args:
            rows: how many each image has.

        Raises:
            InvalidArgument: there are more or fewer images than places.
        """
        _match(len(self.places), len(rows))
        lengths = np.ones(len(self.ids), np.int64)
        lengths[self.places] = rows
        begins = lengths.cumsum() - lengths
        return Prompt(np.repeat(self.ids, lengths), begins[self.places].tolist())


def _match(places: int, images: int) -> None:
    if places != images:
        raise InvalidArgument(
            f"expected an image for each of the {places} places for images in the prompt, found "
            f"{images or 'none'}"
        )


def _encoded(tokenizer: Tokenizer, text: str, add_special_tokens: bool) -> list[int]:
    # For one text alone it would hold the interpreter's lock, for a second a megabyte.
    (made,) = tokenizer.encode_batch_fast([text], add_special_tokens=add_special_tokens)
    ids: list[int] = made.ids
    return ids


class Prompts:
    """Makes prompts, by a checkpoint's tokenizer and template.

    Args:
        folder: may have a ``chat_template.jinja``.
        settings: of these ``special``, the names of tokens that templates use, ``image_token`` and
            ``image_text``, both ``None`` if the model takes no images.
        tokenizer: from now on without truncation and padding.

    Raises:
        BrokenTemplate: the template cannot be used.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._image: int | None = settings["image_token"]
        file = folder / TEMPLATE_FILE
        self._chats = (
            _Chats(
                ChatTemplate(file.read_text("utf-8"), settings["special"]),
                settings["image_text"],
                tokenizer,
            )
            if file.is_file()
            else None
        )

    def draft(self, ask: Ask) -> Draft:
        """The prompt of a request, but for its images.

        Raises:
            InvalidArgument: there is no template for messages, or it refuses them, or there is no
                token in the text, or it has more or fewer places than there are images.
        """
        if ask.text is not None:
            ids = np.array(_encoded(self._tokenizer, ask.text, True), np.int64)
        elif self._chats is not None:
            ids = np.array(self._chats.ids(ask.messages), np.int64)
        else:
            raise InvalidArgument(
                "messages: the model's checkpoint has no chat template; give the prompt in "
                "text_input"
            )
        if not len(ids):
            raise InvalidArgument("expected a prompt with tokens that the model knows, found none")
        draft = Draft(ids, np.flatnonzero(ids == (-1 if self._image is None else self._image)))
        images = len(ask.image_files) or len(ask.image_tokens)
        if images or ask.image_rows is None:
            _match(len(draft.places), images)
        return draft


class _Chats:
    def __init__(self, template: ChatTemplate, image: str | None, tokenizer: Tokenizer) -> None:
        self._template, self._image, self._tokenizer = template, image, tokenizer
        self._contents: Contents = contents_of(template, image)
        added = tokenizer.get_added_tokens_decoder()
        special = {each.content for each in added.values() if each.special} | {image or ""} - {""}
        written = {
            each.content
            for each in added.values()
            if each.content in template.literals and not each.content.isspace()
        }
        control = special | written
        # What an assistant thought stays as the model writes it.
        strict, mild = Guard(special, written - special), Guard(special)
        self._guards = {each: mild if each == "assistant" else strict for each in ROLES.values()}
        self._control = {
            each.content: number for number, each in added.items() if each.content in control
        }
        self._pattern = any_of(self._control)
        # Of these the tokenizer reads other texts too, as in other letters.
        self._loose = tokenizer.normalizer is not None and any(
            each.normalized and each.content in control for each in added.values()
        )
        self._copied = threading.Lock()
        self._copy: _Copy | None = None

    def ids(self, messages: Sequence[Message]) -> list[int]:
        """The tokens of a chat."""
        filled = self._contents.messages(messages, self._guards, self._image)
        made = Marked(self._template.fill(filled))
        ids = _encoded(self._tokenizer, made.text, False)
        if not made.marks and not self._loose:
            return ids
        own, others = made.own(self._pattern)
        wanted = Counter(self._control[made.text[start:end]] for start, end in own)
        numbers = set(self._control.values())
        found = Counter(each for each in ids if each in numbers)
        if not others and not found - wanted:
            return ids
        return self._without_others(made.text, own)

    def _without_others(self, text: str, own: Sequence[tuple[int, int]]) -> list[int]:
        with self._copied:
            if self._copy is None:
                self._copy = _Copy(self._tokenizer, self._control)
        return self._copy.ids(text, own)


class _Copy:
    """A tokenizer in which other texts stand for control tokens, by the same numbers.

    Args:
        tokenizer: what it is a copy of.
        control: its control tokens, and their numbers.
    """

    def __init__(self, tokenizer: Tokenizer, control: Mapping[str, int]) -> None:
        self._names = {each: _STAND_IN.format(number) for each, number in control.items()}
        self._tokenizer = Tokenizer.from_str(json.dumps(self._renamed(tokenizer.to_str())))

    def ids(self, text: str, own: Sequence[tuple[int, int]]) -> list[int]:
        """The tokens of a text.

        Args:
            text: what to encode.
            own: where its control tokens are; all others are text.
        """
        pieces, place = [], 0
        for start, end in own:
            pieces += [text[place:start], self._names[text[start:end]]]
            place = end
        made = "".join([*pieces, text[place:]])
        return _encoded(self._tokenizer, made, False)

    def _renamed(self, text: str) -> dict[str, Any]:
        """A tokenizer's JSON. Names change and nothing is taken away, so that numbers stay."""
        held: dict[str, Any] = json.loads(text)
        names = self._names
        for each in held["added_tokens"]:
            if each["content"] in names:
                each |= {"content": names[each["content"]], "normalized": False}
        model = held["model"]
        if isinstance(model["vocab"], list):
            model["vocab"] = [[names.get(piece, piece), score] for piece, score in model["vocab"]]
        else:
            model["vocab"] = {names.get(piece, piece): n for piece, n in model["vocab"].items()}
        if model.get("unk_token") in names:
            model["unk_token"] = names[model["unk_token"]]
        if "merges" in model:
            model["merges"] = [
                pair for pair in model["merges"] if not {*pair, "".join(pair)} & names.keys()
            ]
        return held
