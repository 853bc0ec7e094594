"""Where checkpoints come from: a URI in a profile becomes a verified file or folder on disk.

==========================  ===================================================================
``hub:org/name@commit``     a snapshot of a Hugging Face repository, pinned to a commit
``path:file-or-folder``     what lies there
``package:name/file``       inside an installed Python distribution
``demo:name``               shipped with the project in ``builders/<family>/demo/<name>``
==========================  ===================================================================

A relative path starts at the profile's folder; that of a family's own declaration, at the family's;
that of a command's option, at the working directory.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from builders.kit.paths import BUILDERS
from builders.kit.sources import hub, package
from builders.kit.sources.error import SourceError, told
from builders.kit.sources.files import Source, digest, inside, sha256, source_file, source_folder
from builders.kit.sources.weights import check_safetensors
from repository import licence as source_licence
from repository.files.bounded_file import kind_at, read_bounded
from repository.findings import shortened

__all__ = ["Reference", "Source", "SourceError", "parse", "resolve"]

SCHEMES = ("hub", "path", "package", "demo")

SUMS = "SHA256SUMS"
"""In a demo checkpoint's folder: the lines that ``sha256sum`` prints for its other files."""

_MAXIMUM_SUMS = 1 << 20

_COMMIT = re.compile(r"[0-9a-f]{40}")
_REPOSITORY_PART = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?")


@dataclass(frozen=True)
class Reference:
    """A source's URI in parts.

    Attributes:
        scheme: one of :data:`SCHEMES`.
        name: what follows, without the revision.
        revision: the commit of a ``hub:`` source, else empty.
    """

    scheme: str
    name: str
    revision: str = ""

    def __str__(self) -> str:
        revision = f"@{self.revision}" if self.revision else ""
        return f"{self.scheme}:{self.name}{revision}"


def parse(uri: str) -> Reference:
    """Take a URI apart; ``str`` of the result is the URI again.

    Raises:
        SourceError: unknown scheme, bad name, or a hub revision that is not a full commit.
    """
    scheme, colon, name = uri.partition(":")
    shown = shortened(uri)
    if not colon or scheme not in SCHEMES:
        close = difflib.get_close_matches(scheme, SCHEMES, 1)
        hint = f"Did you mean '{close[0]}:'?" if close and colon else "A file is 'path:…'."
        raise SourceError(
            f"source '{shown}': expected one of {', '.join(f'{s}:…' for s in SCHEMES)}. {hint}"
        )
    if not name or "\0" in name or name != name.strip():
        found = shortened(name)
        raise SourceError(f"source '{shown}': expected a name after '{scheme}:', found '{found}'.")
    if scheme == "hub":
        return _parse_hub(uri, name)
    if scheme in ("package", "demo"):
        parts = name.split("/")
        if "\\" in name or any(part in ("", ".", "..") for part in parts):
            raise SourceError(
                f"source '{shown}': expected a relative path without '..', found "
                f"'{shortened(name)}'. "
                f"Write it as in '{scheme}:name/file'."
            )
    return Reference(scheme, name)


def resolve(uri: str, *, offline: bool = True, base: Path | None = None) -> Source:
    """Find a source, check its files, and say what it is.

    Args:
        uri: as in the table above.
        offline: take a ``hub:`` source from the local cache only.
        base: where relative paths start; the working directory if not given.

    Raises:
        SourceError: as :func:`parse`; or missing, changed, unsafe or incomplete files.
    """
    reference = parse(uri)
    with told():
        source = _found(uri, reference, offline=offline, base=base or Path.cwd())
        folder = source.path if source.path.is_dir() else source.path.parent
        check_safetensors(folder, source.files)
    return source


def _found(uri: str, reference: Reference, *, offline: bool, base: Path) -> Source:
    if reference.scheme == "hub":
        path, files = hub.snapshot(reference.name, reference.revision, offline=offline)
        licence = source_licence.of_folder(path)
        return Source(
            uri=uri,
            path=path,
            revision=reference.revision,
            licence=licence,
            files=files,
            about=source_licence.about(path),
        )
    if reference.scheme == "package":
        distribution, path, files = package.find(reference.name)
        # A folder may be a checkpoint with a card of its own, which the packager only wrapped.
        own = source_licence.of_folder(path) if path.is_dir() else source_licence.UNKNOWN
        wrapped = source_licence.of_distribution(distribution.metadata)  # type: ignore[arg-type]
        return Source(
            uri=uri,
            path=path,
            revision=distribution.version,
            licence=wrapped if own == source_licence.UNKNOWN else own,
            files=files,
            about=source_licence.about(path),
        )
    if reference.scheme == "demo":
        path = _demo_folder(reference.name)
        files = _check_sums(path)
    else:
        # Unlike Path's, this one leaves the name of an unknown user as it is.
        path, files = _local(base / os.path.expanduser(reference.name))  # noqa: PTH111
    folder = path if path.is_dir() else path.parent
    return Source(
        uri=uri,
        path=path,
        revision=f"sha256:{digest(files)}",
        licence=source_licence.of_folder(folder),
        files=files,
        about=source_licence.about(folder),
    )


