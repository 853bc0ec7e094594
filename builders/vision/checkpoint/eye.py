"""What is known of a checkpoint's eye before anything is made: its tower, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["fixed", "naflex", "tiled", "grid"]
"""How a tower takes images: at one size; as patches of any aspect ratio, padded; as tiles of one
size; as patches of a grid, any number of them."""

Pooling = Literal["projection", "head", "class token", "mean"]
"""What ``pooled`` is: the tower's projection into the space of texts, its pooling head, its class
token after the last norm, or the mean of its last features, for a tower that has none of those."""


@dataclass(frozen=True)
class Tower:
    """A vision tower.

    Attributes:
        model_type: as "clip_vision_model".
        hidden: the width of its features.
        layers: of its encoder.
        patch: the side of a patch, in pixels.
        side: the side of the images that it was trained on, in pixels.
        positions: how many position embeddings it has.
        class_token: whether a class token stands before the patches.
    """

    model_type: str
    hidden: int
    layers: int
    patch: int
    side: int
    positions: int
    class_token: bool

    @property
    def products(self) -> int:
        """Multiplications for an image, or a tile, of its own size, about: a layer has 12 weights
        for each pair of features, and each patch meets all of them."""
        return 12 * self.hidden**2 * self.layers * (self.side // self.patch) ** 2


@dataclass(frozen=True)
class Eye:
    """The eye of a checkpoint.

    Attributes:
        path: the checkpoint's folder.
        architecture: its class in transformers, as "LlavaForConditionalGeneration".
        kind: how its tower takes images.
        tower: its tower.
        feature_layers: the hidden states whose features are taken, as config.json counts them; none
            for a tower without a projector.
        strategy: ``default`` leaves out the first feature, ``full`` keeps all.
        tokens: rows of ``image_embeds`` for an image, or a tile, of the tower's own size; 0 without
            a projector.
        hidden: the width of ``image_embeds``, which is the language model's; 0 without a projector.
        pooled: the width of ``pooled``.
        pooling: what ``pooled`` is.
        text: whether the folder has the text tower in the same space.
        interpolates: whether config.json asks for position embeddings interpolated to other sizes.
    """

    path: Path
    architecture: str
    kind: Kind
    tower: Tower
    feature_layers: tuple[int, ...]
    strategy: str
    tokens: int
    hidden: int
    pooled: int
    pooling: Pooling
    text: bool
    interpolates: bool = False

    @property
    def projects(self) -> bool:
        """Whether a projector carries its features into a language model's space."""
        return self.hidden > 0

    @property
    def projected(self) -> tuple[int, int]:
        """Rows and width of what the projector takes for an image, or a tile, of the tower's own
        size."""
        return self.tokens, self.tower.hidden * len(self.feature_layers)
