"""Questions about a scene, with their answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from training.vision.scenes.names import COLUMNS, HELD_OUT, PAIRS, PLURALS, ROWS, SHAPES
from training.vision.scenes.scene import Scene, Thing
from training.vision.text import captions
from training.vision.text.forms import FORMS, OPENINGS

DROPPED = frozenset(["is", "the", "a", "an", "of", "does", "do", "in", "there", "has", "have"])
"""Words that training leaves out now and then, so that no answer hangs on them."""

WEIGHTS = {"count": 2.5, "is there": 1.5, "number": 3.0, "word": 2.0}
"""Of kinds of questions; all others weigh one."""

ANY = ("object", "thing")
"""What a thing is called that is alone, by whatever shape it has."""

MANY = ("objects", "things", "shapes")

Slots = dict[str, str]


@dataclass(frozen=True)
class Question:
    """A question, its kind and its answer.

    ``named`` are the names in it, each with the words that hold for all that has this name;
    ``untold`` the words of pairs that training never sees, which it is not to deny either.
    """

    kind: str
    text: str
    answer: str
    named: tuple[tuple[str, tuple[str, ...]], ...] = ()
    untold: tuple[str, ...] = ()


def ask(
    scene: Scene,
    rng: np.random.Generator,
    count: int,
    *,
    held_out: bool = False,
    unseen: bool = False,
    reading: bool = False,
) -> list[Question]:
    """Questions about a scene, in any order; the same may come twice.

    Args:
        scene: what is asked about.
        rng: decides which.
        count: how many.
        held_out: ask in the forms that training never uses.
        unseen: ask about things of pairs that training never sees, and of nothing else, all kinds
            equally often.
        reading: ask for words and numbers three times as often.
    """
    known: dict[str, list[tuple[Slots, str]]] = {}
    for kind, slots, answer in _facts(scene, rng, unseen):
        known.setdefault(kind, []).append((slots, answer))
    kinds = list(known)
    shares = np.array([1.0 if unseen else WEIGHTS.get(kind, 1.0) for kind in kinds])
    if reading:
        shares[[kind in ("word", "number") for kind in kinds]] *= 3
    found = []
    for chosen in rng.choice(len(kinds), count, p=shares / shares.sum()):
        kind = kinds[chosen]
        slots, answer = known[kind][rng.integers(len(known[kind]))]
        forms = FORMS[kind][held_out]
        text = forms[rng.integers(len(forms))].format(**slots)
        named = tuple((name, _known(name, scene.things)) for name in slots.values())
        if kind in ("word", "number"):
            named = tuple((name, (answer,)) for name in ("word", "number", "digits", "written"))
        words = _untold(scene) if kind in ("colour", "shape", "describe") else ()
        found.append(Question(kind, _spoken(text, rng, held_out), answer, named, words))
    return found


def _known(name: str, things: tuple[Thing, ...]) -> tuple[str, ...]:
    """Where and how big all things are that have a name, and for several how many they are.

    Not of which colour and shape: a model that learns which of these go together does not see
    those that never did.
    """
    words = [_SINGULAR.get(word, word) for word in name.split()]
    open_to_all = ("a", "an", *ANY, *MANY)
    meant = [t for t in things if all(word in (*t.pair, *open_to_all) for word in words)]
    if words != name.split() or name in MANY:
        return (str(len(meant)),)
    common: set[str] | None = None
    for thing in meant:
        row, column = thing.cell
        shown = {thing.size, ROWS[row], COLUMNS[column]} - {""}
        common = shown if common is None else common & shown
    return tuple(sorted(common or set()))


def _untold(scene: Scene) -> tuple[str, ...]:
    """Colours never seen with the scene's shapes, and shapes never seen with its colours."""
    words = set()
    for thing in scene.things:
        for colour, shape in HELD_OUT:
            if shape == thing.shape:
                words.add(colour)
            if colour == thing.colour:
                words |= {shape, PLURALS[shape]}
    return tuple(sorted(words))


_SINGULAR = {plural: shape for shape, plural in PLURALS.items()}


def _spoken(text: str, rng: np.random.Generator, held_out: bool) -> str:
    """With a capital, an opening, or words left out; a held-out form only with a capital."""
    if held_out:
        return text[0].upper() + text[1:]
    text = OPENINGS[rng.integers(len(OPENINGS))] + text
    if rng.random() < 0.25:
        words = text.split()
        text = " ".join(word for word in words if word not in DROPPED or rng.random() < 0.7)
    if rng.random() < 0.2:
        text = text.replace("colour", "color")
    if rng.random() < 0.2:
        text = text.rstrip("?.")
    if rng.random() < 0.75:
        text = text[0].upper() + text[1:]
    return text


