"""The shapes, colours and words of the scenes, and which pairs training never sees."""

from __future__ import annotations

SHAPES = ("circle", "square", "triangle", "star", "cross", "ring")

PLURALS = {shape: shape + ("es" if shape == "cross" else "s") for shape in SHAPES}

COLOURS = {
    "red": (214, 32, 36),
    "orange": (250, 140, 10),
    "yellow": (248, 222, 32),
    "green": (30, 150, 50),
    "cyan": (20, 200, 215),
    "blue": (30, 60, 215),
    "purple": (140, 40, 170),
    "black": (18, 18, 20),
}
"""Their middles, red, green and blue."""

INKS = ("red", "green", "blue", "purple", "black")
"""Colours in which words and numbers are written: those that stand out from the background."""

HELD_OUT = frozenset(
    {
        ("purple", "circle"),
        ("orange", "square"),
        ("cyan", "triangle"),
        ("blue", "star"),
        ("yellow", "cross"),
        ("red", "ring"),
    }
)
"""Colour and shape: in no image and in no sentence of the training."""

PAIRS = tuple(
    (colour, shape) for colour in COLOURS for shape in SHAPES if (colour, shape) not in HELD_OUT
)
"""All other pairs."""

WORDS = (
    "ANT", "BAG", "BEE", "BOX", "BUS", "CAR", "CAT", "COW", "CUP", "DOG",
    "EGG", "FAN", "FISH", "FOX", "GO", "HAT", "ICE", "JAM", "KEY", "LAMP",
    "LEAF", "MAP", "MOON", "NET", "OWL", "PEN", "PIG", "RAIN", "SEA", "STOP",
    "SUN", "TEA", "TREE", "VAN", "YES", "ZOO",
)  # fmt: skip

CELLS = (
    ("top left", "top", "top right"),
    ("left", "centre", "right"),
    ("bottom left", "bottom", "bottom right"),
)
"""The nine places of an image, by row and column."""

ROWS, COLUMNS = ("top", "side", "bottom"), ("left", "centre", "right")
"""A word for each of them alone, which the tokenizer has as one piece."""
