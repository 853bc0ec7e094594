"""The vision family: an encoded image in, embeddings for a language model and for search out."""

from __future__ import annotations

from builders.kit.family import ConfiguredFamily
from builders.vision.making import make
from builders.vision.options import VisionOptions

FAMILY = ConfiguredFamily(name="vision", options=VisionOptions, make=make)
