"""Captions of scenes."""

from __future__ import annotations

import numpy as np

from training.vision.scenes.names import CELLS, PLURALS
from training.vision.scenes.scene import Pair, Scene, Thing

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

OPENINGS = ("", "", "", "", "a picture of ", "an image of ", "a photo of ", "there is ")


def a(words: str) -> str:
    """With its article: "an orange ring"."""
    return ("an " if words[0] in "aeiou" else "a ") + words


def relation(one: Thing, other: Thing) -> str:
    """Where the one is from the other: "left", "right", "above", "below"; "" if neither is so."""
    (row, column), (other_row, other_column) = one.cell, other.cell
    if row == other_row and column != other_column:
        return "left" if column < other_column else "right"
    if column == other_column and row != other_row:
        return "above" if row < other_row else "below"
    return ""


def beside(where: str) -> str:
    """A relation as a sentence has it: "left of", "above"."""
    return f"{where} of" if where in ("left", "right") else where


def place(thing: Thing) -> str:
    """Its row and column in words: "top left"."""
    return CELLS[thing.cell[0]][thing.cell[1]]


def group(pair: Pair, count: int, size: str = "") -> str:
    """So many things of a pair: "three red circles"."""
    words = f"{size} {pair[0]}" if size else pair[0]
    if count == 1:
        return a(f"{words} {pair[1]}")
    return f"{NUMBERS[count]} {words} {PLURALS[pair[1]]}"


def writing(scene: Scene) -> str:
    """Its word or number: "the word CAT"."""
    assert scene.writing
    return ("the word " if scene.writing.is_word else "the number ") + scene.writing.text


def joined(parts: list[str]) -> str:
    """Parts in a row: "a red circle, a blue star and a green ring"."""
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else parts[0]


def plain(scene: Scene) -> str:
    """The one caption that a scene always has, things before writing."""
    if scene.kind == "two" and relation(*scene.things):
        one, other = scene.things
        return f"{group(one.pair, 1)} {beside(relation(one, other))} {group(other.pair, 1)}"
    parts = [group(pair, count) for pair, count in scene.groups()]
    return joined(parts + ([writing(scene)] if scene.writing else []))


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """One of many captions, which says of the scene as much as most would, sometimes less."""
    opening = OPENINGS[rng.integers(len(OPENINGS))]
    style = rng.random()
    if style < 0.3:
        return opening + plain(scene)
    if scene.kind == "two" and style < 0.75:
        one, other = scene.things
        sized = rng.random() < 0.6
        names = [group(each.pair, 1, each.size if sized else "") for each in (one, other)]
        where, back = relation(one, other), relation(other, one)
        if where and rng.random() < 0.85:
            if rng.random() < 0.5:
                return f"{opening}{names[0]} {beside(where)} {names[1]}"
            return f"{opening}{names[1]} {beside(back)} {names[0]}"
        return opening + joined(names)
    if len(scene.things) == 1 and style < 0.75:
        thing = scene.things[0]
        parts = [f"{group(thing.pair, 1, thing.size)} at the {place(thing)}"]
    else:
        sizes: dict[Pair, set[str]] = {}
        for thing in scene.things:
            sizes.setdefault(thing.pair, set()).add(thing.size)
        sized = rng.random() < 0.4
        parts = [
            group(pair, count, min(sizes[pair]) if sized and len(sizes[pair]) == 1 else "")
            for pair, count in scene.groups()
        ]
    if scene.writing:
        parts.append(writing(scene))
    parts = [parts[number] for number in rng.permutation(len(parts))]
    if len(parts) > 1 and rng.random() < 0.15:
        parts.pop()
    return opening + joined(parts)
