"""Drawings of known shapes, to train the network on and to measure it with."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw

LABELS = ("circle", "square", "triangle")


def draw(label: str, seed: int) -> Image.Image:
    """A shape of any colour, size and place on a background of another colour."""
    chance = np.random.default_rng(seed)
    dark, light = chance.integers(0, 90, 3), chance.integers(150, 256, 3)
    paper, ink = (dark, light) if chance.random() < 0.5 else (light, dark)
    image = Image.new("RGB", (96, 96), tuple(map(int, paper)))
    radius = int(chance.integers(18, 34))
    x, y = map(int, chance.integers(radius + 4, 92 - radius, 2))
    pen, colour = ImageDraw.Draw(image), tuple(map(int, ink))
    if label == "circle":
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    elif label == "square":
        pen.rectangle((x - radius, y - radius, x + radius, y + radius), fill=colour)
    else:
        pen.polygon([(x, y - radius), (x - radius, y + radius), (x + radius, y + radius)], colour)
    return image


def as_png(image: Image.Image) -> bytes:
    """An image as a PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
