"""The embed family: texts in, and for each a vector by which texts of like meaning are found."""

from __future__ import annotations

from builders.embed.checkpoint.encoders import SERVED
from builders.embed.checkpoint.recognise import is_embedder, refusal
from builders.embed.making import make
from builders.embed.options import EmbedOptions
from builders.kit.family import Checkpoint, ConfiguredFamily

FAMILY = ConfiguredFamily(
    name="embed",
    options=EmbedOptions,
    make=make,
    checkpoints=(
        Checkpoint(
            component="source",
            words=f"sentence embeddings ({SERVED})",
            is_one=is_embedder,
        ),
    ),
    refusal=refusal,
)
