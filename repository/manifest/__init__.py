"""Read a built repository's ``manifest.json``, and verify the folder against it.

This is what the runtime, the clients and the benchmarks know of a build. It imports nothing but
the standard library, so that reading a manifest costs nothing, and it trusts nothing: a manifest
from a stranger yields findings, never a traceback, and names no file outside its folder.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Self

from repository.errors import RepositoryError
from repository.files.bounded_file import Unreadable, reason
from repository.files.hashing import sha256_of
from repository.files.json_file import parse_object
from repository.findings import Finding
from repository.manifest.schema import FIELDS, MANIFEST, REBUILD, finding, mistakes
from repository.manifest.shape import lacking, wrong_types

KIT = "triton-multimodal-kit"
VERSION = "0.2.0"
"""The kit's version; pyproject.toml takes it from here."""

UNMANAGED = ("README.md",)
"""Files at the root of a repository that no build writes."""

SIGNATURE = "model.sig"
"""The signature at the root of a repository, made after the build: a rebuild does not keep it."""

UNDER_WAY = ".pull"
"""The folder at the root that is there as long as a push or a pull into it is under way."""

UNLISTED = (MANIFEST, SIGNATURE, *UNMANAGED)
"""The files at the root of a repository that its manifest does not list."""

MAXIMUM_BYTES = 64 << 20
"""A manifest larger than this is not read."""


@dataclass(frozen=True)
class File:
    """One file of the repository."""

    sha256: str
    bytes: int

    @classmethod
    def at(cls, path: Path) -> Self:
        """The one at a path.

        Raises:
            OSError: it cannot be read.
        """
        return cls(sha256_of(path), path.stat().st_size)


@dataclass(frozen=True)
class Manifest:
    """What a build wrote, from what, with which figures. JSON values are as in the file.

    Attributes:
        kit: ``name`` and ``version`` of the kit that built it.
        target: ``triton`` (release), ``device`` and ``precision``.
        profile: the profile with every default filled in.
        families: by name: ``pipelines``, and by component in ``sources`` the ``uri``,
            ``revision``, ``licence``, ``about`` (what its model card says that it is and is not)
            and ``files`` (name -> SHA-256) of each checkpoint.
        exports: by ``family/export``: ``family``, ``source`` (component), of one that others are
            merged into the ``parts`` (ids; ``source`` is the first one's), ``facts``, ``bytes``,
            and ``parity``, the figures of the comparison with the source, None for a file that is
            not a model.
        models: by name: ``kind``, ``backend``, ``families``, ``exports`` (ids), ``calls`` (the
            models that its own code calls), ``bytes``.
        metrics: ``family``, ``name``, ``pipeline``, ``better``, ``bound``, ``value`` of each gate.
        tools: name -> version of Python and of the packages that made it.
        files: path relative to the repository -> its hash and size, the manifest itself apart.
        digest: SHA-256 over all of the above: equal for builds from equal inputs.
        times: ``built`` (UTC, ISO 8601), ``seconds``, and ``steps`` (name -> seconds). All that
            may differ between two builds from the same inputs.
    """

    kit: Mapping[str, str]
    target: Mapping[str, str]
    profile: Mapping[str, Any]
    families: Mapping[str, Any]
    exports: Mapping[str, Any]
    models: Mapping[str, Any]
    metrics: tuple[Mapping[str, Any], ...]
    tools: Mapping[str, str]
    files: Mapping[str, File]
    digest: str
    times: Mapping[str, Any]