def _facts(
    scene: Scene, rng: np.random.Generator, unseen: bool
) -> Iterator[tuple[str, Slots, str]]:
    """What can be asked: kind, words of the question, answer."""
    things = scene.things
    about = [thing for thing in things if not unseen or thing.pair in HELD_OUT]
    if len(things) == 1 and about:
        for name in ANY:
            yield "colour", {"a": name}, things[0].colour
    for shape in sorted({thing.shape for thing in about}):
        colours = {thing.colour for thing in things if thing.shape == shape}
        if len(colours) == 1:
            yield "colour", {"a": shape}, min(colours)
    for colour in sorted({thing.colour for thing in about}):
        shapes = {thing.shape for thing in things if thing.colour == colour}
        if len(shapes) == 1:
            yield "shape", {"colour": colour}, min(shapes)
    yield from _counts(scene, about, rng, unseen)
    for thing in about:
        for name in _names(thing, things):
            yield "where", {"a": name}, captions.place(thing)
            if thing.size:
                yield "size", {"a": name}, thing.size
    yield from _there(scene, about, rng, unseen)
    if scene.writing and not unseen:
        yield "word" if scene.writing.is_word else "number", {}, scene.writing.text
    if len(scene.groups()) <= 2:
        yield "describe", {}, captions.plain(scene)


def _names(thing: Thing, things: tuple[Thing, ...]) -> list[str]:
    """Names that fit this thing alone: "circle", "red circle"."""
    names = list(ANY) if len(things) == 1 else []
    if sum(other.shape == thing.shape for other in things) == 1:
        names.append(thing.shape)
    if sum(other.pair == thing.pair for other in things) == 1:
        names.append(f"{thing.colour} {thing.shape}")
    return names


def _counts(
    scene: Scene, about: list[Thing], rng: np.random.Generator, unseen: bool
) -> Iterator[tuple[str, Slots, str]]:
    things = scene.things
    for colour, shape in sorted({thing.pair for thing in about}):
        count = sum(thing.pair == (colour, shape) for thing in things)
        yield "count", {"many": f"{colour} {PLURALS[shape]}"}, str(count)
        same = sum(thing.shape == shape for thing in things)
        yield "count", {"many": PLURALS[shape]}, str(same)
    if unseen:
        return
    everything = MANY[rng.integers(len(MANY))]
    yield "count", {"many": everything}, str(len(things))
    if rng.random() < 0.4:
        shape = SHAPES[rng.integers(len(SHAPES))]
        colour, other = PAIRS[rng.integers(len(PAIRS))]
        none = sum(thing.shape == shape for thing in things)
        yield "count", {"many": PLURALS[shape]}, str(none)
        none = sum(thing.pair == (colour, other) for thing in things)
        yield "count", {"many": f"{colour} {PLURALS[other]}"}, str(none)


def _there(
    scene: Scene, about: list[Thing], rng: np.random.Generator, unseen: bool
) -> Iterator[tuple[str, Slots, str]]:
    """Yes and no, about as often."""
    pairs = {thing.pair for thing in scene.things}
    shapes = {shape for _, shape in pairs}
    if about:
        thing = about[rng.integers(len(about))]
        name = (thing.shape, f"{thing.colour} {thing.shape}")[rng.integers(2)]
        yield "is there", {"thing": captions.a(name)}, "yes"
    if unseen:
        return
    if about and rng.random() < 0.6:
        # Half right: the shape is there, in another colour, or the colour in another shape.
        thing = about[rng.integers(len(about))]
        near = [pair for pair in PAIRS if (pair[0] == thing.colour) != (pair[1] == thing.shape)]
        pair = near[rng.integers(len(near))]
        answer = "yes" if pair in pairs else "no"
        yield "is there", {"thing": captions.a(" ".join(pair))}, answer
    else:
        shape = SHAPES[rng.integers(len(SHAPES))]
        yield "is there", {"thing": captions.a(shape)}, "yes" if shape in shapes else "no"
    if rng.random() < 0.3:
        sort = ("word", "number")[rng.integers(2)]
        there = scene.writing is not None and scene.writing.is_word == (sort == "word")
        yield "is there", {"thing": captions.a(sort)}, "yes" if there else "no"
