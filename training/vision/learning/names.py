"""The words for what each patch of a scene shows."""

from __future__ import annotations

import numpy as np

from training.vision.scenes.draw import PATCH, TARGETS
from training.vision.scenes.glyphs import GLYPHS
from training.vision.scenes.names import COLOURS, COLUMNS, HELD_OUT, ROWS, SHAPES, WORDS
from training.vision.scenes.scene import SIDE
from training.vision.text import tokenizer


class Names:
    """Turns what patches show into the tokens of its words.

    Args:
        texts: makes tokens.
    """

    def __init__(self, texts: tokenizer.Texts) -> None:
        self._texts = texts
        self._tables = {
            "shape": self._table(texts, ["", "", *(f" {shape}" for shape in SHAPES)]),
            "colour": self._table(texts, ["", *(f" {colour}" for colour in COLOURS)]),
            "size": self._table(texts, ["", " small", " big"]),
            "glyph": self._table(texts, ["", *(g if g.isdigit() else "" for g in GLYPHS)]),
            "word": self._table(texts, ["", *WORDS]),
        }
        of_shapes: list[set[str]] = [set() for _ in range(2 + len(SHAPES))]
        of_colours: list[set[str]] = [set() for _ in range(1 + len(COLOURS))]
        for colour, shape in HELD_OUT:
            of_shapes[SHAPES.index(shape) + 2].add(f" {colour}")
            of_colours[list(COLOURS).index(colour) + 1].add(f" {shape}")
        self._untold = [
            self._table(texts, ["".join(sorted(each)) for each in part])
            for part in (of_shapes, of_colours)
        ]
        side = SIDE // PATCH
        thirds = (np.arange(side) * PATCH + PATCH // 2) * 3 // SIDE
        rows = self._table(texts, [f" {name}" for name in ROWS])[thirds]
        columns = self._table(texts, [f" {name}" for name in COLUMNS])[thirds]
        places = rows[:, None] + columns[None]
        self._places = places.reshape(side * side, tokenizer.VOCABULARY)

    def untold(self, targets: np.ndarray) -> np.ndarray:
        """The tokens that would make pairs never seen of what patches show, BOOL, as :meth:`of`."""
        shapes, colours = targets[..., 0], targets[..., 1]
        found: np.ndarray = self._untold[0][shapes] + self._untold[1][colours] > 0
        return found

    def groups(self) -> list[list[int]]:
        """Tokens of all colours, and of all shapes, as answers begin with them and go on."""
        return [
            [self._texts.encode(f"{gap}{word}")[0] for word in words]
            for words in (COLOURS, SHAPES)
            for gap in ("", " ")
        ]

    def words(self, several: list[tuple[str, ...]]) -> np.ndarray:
        """Shares of one for the tokens of each tuple of words, FP32 [tuples, vocabulary]."""
        found = np.zeros((len(several), tokenizer.VOCABULARY), np.float32)
        for row, words in zip(found, several, strict=True):
            for word in words:
                row[list(self._texts.encode(f" {word}" if word.islower() else word))] = 1
        found /= found.sum(-1, keepdims=True)
        return found

    @staticmethod
    def _table(texts: tokenizer.Texts, names: list[str]) -> np.ndarray:
        table = np.zeros((len(names), tokenizer.VOCABULARY), np.float32)
        for row, name in zip(table, names, strict=True):
            row[list(texts.encode(name))] = 1
        return table

    def of(self, targets: np.ndarray) -> np.ndarray:
        """Shares of one for each token that a patch should be like; none where it is empty.

        Args:
            targets: INT64 [scenes, patches, targets], as ``draw.targets`` has them.

        Returns:
            FP32 [scenes, patches, vocabulary].
        """
        found: np.ndarray = np.zeros((*targets.shape[:2], tokenizer.VOCABULARY), np.float32)
        for place, name in enumerate(TARGETS):
            if name in self._tables:
                found += self._tables[name][targets[..., place]]
        shows = targets[..., :1] > 0
        found = np.where(shows, found + self._places, 0)
        found /= np.maximum(found.sum(-1, keepdims=True), 1)
        return found.astype(np.float32)
