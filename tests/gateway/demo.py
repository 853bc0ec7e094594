"""The demo's pipelines, with the double of ``generate`` beside them as ``double``."""

from __future__ import annotations

from pathlib import Path

from repository.places import ROOT
from tests.gateway.conftest import DOUBLE

PIPELINES = ("asr", "generate", "ocr", "text_embed", "vision", "vision_text", "double")


def repository(folder: Path) -> Path:
    """Writes a repository of links to both."""
    built = ROOT / "model_repository"
    assert (built / "manifest.json").is_file(), "run `make build-repo` before the tests"
    for each in built.iterdir():
        if each.is_dir():
            (folder / each.name).symlink_to(each)
    double = folder / "double"
    double.mkdir()
    (double / "1").symlink_to(DOUBLE / "generate" / "1")
    config = (DOUBLE / "generate" / "config.pbtxt").read_text("utf-8")
    (double / "config.pbtxt").write_text(config.replace('"generate"', '"double"', 1))
    return folder