class ManifestError(RepositoryError):
    """There is no manifest, or it cannot be trusted; see :attr:`findings`."""


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a built repository.

    Args:
        folder: the repository.

    Raises:
        ManifestError: it is missing, unreadable, not of this schema, edited, or names a path
            outside the folder; all findings at once.
    """
    document = _load(folder / MANIFEST)
    findings = list(mistakes(document))
    if all(isinstance(document.get(name), kind) for name, kind in FIELDS.items()):
        findings += wrong_types(document)
    if findings:
        raise ManifestError(findings)
    return Manifest(
        **{key: document[key] for key in FIELDS if key not in ("files", "metrics")},
        files={name: File(**entry) for name, entry in document["files"].items()},
        metrics=tuple(document["metrics"]),
    )


def built_for(folder: Path, otherwise: str) -> tuple[str, list[Finding]]:
    """The Triton release that a repository was built for, and what is wrong with its manifest.

    Args:
        folder: the repository, written by a build or not.
        otherwise: the release to take if no manifest says one.

    Returns:
        The release, as ``24.10``, and findings; there are none if there is no manifest.
    """
    if not os.path.lexists(folder / MANIFEST):
        return otherwise, []
    try:
        manifest = read_manifest(folder)
    except ManifestError as error:
        return otherwise, error.findings
    findings = lacking(vars(manifest), "target")
    return manifest.target.get("triton", otherwise), findings


def verify(folder: Path, *, contents: bool = True) -> list[Finding]:
    """Every difference between a repository and its manifest: changed, missing, added files.

    Args:
        folder: the repository.
        contents: compare SHA-256; without it, names and sizes alone.

    Returns:
        Findings, all of them errors; none for a repository that is as it was built. Links and
        special files are reported and neither followed nor opened. A push or a pull that was cut
        off is the only finding: what else is missing or changed follows from it.
    """
    try:
        manifest = read_manifest(folder)
    except ManifestError as error:
        return [_cut_off()] if (folder / UNDER_WAY).is_dir() else error.findings
    findings: list[Finding] = lacking(vars(manifest), "target")
    present: set[str] = set()
    added: dict[str, Finding] = {}
    for name, mode in walk(folder, findings):
        present.add(name)
        known = manifest.files.get(name)
        if not stat.S_ISREG(mode):
            what = "a link" if stat.S_ISLNK(mode) else "a special file"
            findings.append(finding("not-a-file", name, "a regular file", what, REBUILD))
        elif known is None:
            if name not in UNLISTED:
                found = _added(name)
                added[found.where] = found
        else:
            findings.extend(_changed(folder / name, name, known, contents=contents))
    findings.extend(
        finding("missing-file", name, "the file that was built", "no such file", REBUILD)
        for name in manifest.files
        if name not in present
    )
    findings.extend(added.values())
    if any(each.where.partition("/")[0] == UNDER_WAY for each in findings):
        return [_cut_off()]
    findings = [each for each in findings if not _is_known_folder(each, manifest)]
    return sorted(findings, key=lambda finding: (finding.where, finding.rule))


def walk(folder: Path, findings: list[Finding]) -> Iterator[tuple[str, int]]:
    """Every entry below a folder that is not itself a folder: relative POSIX path and mode.

    Follows no link. A folder that cannot be listed, or that holds nothing, is a finding.
    """
    pending = [""]
    while pending:
        relative = pending.pop()
        try:
            entries = sorted(os.scandir(folder / relative), key=lambda entry: entry.name)
        except OSError as error:
            found = reason(error)
            findings.append(finding("unreadable", relative, "a readable folder", found, REBUILD))
            continue
        if not entries and relative:
            findings.append(finding("added-folder", relative, "no such folder", "one", REBUILD))
        for entry in entries:
            name = f"{relative}/{entry.name}" if relative else entry.name
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                pending.append(name)
            else:
                yield name, mode


def _changed(path: Path, name: str, known: File, *, contents: bool) -> Iterator[Finding]:
    try:
        size = path.stat(follow_symlinks=False).st_size
        if size != known.bytes:
            yield finding(
                "changed-file", name, f"{known.bytes:,} bytes", f"{size:,} bytes", REBUILD
            )
            return
        if not contents:
            return
        sha256 = sha256_of(path)
    except OSError as error:
        found = reason(error)
        yield finding("unreadable", name, "a readable file", found, REBUILD)
        return
    if sha256 != known.sha256:
        yield finding(
            "changed-file", name, f"SHA-256 {known.sha256[:16]}…", f"{sha256[:16]}…", REBUILD
        )


def _is_known_folder(empty: Finding, manifest: Manifest) -> bool:
    """Whether an empty folder is the build's: then its files are reported as missing."""
    under = f"{empty.where}/"
    return empty.rule == "added-folder" and any(name.startswith(under) for name in manifest.files)


def _cut_off() -> Finding:
    found = "a push or a pull that was cut off, or is under way"
    remedy = (
        "Push it again, pull it again, or wait for its end; what is there already is not sent "
        "twice."
    )
    return finding("cut-off", UNDER_WAY, "a whole repository", found, remedy)


def _added(name: str) -> Finding:
    if name.startswith(f"{UNDER_WAY}/"):
        return _cut_off()
    before, bytecode, _ = name.partition("/__pycache__/")
    if bytecode:
        remedy = "Remove it, and serve the folder read-only, or with `python -m runtime serve`."
        return finding("bytecode", f"{before}/__pycache__", "no such folder", "one", remedy)
    remedy = "Remove it, or build the repository again."
    return finding("added-file", name, "no such file", "one that no build wrote", remedy)


def _load(path: Path) -> dict[str, Any]:
    """The document, once it is known to be JSON of a sensible size."""
    remedy = "Give a folder that `python -m builders build` wrote."
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                _refuse("a regular file", "something else", remedy)
            if status.st_size > MAXIMUM_BYTES:
                _refuse(f"at most {MAXIMUM_BYTES:,} bytes", f"{status.st_size:,}", remedy)
            content = file.read(MAXIMUM_BYTES)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        found = "none" if missing else reason(error)
        _refuse("a readable manifest", found, remedy)
    try:
        return parse_object(content, MANIFEST)
    except Unreadable as error:
        place = f" on line {error.line}" if error.line else ""
        _refuse(error.expected, f"{error.found}{place}", REBUILD)


def _refuse(expected: str, found: str, remedy: str) -> NoReturn:
    raise ManifestError([finding("manifest", MANIFEST, expected, found, remedy)])
