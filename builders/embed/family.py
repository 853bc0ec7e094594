"""The embed family: texts in, and for each a vector by which texts of like meaning are found."""

from __future__ import annotations

from builders.embed.making import make
from builders.embed.options import EmbedOptions
from builders.kit.family import ConfiguredFamily

FAMILY = ConfiguredFamily(name="embed", options=EmbedOptions, make=make)
