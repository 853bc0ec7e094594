"""The image processor of an eye that sees an image in tiles, and how many it makes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builders.kit.family import Export
from builders.kit.sources.error import SourceError
from builders.vision.checkpoint.processor.classes import Kind
from builders.vision.checkpoint.processor.read import Processor, read_processor
from builders.vision.checkpoint.read import read_eye
from builders.vision.checkpoint.tiled_eye import TiledEye
from builders.vision.stages.preprocess import PROCESSOR_FILE

_KINDS: Mapping[str, Kind] = {
    "LlavaNextForConditionalGeneration": "anyres",
    "LlavaOnevisionForConditionalGeneration": "anyres",
    "InternVLForConditionalGeneration": "aspect_ratio",
    "Idefics3ForConditionalGeneration": "splits",
    "SmolVLMForConditionalGeneration": "splits",
    "Gemma3ForConditionalGeneration": "pan_and_scan",
}
"""Architecture -> how its image processor cuts an image."""

_ALWAYS: Mapping[str, Mapping[str, Any]] = {
    "InternVLForConditionalGeneration": {"crop_to_patches": True},
}
"""Architecture -> what its processor in transformers asks of the image processor, whatever the file
says."""


def read_tiles(eye: TiledEye) -> Processor:
    """The image processor of a checkpoint.

    Raises:
        SourceError: there is none, or it does not fit the tower; all that is wrong is told.
    """
    name = eye.architecture
    found = read_processor(eye.path, (_KINDS[name],), eye.tower.side, overrides=_ALWAYS.get(name))
    if eye.spatial:
        grid = [list(each) for each in eye.grid]
        if found.settings["image_grid_pinpoints"] != grid:
            raise SourceError(
                f"{eye.path}: expected the same image_grid_pinpoints in config.json and in the "
                "image processor's file, found different ones. Copy those of config.json: the "
                "model joins tiles by them."
            )
    return found


def _checked(checkpoint: Path) -> Processor:
    eye = read_eye(checkpoint)
    assert isinstance(eye, TiledEye)
    return read_tiles(eye)


def make_tiles(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write the processor's settings for the stage.

    Raises:
        SourceError: as :func:`read_tiles`.
    """
    found = _checked(checkpoint)
    out.write_text(json.dumps({"kind": found.kind, **found.settings}, sort_keys=True), "utf-8")
    return {"image_processor": found.name, "most_tiles": found.most_tiles}


PROCESSOR = Export.file(PROCESSOR_FILE, source="vision", make=make_tiles, form=_checked)
"""Beside the stage that prepares images."""
