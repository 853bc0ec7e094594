"""The tokenizer of both checkpoints: byte-level pairs, so that any text has tokens."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

PAD, START, IMAGE, USER, ASSISTANT, END = (
    "<pad>",
    "<s>",
    "<image>",
    "<|user|>",
    "<|assistant|>",
    "<|end|>",
)
"""Special tokens, whose numbers are 0 to 5."""

SPECIAL = (PAD, START, IMAGE, USER, ASSISTANT, END)

VOCABULARY = 640

TEXT_LENGTH = 32
"""Tokens of a caption, padded, in the text tower."""

CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['content'] is string %}"
    "{% set images = 0 %}{% set text = message['content'] %}"
    "{% else %}"
    "{% set images = message['content'] | selectattr('type', 'in', ['image', 'image_url'])"
    " | list | length %}"
    "{% set text = message['content'] | selectattr('type', 'equalto', 'text')"
    " | map(attribute='text') | join(' ') %}"
    "{% endif %}"
    "{% if message['role'] == 'user' %}"
    "{{ '<image>' * images }}{{ '<|user|>' + text }}"
    "{% elif message['role'] == 'assistant' %}"
    "{{ '<|assistant|>' + text + '<|end|>' }}"
    "{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
"""Images before the text of their turn; what a system says is left out, as training had none."""

PIECES = Path(__file__).with_name("pieces.json")
"""Learned once, by byte-level pair encoding with single digits, from captions and questions about
12000 scenes. It is kept, as the weights hang on it."""


def load() -> Tokenizer:
    """The tokenizer: of most of the scenes' words, and of digits, each is one token."""
    return Tokenizer.from_file(str(PIECES))


class Texts:
    """Turns texts into numbers, remembering what it has seen.

    Args:
        tokenizer: of the run.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.encode = lru_cache(200_000)(self._encode)
        self.ends = lru_cache(200_000)(self._ends)

    def _encode(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def _ends(self, text: str, name: str) -> int:
        """The token of a text in which a name in it ends; -1 if it is not in there."""
        found = re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE)
        if not found:
            return -1
        offsets = self.tokenizer.encode(text, add_special_tokens=False).offsets
        return next(n for n, (_, end) in enumerate(offsets) if end >= found.end())

    def captions(self, texts: list[str]) -> np.ndarray:
        """INT64 [texts, :data:`TEXT_LENGTH`], padded on the right."""
        found = np.zeros((len(texts), TEXT_LENGTH), np.int64)
        for row, text in zip(found, texts, strict=True):
            tokens = self.encode(text)[:TEXT_LENGTH]
            row[: len(tokens)] = tokens
        return found


def save(tokenizer: Tokenizer, folder: Path, *, length: int, text_only: bool) -> Any:
    """Write ``tokenizer.json`` and ``tokenizer_config.json``.

    Args:
        tokenizer: what :func:`load` gave.
        folder: of the checkpoint.
        length: the most tokens that the model takes.
        text_only: for the text tower, which is given no mask.

    Returns:
        The tokenizer as transformers has it.
    """
    from transformers import PreTrainedTokenizerFast

    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        model_max_length=length,
        padding_side="right" if text_only else "left",
        model_input_names=["input_ids"] if text_only else ["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
        **({} if text_only else {"bos_token": START, "eos_token": END, "image_token": IMAGE}),
        extra_special_tokens=[USER, ASSISTANT],
    )
    fast.save_pretrained(folder)
    return fast
