"""The files of a repository, each by its hash and size."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from builders.kit.emit.assemble import Tree
from repository.manifest import File
from repository.manifest.schema import MANIFEST

Files = Mapping[str, File]
"""A repository's files but its manifest, by path."""


def files_of(folder: Path) -> dict[str, File]:
    """Those of a repository that is written."""
    return {
        path.relative_to(folder).as_posix(): File.at(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / MANIFEST
    }


def files_in(tree: Tree) -> dict[str, File]:
    """Those of one that is not."""
    return {
        name: File.at(content)
        if isinstance(content, Path)
        else File(hashlib.sha256(content).hexdigest(), len(content))
        for name, content in tree.items()
    }
