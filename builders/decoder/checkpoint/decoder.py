"""What is known of a checkpoint's decoder before anything is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tokens:
    """The tokens that have a meaning of their own.

    Attributes:
        eos: each of them ends a text; at least one.
        bos: stands at the beginning of a text; None if the checkpoint names none.
        pad: fills up a batch; None likewise.
        special: the texts that a chat template may name, as ``bos_token`` -> "<s>".
    """

    eos: tuple[int, ...]
    bos: int | None
    pad: int | None
    special: Mapping[str, str]


@dataclass(frozen=True)
class Images:
    """How images stand in a prompt.

    Attributes:
        token: stands for one row of an image's embeddings.
        text: that token as a text, as "<image>".
        rows: of an image's embeddings; None if images have different numbers of them.
    """

    token: int
    text: str
    rows: int | None


@dataclass(frozen=True)
class Decoder:
    """The decoder of a checkpoint, or the language model of one that sees.

    Attributes:
        path: the checkpoint's folder.
        architecture: its class in transformers, as "LlavaForConditionalGeneration".
        language_model: the class of the decoder itself, as "LlamaForCausalLM".
        model_type: the decoder's, as "llama".
        layers: how many it has.
        kv_heads: heads of keys and values, in each layer.
        head_dim: the width of one of them.
        hidden: the width of embeddings.
        vocab: how many tokens it knows.
        context: the most tokens of a prompt and its answer.
        scale: what embeddings are multiplied by before the first layer.
        window: the tokens that some layer sees, itself among them; None if all see all.
        tokens: those with a meaning of their own.
        images: how images stand in a prompt; None for a decoder of text alone.
        template: the checkpoint's chat template; None if it has none.
    """

    path: Path
    architecture: str
    language_model: str
    model_type: str
    layers: int
    kv_heads: int
    head_dim: int
    hidden: int
    vocab: int
    context: int
    scale: float
    window: int | None
    tokens: Tokens
    images: Images | None
    template: str | None

    @property
    def wrapped(self) -> bool:
        """Whether it is the language model of a larger one."""
        return self.architecture != self.language_model
