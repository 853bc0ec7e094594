"""From models and exports to a repository's files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builders.kit.emit.config import model_config
from builders.kit.graph.layout import version_files
from builders.kit.recipe.recipe import Recipe
from repository.config.text import to_text
from repository.layout import VERSION

Tree = Mapping[str, bytes | Path]
"""A repository's files: path -> content, or the file to copy."""


def configs_of(recipe: Recipe) -> dict[str, Any]:
    """Each model's ``ModelConfig``, by name."""
    return {model.name: model_config(model, recipe.release) for model in recipe.models}


def tree_of(recipe: Recipe, configs: Mapping[str, Any], exports: Mapping[str, Path]) -> Tree:
    """All files of the repository but its manifest.

    Args:
        recipe: what is built.
        configs: each model's ``ModelConfig``.
        exports: ``family/export`` -> where it lies. Models whose exports are missing are left out.
    """
    tree: dict[str, bytes | Path] = {}
    for model in recipe.models:
        needed = recipe.exports_of(model)
        if not exports.keys() >= set(needed.values()):
            continue
        tree[f"{model.name}/config.pbtxt"] = to_text(configs[model.name]).encode()
        files = version_files(model, {name: exports[each] for name, each in needed.items()})
        for name, content in files.items():
            tree[f"{model.name}/{VERSION}/{name}"] = content
    return dict(sorted(tree.items()))


def hashes_of(tree: Tree) -> dict[str, str]:
    """Each file's SHA-256."""
    return {name: _sha256(content) for name, content in tree.items()}


def _sha256(content: bytes | Path) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
