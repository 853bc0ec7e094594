"""What the built repository holds, for rules that join manifests to models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from repository.usage.found import usages
from tests.kserve.schemas.crds import ROOT

BUILT = ROOT / "model_repository"


@cache
def kinds(repository: Path = BUILT) -> dict[str, str]:
    """Each model's kind: ``ensemble``, ``bls``, ``python`` or ``onnx``.

    Raises:
        FileNotFoundError: nothing is built; ``make build-repo`` does it.
    """
    manifest = json.loads((repository / "manifest.json").read_text(encoding="utf-8"))
    return {name: entry["kind"] for name, entry in manifest["models"].items()}


@cache
def servable(repository: Path = BUILT) -> frozenset[str]:
    """The models that a service may load: those that are built, and other families' pipelines."""
    return frozenset(kinds(repository)) | usages().declared.keys()


def callees(model: str, repository: Path = BUILT) -> set[str]:
    """The models that a BLS model calls, none for others."""
    if kinds(repository).get(model) != "bls":
        return set()
    flow = json.loads((repository / model / "1" / "flow.json").read_text(encoding="utf-8"))
    return {step["model"] for step in flow["steps"]}


def without_version(repository: Path) -> Iterator[str]:
    """Models without a version folder that holds a file that is not empty (rule 2).

    Triton wants a version of every model, ensembles included (triton-inference-server/core
    src/model_lifecycle.cc AsyncLoad); S3's and Azure's downloaders leave out empty files, and Git
    leaves out empty folders (kserve v0.20.0 python/storage/kserve_storage.py).
    """
    for config in sorted(repository.glob("*/config.pbtxt")):
        versions = (each for each in config.parent.iterdir() if each.name.isdigit())
        files = (file for each in versions for file in each.rglob("*") if file.is_file())
        if not any(file.stat().st_size for file in files):
            yield config.parent.name


def stray(repository: Path) -> Iterator[str]:
    """Folders at the root that are no model: mode ``none`` loads them, and fails (rule 3)."""
    for each in sorted(repository.iterdir()):
        if each.is_dir() and not (each / "config.pbtxt").is_file():
            yield each.name
