"""How large a page's smallest type is, seen before the detector runs.

The detector's time grows with its input's area, and it needs letters of a certain height, not a
page of a certain width: a page of large type may be shown to it smaller. Letters are counted as
connected pieces of ink, which takes a few milliseconds.
"""

from __future__ import annotations

import cv2
import numpy as np

NEIGHBOURHOOD = 25
"""Ink is darker (on dark paper, lighter) than the mean of this many pixels around it."""

PART = 0.35
"""Ink differs from its neighbourhood by this part of what the page's strongest ink does."""

LEAST_CONTRAST = 8.0
"""In grey levels; weaker differences are the paper's grain."""

SMALLEST, LARGEST = 5, 200
"""Pieces whose longer side is outside of this, in pixels, are dots, specks, or no letters."""

ENOUGH = 50
"""Fewer pieces than this say nothing certain about a page."""

LOW = 10
"""The percentile of the pieces' longer sides that is taken: small type beside large counts."""

TOUCHING = 1.2
"""Where letters touch, pieces are words; their shorter sides' median times this bounds them."""


def x_height(page: np.ndarray) -> float | None:
    """The height of small letters of the page's smallest type, in pixels.

    This works whichever way the page lies: a letter's longer side counts as its height, so "l" has
    its full height. A tenth of the pieces, such as commas and accents, may be smaller.

    Args:
        page: UINT8 [h, w, 3].

    Returns:
        The height, or None if there are too few pieces to tell.
    """
    sides = np.sort(pieces(page)[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]], axis=1)
    letters = sides[(sides[:, 1] >= SMALLEST) & (sides[:, 1] < LARGEST)]
    if len(letters) < ENOUGH:
        return None
    return float(min(np.percentile(letters[:, 1], LOW), TOUCHING * np.median(letters[:, 0])))


def pieces(page: np.ndarray) -> np.ndarray:
    """Connected pieces of ink, as OpenCV's statistics tell of them: INT32 [n, 5].

    Args:
        page: UINT8 [h, w, 3].
    """
    grey = cv2.GaussianBlur(cv2.cvtColor(page, cv2.COLOR_RGB2GRAY), (3, 3), 0)
    around = cv2.blur(grey, (NEIGHBOURHOOD, NEIGHBOURHOOD))
    dark_paper = float(grey.mean()) > float(np.median(grey[::4, ::4]))
    ink = cv2.subtract(grey, around) if dark_paper else cv2.subtract(around, grey)
    threshold = max(LEAST_CONTRAST, PART * float(np.quantile(ink[::4, ::4], 0.99)))
    found = cv2.connectedComponentsWithStats((ink > threshold).astype(np.uint8))[2]
    return np.asarray(found[1:])
