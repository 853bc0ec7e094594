"""An architecture that is carried, and a checkpoint's folder as it is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builders.decoder.checkpoint.positions import read_context, read_turned
from builders.kit.sources.headers import Header
from builders.kit.sources.values import Values

EIGHTS = 16
"""Numbers of a head that positions turn: onnxruntime's attention takes so many, or a multiple."""


@dataclass(frozen=True)
class Usual:
    """What transformers has for a decoder if config.json leaves it out.

    Attributes:
        layers, hidden, heads, vocab, context: as config.json's own keys.
        kv_heads: None if there are as many as ``heads``.
        head_dim: None if it is ``hidden`` over ``heads``.
        turned: the part of a head that positions turn; None if it is always all of it.
    """

    layers: int
    hidden: int
    heads: int
    vocab: int
    context: int
    kv_heads: int | None = None
    head_dim: int | None = None
    turned: float | None = None


@dataclass(frozen=True)
class Sizes:
    """The sizes of a decoder: see :class:`builders.decoder.checkpoint.decoder.Decoder`."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    context: int


def nothing_else(config: Values, sizes: Sizes) -> None:
    """Of architectures of which every form is carried."""


def unscaled(config: Values, sizes: Sizes) -> float:
    """Of architectures whose embeddings are taken as they are."""
    return 1.0


def root_of_hidden(config: Values, sizes: Sizes) -> float:
    """Of Gemma's kind."""
    return math.sqrt(sizes.hidden)


def no_window(config: Values) -> int | None:
    """Of architectures whose layers see all tokens."""
    return None


@dataclass(frozen=True)
class Architecture:
    """A causal language model of transformers that is carried.

    Attributes:
        name: as people call it.
        model_type: in config.json.
        model_class: the class.
        usual: what its config has by default.
        only: keys of its config -> the values that are carried.
        refuse: notes further forms that are not carried, in ``config.wrong``.
        scale: what its table of embeddings is multiplied by.
        window: the tokens that some of its layers see.
        epsilon: the key of the number that its norms add, beside a variance; a number if its
            config has none.
    """

    name: str
    model_type: str
    model_class: str
    usual: Usual
    only: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    refuse: Callable[[Values, Sizes], None] = nothing_else
    scale: Callable[[Values, Sizes], float] = unscaled
    window: Callable[[Values], int | None] = no_window
    epsilon: str | float = "rms_norm_eps"

    def __str__(self) -> str:
        return f"{self.name} ({self.model_class})"

    def read(self, config: Values) -> Sizes:
        """The sizes that a config says; what is wrong, and what is not carried, is noted."""
        found = self._sizes(config)
        config.only({"quantization_config": (), **self.only})
        self.refuse(config, found)
        turned = found.head_dim
        if self.usual.turned is not None:
            turned = int(turned * read_turned(config, self.usual.turned))
        if turned % EIGHTS:
            config.refuse(
                "head_dim",
                f"{EIGHTS}, 32 or another multiple of {EIGHTS}, of which positions turn as much",
            )
        return found

    def _sizes(self, config: Values) -> Sizes:
        usual = self.usual
        hidden = config.whole("hidden_size", usual.hidden, 1)
        heads = config.whole("num_attention_heads", usual.heads, 1)
        kv_heads = config.whole("num_key_value_heads", usual.kv_heads or heads, 1)
        if heads % kv_heads:
            config.refuse("num_key_value_heads", f"a divisor of {heads}, the num_attention_heads")
        return Sizes(
            layers=config.whole("num_hidden_layers", usual.layers, 1),
            hidden=hidden,
            heads=heads,
            kv_heads=kv_heads,
            head_dim=config.whole("head_dim", usual.head_dim or max(hidden // heads, 1), 1),
            vocab=config.whole("vocab_size", usual.vocab, 1),
            context=read_context(config, usual.context),
        )


@dataclass(frozen=True)
class Folder:
    """A checkpoint's folder.

    Attributes:
        path: where it lies.
        config: its config.json.
        headers: its tensors, by name.
    """

    path: Path
    config: Values
    headers: Mapping[str, Header]

    def part(self, name: str) -> Values:
        """An object in config.json, as ``text_config``; empty if it is left out."""
        found = self.config.content.get(name)
        if found is not None and not isinstance(found, dict):
            self.config.refuse(name, "an object")
        content = found if isinstance(found, dict) else {}
        return Values(f"config.json, {name}", content, self.config.wrong)
