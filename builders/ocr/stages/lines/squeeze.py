"""How wide a line's crop should be: the recogniser's time grows with its width.

The recogniser needs room for every character: a step is eight pixels, and a double letter takes
three steps. So wide typefaces are squeezed, and condensed ones stretched. Characters are counted
before they are read, by the strokes that a row of pixels crosses.
"""

from __future__ import annotations

import cv2
import numpy as np

ROOM = 13.0
"""Pixels of width that a character is given, on average over its line.

Below 11 pixels errors rise steeply in every face, sharp or not. The count is a tenth too high for
most lines, so they get 14. On the 211 pages of :mod:`perf.kinds`, 1,397 of 72,040 characters were
wrong so, 1,450 when no crop was squeezed; on the 43 small, blurred, compressed and curved ones of
them, 864 and 879.
"""

LEAST, MOST = 0.7, 1.5
"""Crops are not narrower or wider than these shares of their undistorted width: bold faces blur
when they are squeezed more, and noise looks like a condensed face."""

SPARSE = 0.52
"""A line whose characters need less than this share of its width is not squeezed: its letters are
set apart, or it is Chinese or Japanese, whose signs have a dozen strokes."""

SHORT = 160
"""Crops are not squeezed below this width: boxes of single words are loose, their letters small."""

STROKES_OF_A_CHARACTER = 1.31
"""Strokes in the busiest quarter of the rows, for each character of Latin text, spaces included.

One line in twenty of 186 has fewer: of type from 8 to 36 pixels, of ten faces, blurred, compressed,
noisy, photographed. The median is 1.44.
"""

NEIGHBOURHOOD = 11
"""A stroke is darker than the mean of this many pixels of its row. That separates strokes that a
blur joined, which one threshold for the line does not. With more pixels fewer thin strokes are
counted."""

FAINTEST = 0.03
"""A stroke differs from its neighbourhood by this part of the line's contrast."""


def characters(crop: np.ndarray) -> float:
    """About how many characters a line has; rather more than fewer.

    Args:
        crop: UINT8 [height, width], grey, undistorted; dark on light or light on dark.
    """
    low, middle, high = np.percentile(crop[::2, ::2], (2, 50, 98))
    around = cv2.blur(crop, (NEIGHBOURHOOD, 1)).astype(np.int16)
    darker = around - crop if middle > (low + high) / 2 else crop - around
    ink = darker > max(1.0, FAINTEST * (high - low))
    starts = np.count_nonzero(ink[:, 1:] & ~ink[:, :-1], axis=1) + ink[:, 0]
    busiest = np.sort(starts)[-(len(starts) // 4) :]
    return float(busiest.mean()) / STROKES_OF_A_CHARACTER


def fitted(width: int, characters: float) -> int:
    """The width of a crop as the recogniser gets it.

    Args:
        width: the undistorted crop's, in pixels at the recogniser's height.
        characters: about how many there are.
    """
    needed = ROOM * characters / width
    least = LEAST if needed >= SPARSE else 1.0
    share = min(max(needed, least), MOST)
    return max(round(width * share), min(width, SHORT))
