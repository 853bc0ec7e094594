"""The largest image that a server is sized for: a photograph of 12 megapixels."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 4000, 3000


def photograph() -> bytes:
    """Soft colours with some grain, as JPEG."""
    random = np.random.default_rng(5)
    soft = Image.fromarray(random.integers(0, 256, (30, 40, 3), np.uint8))
    drawn = np.asarray(soft.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.int16)
    grain = random.integers(-6, 7, (HEIGHT, WIDTH, 1), np.int16)
    made = Image.fromarray((drawn + grain).clip(0, 255).astype(np.uint8))
    out = io.BytesIO()
    made.save(out, "JPEG", quality=90)
    return out.getvalue()
