"""Writes a repository aside: configs with the sizes that made files have, and all its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builders.kit.build.making import Made
from builders.kit.emit.assemble import Tree, tree_of
from builders.kit.emit.files import Files, files_in, files_of
from builders.kit.emit.sizes import sized
from builders.kit.emit.target import put
from repository.config.proto import pb


@dataclass(frozen=True)
class Staged:
    """A repository that is written, and not yet served.

    Attributes:
        made: the exports in it.
        folder: where it lies.
        configs: each model's config, whole.
        files: what it holds.
    """

    made: Made
    folder: Path
    configs: Mapping[str, pb.ModelConfig]
    files: Files


def stage(made: Made, folder: Path) -> Staged:
    """Write a repository.

    Sizes that only a made file knows, as a vocabulary's, are put into the configs here: no family
    could tell them from a checkpoint before.

    Args:
        made: its exports.
        folder: an empty folder.

    Raises:
        ProfileError: two files give one axis different sizes.
    """
    configs, tree = _laid_out(made)
    for name, content in tree.items():
        put(folder, name, content)
    return Staged(made, folder, configs, files_of(folder))


def foresee(made: Made, folder: Path) -> Staged:
    """What :func:`stage` would write, with nothing written; models that lack an export are not."""
    configs, tree = _laid_out(made)
    return Staged(made, folder, configs, files_in(tree))


def _laid_out(made: Made) -> tuple[dict[str, pb.ModelConfig], Tree]:
    recipe = made.plan.recipe
    configs = sized(recipe, made.plan.configs, made.paths)
    return configs, tree_of(recipe, configs, made.paths)
