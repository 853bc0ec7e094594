"""What a scene holds: things and writing, chosen by a random generator."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from training.vision.scenes.glyphs import width_of
from training.vision.scenes.names import HELD_OUT, INKS, PAIRS, WORDS

SIDE = 64
"""Pixels of an image's sides."""

CELL = SIDE / 3

KINDS = {"one": 0.10, "same": 0.24, "two": 0.24, "few": 0.18, "word": 0.12, "number": 0.12}
"""Of scenes, and how often each is made."""

PARTS = ("training", "held out", "unseen", "unseen, small")
"""Of the data. Those called unseen have a pair that training never sees, the last one in small."""

SMALL = 8.5
"""The radius of what is not small, at least."""

Pair = tuple[str, str]
"""A colour and a shape."""


@dataclass(frozen=True)
class Thing:
    """A shape: its centre and radius in pixels, its turn in radians.

    ``cell`` is its row and column of three; ``size`` is "small", "big" or, between them, "".
    """

    colour: str
    shape: str
    size: str
    x: float
    y: float
    radius: float
    turn: float
    cell: tuple[int, int]

    @property
    def pair(self) -> Pair:
        """Colour and shape."""
        return self.colour, self.shape


@dataclass(frozen=True)
class Writing:
    """A word or a number: its left edge and middle line, and the height of its font, in pixels."""

    text: str
    colour: str
    left: float
    middle: float
    height: float

    @property
    def is_word(self) -> bool:
        """Whether it is a word; otherwise it is a number."""
        return self.text.isalpha()


@dataclass(frozen=True)
class Scene:
    """What is in an image, things in reading order, and the seed of its colours and noise."""

    kind: str
    things: tuple[Thing, ...]
    writing: Writing | None
    look: int

    def groups(self) -> list[tuple[Pair, int]]:
        """Pairs, with how many things are of each, the largest first, else in reading order."""
        counts: dict[Pair, int] = {}
        for thing in self.things:
            counts[thing.pair] = counts.get(thing.pair, 0) + 1
        return sorted(counts.items(), key=lambda item: -item[1])

    def has_unseen(self) -> bool:
        """Whether it holds a pair that training never sees."""
        return any(thing.pair in HELD_OUT for thing in self.things)

    def has_small_unseen(self) -> bool:
        """Whether it holds one that is small."""
        return any(each.pair in HELD_OUT and each.radius < SMALL for each in self.things)