def _parse_hub(uri: str, name: str) -> Reference:
    repository, _, revision = name.partition("@")
    parts = repository.split("/")
    well_formed = len(parts) == 2 and all(_REPOSITORY_PART.fullmatch(part) for part in parts)
    if not well_formed or "--" in repository or ".." in repository:
        raise SourceError(
            f"source '{shortened(uri)}': expected 'hub:org/name@commit', found the repository "
            f"'{shortened(repository)}'."
        )
    if not _COMMIT.fullmatch(revision):
        found = f"'{shortened(revision)}', which can move" if revision else "none"
        raise SourceError(
            f"source '{shortened(uri)}': expected a commit of 40 hexadecimal digits after '@', "
            f"found {found}. Copy it from the model's 'Files and versions' page."
        )
    return Reference("hub", repository, revision)


def _local(path: Path) -> tuple[Path, Mapping[str, str]]:
    path = path.absolute()
    try:
        kind = kind_at(path)
    except (FileNotFoundError, NotADirectoryError):
        kind = "none"
    if kind == "folder":
        return path, source_folder(path)
    if kind == "file":
        return path, source_file(path)
    raise SourceError(
        f"path:{shortened(str(path))}: expected a file or folder, found "
        f"{kind if kind == 'none' else f'a {kind}'}. Check the path, and where it starts."
    )


def _demo_folder(name: str) -> Path:
    """The folder of ``demo:name``, or of ``demo:family/name`` where two families have the name."""
    family, slash, rest = name.partition("/")
    folders = (
        [BUILDERS / family / "demo" / rest]
        if slash and (BUILDERS / family / "demo").is_dir()
        else sorted(folder / name for folder in BUILDERS.glob("*/demo"))
    )
    found = [folder for folder in folders if folder.is_dir()]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"demo:{folder.parts[-3]}/{name}" for folder in found)
        raise SourceError(f"demo:{name}: expected one checkpoint, found {names}. Name one of them.")
    there = sorted(folder.name for folder in BUILDERS.glob("*/demo/*") if folder.is_dir())
    raise SourceError(
        f"demo:{shortened(name)}: expected a checkpoint shipped with the project, found "
        f"{', '.join(there) or 'none of any name'}."
    )


def _check_sums(folder: Path) -> Mapping[str, str]:
    """A demo checkpoint's files, each of them compared with ``SHA256SUMS``."""
    sums = folder / SUMS
    if not sums.is_file():
        raise SourceError(
            f"{folder}: expected a file {SUMS}, found none. Restore it from version control."
        )
    listed: dict[str, str] = {}
    for line in read_bounded(sums, _MAXIMUM_SUMS).decode("utf-8", "replace").splitlines():
        match = re.fullmatch(r"([0-9a-f]{64}) [ *](.+)", line)
        if not match:
            raise SourceError(
                f"{sums}: expected lines of a SHA-256 and a name, found '{line[:80]}'. "
                "Restore it from version control."
            )
        listed[str(PurePosixPath(match.group(2)))] = match.group(1)
    folder = folder.resolve()
    there = {
        str(PurePosixPath(path.relative_to(folder)))
        for path in folder.rglob("*")
        if not path.is_dir() and path.name != SUMS
    }
    found = {name: sha256(inside(folder, name)) for name in sorted(there)}
    wrong = [f"{name} missing" for name in sorted(listed.keys() - there)]
    wrong += [f"{name} not listed" for name in sorted(there - listed.keys())]
    wrong += [f"{name} changed" for name in found if listed.get(name, found[name]) != found[name]]
    if wrong:
        raise SourceError(
            f"{folder}: expected the files that {SUMS} lists, found {', '.join(wrong)}. "
            "Restore the folder from version control."
        )
    source_folder(folder)
    return found
