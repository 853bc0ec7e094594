"""A checkpoint's own image processor: read, completed, and held to what its tower takes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.kit.family import Export
from builders.kit.sources.error import SourceError, read_settings
from builders.kit.sources.values import Values, refuse_all
from builders.vision.checkpoint.processor import output, values
from builders.vision.checkpoint.processor.classes import CLASSES, OF_MODELS, Kind
from builders.vision.stages.preprocess import PROCESSOR_FILE
from repository.findings import shortened

FILE, NESTED = "preprocessor_config.json", "processor_config.json"


@dataclass(frozen=True)
class Processor:
    """An image processor.

    Attributes:
        name: its class in transformers.
        kind: what it makes of an image.
        settings: all that decides what it makes of one, by transformers' keys.
    """

    name: str
    kind: Kind
    settings: Mapping[str, Any]

    @property
    def clear(self) -> str:
        """What the stage ``decode_rgb`` makes of a colour that stands for what is transparent."""
        return "white" if self.settings["do_convert_rgb"] else "kept"

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of what it gives; None if that depends on the image."""
        return output.size(self.kind, self.settings)

    @property
    def most_tiles(self) -> int:
        """The most tiles that it makes of an image."""
        return output.most_tiles(self.kind, self.settings)


def read_processor(
    path: Path,
    kinds: Sequence[Kind] = (),
    side: int | None = None,
    patch: int | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Processor:
    """The processor of a checkpoint, from preprocessor_config.json or processor_config.json.

    Args:
        path: the checkpoint's folder.
        kinds: what its tower takes; any if empty.
        side: of the images, or tiles, that its tower takes, in pixels; None if it takes others.
        patch: the side of the patches that its tower takes, for one that takes patches.
        overrides: settings that are used instead of the file's.

    Raises:
        SourceError: there is none, or one that is not served, or that contradicts the tower; all
            that is wrong is told.
    """
    file, found = _found(path)
    content = {**found, **(overrides or {})}
    name = _name(path, content)
    known = [each for each, own in CLASSES.items() if not kinds or own.kind in kinds]
    if name not in known:
        raise SourceError(
            f"{path / file.split(',')[0]}: expected an image processor that is served for this "
            f"kind of tower ({', '.join(known)}), found {shortened(str(name))}. Take the one of "
            "the model that it was trained from."
        )
    wrong: list[str] = []
    given = Values(file, content, wrong)
    own = CLASSES[name]
    settings = values.complete(given, own.kind, own.defaults)
    if not wrong:
        output.check(given, own.kind, settings, side, patch)
    refuse_all(path, f"settings of {name} that are served and that fit the tower", wrong)
    return Processor(name, own.kind, settings)


def _found(path: Path) -> tuple[str, dict[str, Any]]:
    """Where the settings are, and what they are; a nested object goes first, as in transformers."""
    if (path / NESTED).is_file():
        nested = read_settings(path / NESTED).get("image_processor")
        if isinstance(nested, dict):
            return f"{NESTED}, image_processor", nested
    if (path / FILE).is_file():
        return FILE, read_settings(path / FILE)
    raise SourceError(
        f"{path}: expected the checkpoint's image processor ({FILE}), found none. Save it with "
        "transformers' save_pretrained."
    )


def _name(path: Path, content: Mapping[str, Any]) -> str:
    """The processor's class, by its own file, an old key of it, or config.json."""
    given = content.get("image_processor_type")
    if given is None and (old := content.get("feature_extractor_type")) is not None:
        given = str(old).replace("FeatureExtractor", "ImageProcessor")
    config = read_settings(path / "config.json") if (path / "config.json").is_file() else {}
    of_model = OF_MODELS.get(str(config.get("model_type")))
    name = str(given or config.get("image_processor_type") or of_model)
    # The class names its backend at its end, and an early Qwen2.5-VL its model.
    name = name.removesuffix("Fast").removesuffix("Pil")
    return "Qwen2VLImageProcessor" if name == "Qwen2_5_VLImageProcessor" else name


def make_processor(checkpoint: Path, out: Path) -> Mapping[str, object]:
    """Write the settings for the stage.

    Raises:
        SourceError: as :func:`read_processor`.
    """
    found = read_processor(checkpoint)
    content = {"kind": found.kind, **found.settings}
    out.write_text(json.dumps(content, sort_keys=True), "utf-8")
    return {"image_processor": found.name}


PROCESSOR = Export.file(PROCESSOR_FILE, source="vision", make=make_processor, form=read_processor)
"""Beside the stage that prepares images."""
