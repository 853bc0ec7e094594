"""The decoder family: a prompt in, with embeddings of images if it has any, and text out."""

from __future__ import annotations

from functools import partial

from builders.decoder.checkpoint.language import CARRIED
from builders.decoder.checkpoint.recognise import is_of, refusal
from builders.decoder.making import make
from builders.decoder.options import DecoderOptions
from builders.kit.family import Checkpoint, ConfiguredFamily

FAMILY = ConfiguredFamily(
    name="decoder",
    options=DecoderOptions,
    make=make,
    checkpoints=tuple(
        Checkpoint(component="source", words=str(each), is_one=partial(is_of, each))
        for each in CARRIED
    ),
    refusal=refusal,
)
