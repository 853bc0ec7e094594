"""The vision family: an encoded image in, embeddings for a language model and for search out."""

from __future__ import annotations

from functools import partial

from builders.kit.family import Checkpoint, ConfiguredFamily
from builders.vision.checkpoint.read import SERVED
from builders.vision.checkpoint.recognise import is_of, refusal
from builders.vision.making import make
from builders.vision.options import VisionOptions

FAMILY = ConfiguredFamily(
    name="vision",
    options=VisionOptions,
    make=make,
    checkpoints=tuple(
        Checkpoint(component="source", words=str(each), is_one=partial(is_of, each))
        for each in SERVED
    ),
    refusal=refusal,
)
