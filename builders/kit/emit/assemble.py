"""From models, configs and exports to a repository's files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from builders.kit.graph.layout import Content, version_files
from builders.kit.recipe.recipe import Recipe
from repository.config.proto import pb
from repository.config.text import to_text
from repository.layout import VERSION

Tree = Mapping[str, Content]
"""A repository's files: path -> content, or the file to copy."""


def tree_of(
    recipe: Recipe, configs: Mapping[str, pb.ModelConfig], exports: Mapping[str, Path]
) -> Tree:
    """All files of the repository but its manifest.

    Args:
        recipe: what is built.
        configs: each model's config.
        exports: ``family/export`` -> where it lies. Models whose exports are missing are left out.
    """
    tree: dict[str, Content] = {}
    for model in recipe.models:
        needed = recipe.exports_of(model)
        if not exports.keys() >= set(needed.values()):
            continue
        tree[f"{model.name}/config.pbtxt"] = to_text(configs[model.name]).encode()
        files = version_files(model, {name: exports[each] for name, each in needed.items()})
        for name, content in files.items():
            tree[f"{model.name}/{VERSION}/{name}"] = content
    return dict(sorted(tree.items()))
