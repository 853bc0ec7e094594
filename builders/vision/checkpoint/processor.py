"""How a checkpoint's own image processor prepares images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builders.kit.family import Export
from builders.kit.sources.error import SourceError, read_settings


def read_processor(path: Path) -> dict[str, Any]:
    """The settings in preprocessor_config.json, or in processor_config.json.

    Raises:
        SourceError: there are none.
    """
    if (path / "preprocessor_config.json").is_file():
        return read_settings(path / "preprocessor_config.json")
    if (path / "processor_config.json").is_file():
        settings = read_settings(path / "processor_config.json").get("image_processor")
        if isinstance(settings, dict):
            return settings
    raise SourceError(
        f"{path}: expected preprocessor_config.json, found none. Save the checkpoint's image "
        "processor with transformers' save_pretrained."
    )


def make_processor(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write the settings for the stage.

    Raises:
        SourceError: there are none.
    """
    settings = read_processor(checkpoint)
    out.write_text(json.dumps(settings, sort_keys=True), "utf-8")
    return {"image_processor": settings.get("image_processor_type")}


PROCESSOR = Export.file("processor.json", source="vision", make=make_processor, form=read_processor)