def sample(rng: np.random.Generator, *, unseen: bool = False) -> Scene:
    """A scene.

    Args:
        rng: decides all of it.
        unseen: one of its things is of a pair that training never sees; the others never are.
    """
    kinds = [kind for kind in KINDS if not (unseen and kind in ("word", "number"))]
    shares = np.array([KINDS[kind] for kind in kinds])
    kind = kinds[rng.choice(len(kinds), p=shares / shares.sum())]
    first = _choose(rng, sorted(HELD_OUT)) if unseen else _choose(rng, PAIRS)
    things: list[Thing] = []
    writing = None
    if kind == "one":
        things = [_alone(rng, first)]
    elif kind == "same":
        things = _same(rng, first)
    elif kind == "two":
        things = _two(rng, first)
    elif kind == "few":
        pairs = [first, *(_choose(rng, PAIRS) for _ in range(rng.integers(2, 4)))]
        cells = _cells(rng, len(pairs), range(9))
        things = [_thing(rng, pair, cell) for pair, cell in zip(pairs, cells, strict=True)]
    else:
        writing, row = _writing(rng, kind)
        free = [cell for cell in range(9) if cell // 3 != row]
        cells = _cells(rng, int(rng.integers(0, 3)), free)
        things = [_thing(rng, _choose(rng, PAIRS), cell) for cell in cells]
    things.sort(key=lambda thing: thing.cell)
    return Scene(kind, tuple(things), writing, int(rng.integers(2**31)))


def _choose(rng: np.random.Generator, pairs: tuple[Pair, ...] | list[Pair]) -> Pair:
    return pairs[rng.integers(len(pairs))]


def _cells(rng: np.random.Generator, count: int, free: range | list[int]) -> list[int]:
    return [int(cell) for cell in rng.choice(list(free), count, replace=False)]


def _thing(rng: np.random.Generator, pair: Pair, cell: int, size: str = "") -> Thing:
    """A thing somewhere in a cell."""
    row, column = divmod(cell, 3)
    size = size or ("small", "big")[rng.integers(2)]
    radius = rng.uniform(4.5, 6) if size == "small" else rng.uniform(8.6, 10.4)
    slack = CELL / 2 + 0.5 - radius
    slack = min(slack, 4)
    x = (column + 0.5) * CELL + rng.uniform(-slack, slack)
    y = (row + 0.5) * CELL + rng.uniform(-slack, slack)
    return Thing(*pair, size, x, y, radius, rng.uniform(-0.15, 0.15), (row, column))


def _alone(rng: np.random.Generator, pair: Pair) -> Thing:
    """One thing of any size, near the middle of a cell where it is not large."""
    radius = rng.uniform(6, 26)
    if radius < 10:
        thing = _thing(rng, pair, int(rng.integers(9)))
        return replace(thing, radius=min(radius, thing.radius), size="")
    slack = max(0.0, min(4.0, SIDE / 2 - radius - 1))
    x, y = SIDE / 2 + rng.uniform(-slack, slack, 2)
    return Thing(*pair, "", x, y, radius, rng.uniform(-0.15, 0.15), (1, 1))


def _same(rng: np.random.Generator, pair: Pair) -> list[Thing]:
    """Up to five things of one pair, and as often as not one or two of another."""
    count = int(rng.integers(1, 6))
    more = int(rng.integers(1, 3)) if rng.random() < 0.5 else 0
    other = _choose(rng, [other for other in PAIRS if other != pair])
    size = ("small", "big")[rng.integers(2)]
    cells = _cells(rng, count + more, range(9))
    return [
        _thing(rng, pair if number < count else other, cell, size)
        for number, cell in enumerate(cells)
    ]


def _two(rng: np.random.Generator, pair: Pair) -> list[Thing]:
    """Two things that differ in colour and shape, mostly in one row or column."""
    others = [each for each in PAIRS if each[0] != pair[0] and each[1] != pair[1]]
    line, (one, two) = int(rng.integers(3)), rng.choice(3, 2, replace=False)
    straight = rng.random()
    if straight < 0.4:
        cells = [3 * line + int(one), 3 * line + int(two)]
    elif straight < 0.8:
        cells = [3 * int(one) + line, 3 * int(two) + line]
    else:
        cells = _cells(rng, 2, range(9))
    return [_thing(rng, pair, cells[0]), _thing(rng, _choose(rng, others), cells[1])]


def _writing(rng: np.random.Generator, kind: str) -> tuple[Writing, int]:
    """A word or a number of one to three digits, and the row that it stands in."""
    if kind == "word":
        text = WORDS[rng.integers(len(WORDS))]
    else:
        digits = int(rng.integers(1, 4))
        text = "".join(str(digit) for digit in rng.integers(0, 10, digits))
        text = str(rng.integers(1, 10)) + text[1:]
    row = int(rng.integers(3))
    height = rng.uniform(16, 20)
    width = width_of(text, height)
    if width > SIDE - 4:
        height *= (SIDE - 4) / width
        width = SIDE - 4
    left = rng.uniform(1.5, SIDE - 1.5 - width)
    middle = (row + 0.5) * CELL + rng.uniform(-2, 2)
    return Writing(text, INKS[rng.integers(len(INKS))], left, middle, height), row


def at(seed: int, part: str, number: int) -> Scene:
    """Scene ``number`` of a part of the data.

    Args:
        seed: of all data.
        part: one of :data:`PARTS`.
        number: within the part.
    """
    rng = np.random.default_rng([seed, PARTS.index(part), number])
    while True:
        found = sample(rng, unseen=part in PARTS[2:])
        if not found.has_unseen() or found.has_small_unseen() == (part == PARTS[3]):
            return found
