"""How narrow a line's crop may be: the recogniser's time grows with its width.

What the recogniser needs is room for every character: a step is eight pixels, and a double letter
takes three steps. So wide faces are squeezed more than narrow ones, which are left as they are.
Characters are counted before they are read, by the strokes that a row of pixels crosses.
"""

from __future__ import annotations

import cv2
import numpy as np

ROOM = 13.0
"""Pixels of width that a character is left, on average over its line.

On 900 rendered lines of a seed of their own, 27,232 characters of ten faces, four in ten lines
narrowed to 0.85 or 0.7 of their width, 267 were wrong so; 232 without squeezing, 589 when all are
squeezed to 0.75. Below 11 pixels errors rise steeply in every face.
"""

LEAST = 0.7
"""Crops are not narrower than this share of their undistorted width: bold faces blur beyond."""

SHORT = 160
"""Crops are not squeezed below this width: boxes of single words are loose, their letters small."""

STROKES_OF_A_CHARACTER = 1.43
"""Strokes in the busiest quarter of the rows, for each character of Latin text, spaces included.

The median over the lines above; one line in a hundred has a fifth fewer.
"""


def characters(crop: np.ndarray) -> float:
    """About how many characters a line has.

    Args:
        crop: UINT8 [height, width], grey; dark on light or light on dark.
    """
    level, _ = cv2.threshold(crop, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    ink = crop <= level
    if 2 * np.count_nonzero(ink) > ink.size:
        ink = ~ink
    starts = np.count_nonzero(ink[:, 1:] & ~ink[:, :-1], axis=1) + ink[:, 0]
    busiest = np.sort(starts)[-(len(starts) // 4) :]
    return float(busiest.mean()) / STROKES_OF_A_CHARACTER


def squeezed(width: int, characters: float) -> int:
    """The width of a crop as the recogniser gets it.

    Args:
        width: the undistorted crop's, in pixels at the recogniser's height.
        characters: about how many there are.
    """
    share = min(max(ROOM * characters / width, LEAST), 1.0)
    return max(round(width * share), min(width, SHORT))
