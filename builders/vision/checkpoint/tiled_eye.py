"""What is known of an eye that sees an image in tiles."""

from __future__ import annotations

from dataclasses import dataclass

from builders.vision.checkpoint.eye import Eye


@dataclass(frozen=True, kw_only=True)
class TiledEye(Eye):
    """An eye that sees an image in tiles.

    Attributes:
        features: rows of a tile that the projector takes.
        width: the width of what the projector takes.
        squeeze: rows and columns of features that are made one before they are projected.
        whole: which of several tiles shows the whole image.
        spatial: whether the tiles' embeddings are laid out as the image lies, rows ended by the
            checkpoint's ``image_newline``; otherwise they stand one tile after the other.
        grid: of spatial ones, heights and widths in pixels that an image may be brought to.
        most: of spatial ones, embeddings of so many tiles are kept, and of more are made fewer by
            interpolation; None keeps all.
    """

    features: int
    width: int
    squeeze: int = 1
    whole: str = "first"
    spatial: bool = False
    grid: tuple[tuple[int, int], ...] = ()
    most: int | None = None

    @property
    def projected(self) -> tuple[int, int]:
        """Rows and width of what the projector takes for a tile."""
        return self.features, self.width
