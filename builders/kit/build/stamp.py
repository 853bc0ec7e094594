"""Whether anything changed since the last build, found out without loading what builds.

After a build the state of everything it read and wrote is kept in the cache: code by its content;
checkpoints, which may be gigabytes, and the repository by each file's size, times and inode. If all
is as it was there is nothing to do. If anything differs, the build's own keys decide.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builders.kit.checkout import Checkout
from builders.kit.recipe.profile import Profile
from builders.kit.tasks.cache import Cache
from builders.kit.tasks.code import UNCOUNTED, CodeReader, edited_meanwhile, version, versions
from repository.files.hashing import sha256_of
from repository.manifest import SIGNATURE, UNMANAGED, Manifest, ManifestError, read_manifest

if TYPE_CHECKING:
    from builders.kit.recipe.recipe import Recipe

Listing = dict[str, Any]


@dataclass(frozen=True)
class Watched:
    """What can change a build or its check, beside the profile.

    Attributes:
        files: modules, and the files beside them.
        folders: folders whose other files count too, as a metric's inputs.
        tools: package -> version, of those that are used.
        sources: the files and folders of its checkpoints, and what else it reads.
        code: :func:`code_state` of the files and folders, from before the build.
    """

    files: Iterable[Path]
    folders: Iterable[Path]
    tools: Mapping[str, str]
    sources: Iterable[Path]
    code: Listing


class Stamp:
    """What is kept of the last build into a folder.

    Args:
        cache: where it is kept.
        out: the repository's folder.
        profile: what this build is asked for.
    """

    def __init__(self, cache: Cache, out: Path, profile: Profile) -> None:
        self._cache = cache
        self._out = out
        # Its relative paths start there.
        self._asked = f"{profile.folder} {profile.model_dump_json()}"
        name = hashlib.sha256(os.fsencode(out)).hexdigest()[:32]
        self._path = cache.root / "stamps" / f"{name}.json"

    def current(self) -> Manifest | None:
        """The repository's manifest, if all is as the last build left it; else None."""
        if not self._is_current():
            return None
        try:
            return read_manifest(self._out)
        except ManifestError:
            return None

    def files_built(self) -> frozenset[str]:
        """The files that the last build left in the repository, by their path in it."""
        known = self._read().get("repository", {})
        prefix = f"{self._out}/"
        return frozenset(path.removeprefix(prefix) for path in known if path.startswith(prefix))

    def watch(self, recipe: Recipe, checkout: Checkout, code: CodeReader) -> Watched:
        """What the next build is to look at: all that the code leads to, families' data, tools.

        Args:
            recipe: what is built.
            checkout: where its families lie.
            code: reads it.
        """
        from builders.kit.graph import PythonModel

        families = list(recipe.profile.families)
        stages = [
            stage
            for model in recipe.models
            if isinstance(model, PythonModel)
            for stage in model.stages
        ]
        own = [f"{checkout.place(name).package}.family" for name in families]
        files, packages = code.files_of("builders.kit.build.build", *own, *stages)
        folders = [checkout.folder(name) for name in families]
        return Watched(
            files, folders, versions(packages), _sources(recipe), code_state(files, folders)
        )

    def write(self, watched: Watched, tools: Mapping[str, str]) -> None:
        """Keep the state of a build that has just ended.

        Args:
            watched: what could have changed it.
            tools: package -> version, of those that took part.
        """
        paths = [str(path) for path in watched.sources]
        value = {
            "asked": self._asked,
            "python": _python(),
            "tools": {**watched.tools, **tools},
            "code files": sorted(map(str, watched.files)),
            "code folders": sorted(map(str, watched.folders)),
            "code": watched.code,
            "sources": paths,
            "source files": files_state(map(Path, paths)),
            "repository": _repository_state(self._out),
        }
        self._cache.write(self._path, value)

    def _is_current(self) -> bool:
        last = self._read()
        try:
            return bool(
                last
                and last["asked"] == self._asked
                and last["python"] == _python()
                and last["code"] == _code_now(last)
                and last["source files"] == files_state(map(Path, last["sources"]))
                and last["repository"] == _repository_state(self._out)
                and all(_installed(name) == known for name, known in last["tools"].items())
            )
        except (OSError, KeyError, TypeError, AttributeError):
            return False

    def _read(self) -> Mapping[str, Any]:
        """What was kept; empty if nothing was."""
        return self._cache.read(self._path) or {}


def code_state(files: Iterable[Path], folders: Iterable[Path]) -> Listing:
    """The content of modules, the state of other files, and the names beside the modules.

    A module that was edited while this process ran never counts as unchanged later. A module that
    appears may shadow another.
    """
    state: Listing = {}
    for folder in folders:
        for path, status in _files(folder):
            if Path(path).suffix not in {".py", *UNCOUNTED}:
                state[path] = status
    for file in files:
        if file.suffix != ".py":
            state[str(file)] = _status(file.stat())
            continue
        content = sha256_of(file)
        state[str(file)] = "" if edited_meanwhile(file) else content
    for parent in {file.parent for file in files if file.suffix == ".py"}:
        state[f"{parent}/"] = sorted(
            entry.name
            for entry in os.scandir(parent)
            if entry.name.endswith(".py") or os.path.isfile(f"{entry.path}/__init__.py")  # noqa: PTH113
        )
    return state


def files_state(paths: Iterable[Path], *, bytecode: bool = False) -> Listing:
    """Size, times and inode of files, and of all files below folders.

    Args:
        paths: files and folders.
        bytecode: count what lies in ``__pycache__`` too.
    """
    state: Listing = {}
    for path in paths:
        if path.is_dir():
            state.update(_files(path, bytecode=bytecode))
        else:
            state[str(path)] = _status(path.stat())
    return state


def _code_now(last: Mapping[str, Any]) -> Listing:
    files = [Path(path) for path in last["code files"]]
    return code_state(files, map(Path, last["code folders"]))


def _sources(recipe: Recipe) -> list[Path]:
    """The files and folders of all checkpoints, and of metrics' and comparisons' data."""
    metrics = [metric for family in recipe.families.values() for metric in family.metrics]
    parities = [each.parity for each in recipe.exports.values() if each.parity is not None]
    watched = [path for metric in metrics for path in metric.data]
    watched += [path for parity in parities for path in parity.data]
    for source in recipe.sources.values():
        if source.path.is_dir():
            watched.append(source.path)
        else:
            watched += [source.path.parent / name for name in source.files]
    return sorted(set(watched))


def _repository_state(out: Path) -> Listing:
    # In a repository bytecode is a stranger's, and the next build removes it.
    state = files_state([out], bytecode=True)
    for name in (SIGNATURE, *UNMANAGED):
        state.pop(str(out / name), None)
    return state


def _files(folder: Path, *, bytecode: bool = False) -> Iterable[tuple[str, list[int]]]:
    """Every file below a folder."""
    pending = [str(folder)]
    while pending:
        for entry in os.scandir(pending.pop()):
            if entry.is_dir(follow_symlinks=False):
                if bytecode or entry.name != "__pycache__":
                    pending.append(entry.path)
            else:
                # A link stands for the file that it leads to, as in a hub's snapshot; one that
                # leads nowhere, as editors make for a lock, for nothing.
                try:
                    yield entry.path, _status(os.stat(entry.path))  # noqa: PTH116
                except FileNotFoundError:
                    yield entry.path, []


def _status(status: os.stat_result) -> list[int]:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_mode]


def _python() -> list[str]:
    return [sys.prefix, platform.python_version(), platform.machine()]


def _installed(tool: str) -> str:
    return platform.python_version() if tool == "python" else version(tool)
