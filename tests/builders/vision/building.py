"""Repositories of vision checkpoints, built in a test's folder, and images to ask them about."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from builders.kit.build.build import build
from builders.kit.recipe.profile import load_profile
from builders.kit.tasks.cache import Cache
from repository.arrays import Array

TEXTS = ("A red, Circle!", "three", "the left of a photo of three red squares " * 9)
"""The last one is longer than any text tower here takes."""


def picture(width: int, height: int) -> bytes:
    """Soft colours, as PNG."""
    noise = np.random.default_rng(width).integers(0, 256, (5, 7, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).save(out, "PNG")
    return out.getvalue()


PICTURES = tuple(picture(*size) for size in ((40, 31), (200, 33), (32, 32), (7, 90)))


def profile(folder: Path, options: Mapping[str, Any], **more: Any) -> Path:
    """A profile's file; JSON is YAML."""
    file = folder / "mine.yaml"
    families = {"vision": options}
    file.write_text(json.dumps({"triton": "24.10", "families": families, **more}), "utf-8")
    return file


def built(folder: Path, options: Mapping[str, Any], **more: Any) -> Path:
    """The repository of a profile."""
    out = folder / "repository"
    build(load_profile(profile(folder, options, **more)), out, cache=Cache(folder / "cache"))
    return out


def close(found: Array, wanted: Array) -> None:
    assert found.shape == wanted.shape
    far = np.abs(found.astype(np.float64) - wanted.astype(np.float64)).max()
    assert far <= 1e-4 * np.abs(wanted).max()
