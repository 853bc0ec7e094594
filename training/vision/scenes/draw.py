"""Draws a scene: pixels, and what every patch of them belongs to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from training.vision.scenes.glyphs import GLYPHS, advances, font
from training.vision.scenes.names import COLOURS, SHAPES, WORDS
from training.vision.scenes.scene import SIDE, Scene, Thing, Writing

PATCH = 8
"""Pixels of a patch's sides."""

FINE = 4
"""Edges are drawn so much larger, and averaged."""

TARGETS = {
    "shape": len(SHAPES) + 2,
    "colour": len(COLOURS) + 1,
    "size": 3,
    "centre": 2,
    "glyph": len(GLYPHS) + 1,
    "place": 5,
    "word": len(WORDS) + 1,
}
"""What is known of each patch, and how many values it has; 0 is none."""

COVERED = 5
"""Pixels of a thing in a patch from which the patch belongs to it."""


def draw(scene: Scene, scale: int = 1, *, noise: bool = True) -> np.ndarray:
    """Its pixels, UINT8 [height, width, 3], deterministic.

    Args:
        scene: what to draw.
        scale: the image is so many times larger than :data:`SIDE`.
        noise: as a camera adds it; without it, a PNG file is a tenth as large.
    """
    rng = np.random.default_rng(scene.look)
    side = SIDE * scale * FINE
    image = Image.fromarray(_background(rng, side))
    pen = ImageDraw.Draw(image)
    for thing in scene.things:
        _shape(pen, thing, _jittered(rng, thing.colour), side / SIDE)
    if scene.writing:
        _write(pen, scene.writing, [_jittered(rng, scene.writing.colour)] * 9, side / SIDE)
    pixels = np.asarray(image.reduce(FINE), np.float32)
    if noise:
        strength = rng.uniform(0, 7)
        pixels = pixels + rng.normal(0, 1, pixels.shape).astype(np.float32) * strength
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def targets(scene: Scene) -> np.ndarray:
    """What each patch belongs to, UINT8 [patches, targets], in the order of :data:`TARGETS`."""
    owners = Image.new("L", (SIDE, SIDE))
    pen = ImageDraw.Draw(owners)
    pen.fontmode = "1"
    rows = [[0] * len(TARGETS)]
    for thing in scene.things:
        _shape(pen, thing, len(rows), 1)
        row = [SHAPES.index(thing.shape) + 2, list(COLOURS).index(thing.colour) + 1]
        size = ("", "small", "big").index(thing.size)
        rows.append([*row, size, 0, 0, 0, 0])
    if scene.writing:
        text, first = scene.writing.text, len(rows)
        _write(pen, scene.writing, [first + place for place in range(len(text))], 1)
        for place, glyph in enumerate(text):
            word = WORDS.index(text) + 1 if scene.writing.is_word else 0
            ink = list(COLOURS).index(scene.writing.colour) + 1
            rows.append([1, ink, 0, 0, GLYPHS.index(glyph) + 1, place + 1, word])
    side = SIDE // PATCH
    pixels = np.asarray(owners).reshape(side, PATCH, side, PATCH)
    patches = pixels.swapaxes(1, 2).reshape(side * side, PATCH * PATCH)
    covered = np.stack([(patches == owner).sum(1) for owner in range(len(rows))], 1)
    covered[:, 0] = COVERED - 1
    found: np.ndarray = np.array(rows, np.uint8)[covered.argmax(1)]
    for thing in scene.things:
        middle = int(thing.y // PATCH) * side + int(thing.x // PATCH)
        row = [SHAPES.index(thing.shape) + 2, list(COLOURS).index(thing.colour) + 1]
        found[middle, :4] = [*row, ("", "small", "big").index(thing.size), 1]
    return found


def _background(rng: np.random.Generator, side: int) -> np.ndarray:
    """A light colour, or a gradient between two, UINT8 [side, side, 3]."""
    light = rng.uniform(165, 250)
    ends = np.clip(light + rng.normal(0, 9, (2, 3)) + rng.normal(0, 9, (2, 1)), 140, 255)
    if rng.random() < 0.5:
        ends[1] = ends[0]
    share = np.linspace(0, 1, side, dtype=np.float32)[:, None]
    line = (ends[0] * (1 - share) + ends[1] * share).astype(np.uint8)
    shape = (side, side, 3)
    if rng.random() < 0.5:
        return np.ascontiguousarray(np.broadcast_to(line[:, None], shape))
    return np.ascontiguousarray(np.broadcast_to(line[None], shape))


def _jittered(rng: np.random.Generator, colour: str) -> tuple[int, int, int]:
    red, green, blue = np.clip(np.array(COLOURS[colour]) + rng.normal(0, 8, 3), 0, 255)
    return int(red), int(green), int(blue)


def _shape(
    pen: ImageDraw.ImageDraw, thing: Thing, ink: tuple[int, int, int] | int, scale: float
) -> None:
    x, y, radius = thing.x * scale, thing.y * scale, thing.radius * scale
    box = (x - radius, y - radius, x + radius, y + radius)
    if thing.shape == "circle":
        pen.ellipse(box, ink)
    elif thing.shape == "ring":
        pen.ellipse(box, None, ink, max(1, round(radius * 0.36)))
    else:
        turn = thing.turn
        points = np.array(_OUTLINES[thing.shape])
        turned = points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        pen.polygon([(x + radius * dx, y + radius * dy) for dx, dy in turned.tolist()], ink)


def _star() -> list[tuple[float, float]]:
    points = []
    for number in range(10):
        far = 1.08 if number % 2 == 0 else 0.45
        angle = np.pi * number / 5
        points.append((float(far * np.sin(angle)), float(0.06 - far * np.cos(angle))))
    return points


_ARM = 0.3

_OUTLINES: dict[str, list[tuple[float, float]]] = {
    "square": [(-0.84, -0.84), (0.84, -0.84), (0.84, 0.84), (-0.84, 0.84)],
    "triangle": [(0, -0.95), (0.98, 0.8), (-0.98, 0.8)],
    "star": _star(),
    "cross": [
        (-_ARM, -0.95), (_ARM, -0.95), (_ARM, -_ARM), (0.95, -_ARM), (0.95, _ARM), (_ARM, _ARM),
        (_ARM, 0.95), (-_ARM, 0.95), (-_ARM, _ARM), (-0.95, _ARM), (-0.95, -_ARM), (-_ARM, -_ARM),
    ],
}  # fmt: skip
"""Corners, for a radius of one."""


def _write(
    pen: ImageDraw.ImageDraw,
    writing: Writing,
    inks: Sequence[tuple[int, int, int] | int],
    scale: float,
) -> None:
    face = font(max(4, round(writing.height * scale)))
    x = writing.left
    for glyph, advance, ink in zip(writing.text, advances(writing.text), inks, strict=False):
        place = (x * scale, writing.middle * scale)
        pen.text(place, glyph, ink, face, "lm", stroke_width=round(0.3 * scale), stroke_fill=ink)
        x += advance * writing.height
