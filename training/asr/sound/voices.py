"""Who speaks: espeak-ng's English accents and speaker variants, and which of them are kept back.

A variant belongs to training or to evaluation in every accent. Whispering and robot voices are
trained on but never measured. One accent is kept back whole: it has a figure of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

ACCENTS = (
    *("en", "en-029", "en-GB-scotland", "en-GB-x-gbclan", "en-GB-x-rp", "en-US"),
    "en-US-nyc",
)
UNSEEN_ACCENT = "en-GB-x-gbcwmd"
"""The English of the West Midlands, which training never hears."""

UNSEEN_VARIANTS = (
    *("Alicia", "Andy", "AnxiousAndy", "Gene", "Gene2", "belinda", "benjamin", "f2", "f5"),
    *("linda", "m3", "m7", "paul", "quincy", "travis", "zac"),
)
"""Speakers of the evaluation alone. Where espeak-ng has two of a name, both are here."""

TRAINED_SPEEDS = ((115, 135), (148, 163), (177, 191), (205, 220))
UNSEEN_SPEEDS = (105, 142, 170, 198)
"""Words a minute: one slower than any trained, the others between."""

TOO_FAST = 230
"""Faster than any trained. Letters then take less than two of the model's steps; it has a figure of
its own."""


@dataclass(frozen=True)
class Speaker:
    """How a sentence is spoken.

    Attributes:
        voice: espeak-ng's voice, as ``gmw/en-US+f3``.
        speed: words a minute.
        pitch: 0 to 99, espeak-ng's default is 50.
        inflection: the pitch's range, 0 to 99, the default is 50.
    """

    voice: str
    speed: int
    pitch: int
    inflection: int


def trained_variants(data: Path) -> tuple[str, ...]:
    """The variants under espeak-ng's data folder that training may use; "" is the plain voice."""
    found = sorted(file.name for file in (data / "voices" / "!v").iterdir())
    return ("", *(name for name in found if name not in UNSEEN_VARIANTS))


def draw(
    rng: np.random.Generator,
    variants: tuple[str, ...],
    *,
    split: str,
    accent: str = "",
    speed: int = 0,
) -> Speaker:
    """A speaker of the split (``training`` or ``evaluation``).

    Args:
        rng: where the choices come from.
        variants: those that may be chosen.
        split: whose speeds to use.
        accent: this one instead of any that training hears.
        speed: this one instead of any of the split's.
    """
    accent = accent or ACCENTS[int(rng.integers(len(ACCENTS)))]
    variant = variants[int(rng.integers(len(variants)))]
    return Speaker(
        voice=f"gmw/{accent}" + (f"+{variant}" if variant else ""),
        speed=speed or _speed(rng, split),
        pitch=int(rng.integers(25, 76)),
        inflection=int(rng.integers(25, 86)),
    )


def _speed(rng: np.random.Generator, split: str) -> int:
    if split == "evaluation":
        return UNSEEN_SPEEDS[int(rng.integers(len(UNSEEN_SPEEDS)))]
    slowest, fastest = TRAINED_SPEEDS[int(rng.integers(len(TRAINED_SPEEDS)))]
    return int(rng.integers(slowest, fastest + 1))
