"""Repositories of toy models, written as a build lays them out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from builders.kit.config import model_config, to_text
from builders.kit.graph import Model, closure
from builders.kit.layout import version_files
from builders.kit.release import release


def write(folder: Path, models: Iterable[Model], exports: Mapping[str, Path] | None = None) -> None:
    """Writes the models and all that they need; stages are found on ``sys.path``."""
    for model in closure(models):
        target = folder / model.name
        target.mkdir(parents=True, exist_ok=True)
        text = to_text(model_config(model, release("24.10")))
        (target / "config.pbtxt").write_text(text)
        for name, content in version_files(model, exports or {}).items():
            path = target / "1" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
