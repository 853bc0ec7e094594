"""What of a repository travels, and the rules of layout that KServe and Triton ask of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from repository import manifest as manifests
from repository.findings import Finding
from repository.manifest import SIGNATURE, File, Manifest, read_manifest
from repository.manifest.schema import MANIFEST, REBUILD, finding
from repository.transfer.errors import refuse

CHUNK = 1 << 20
"""Bytes that are read at once."""


@dataclass(frozen=True)
class Contents:
    """A repository that is as it was built.

    Attributes:
        folder: the repository.
        manifest: as it was read.
        files: what travels before the manifest, in this order: every file that it lists, then the
            signature, if there is one. The root's README, which is about the folder, stays.
        last: the manifest's own entry: it is sent when all the rest is there and right.
    """

    folder: Path
    manifest: Manifest
    files: dict[str, File]
    last: File


def contents_of(repository: Path) -> Contents:
    """The files of a repository that travel.

    Raises:
        TransferError: the repository differs from its build, holds links or extra files, or breaks
            a rule of layout; all findings at once.
    """
    refuse(manifests.verify(repository))
    manifest = read_manifest(repository)
    refuse(list(layout_mistakes(manifest)))
    files = dict(sorted(manifest.files.items()))
    if (repository / SIGNATURE).exists():
        files[SIGNATURE] = File.at(repository / SIGNATURE)
    return Contents(repository, manifest, files, File.at(repository / MANIFEST))


def layout_mistakes(manifest: Manifest) -> Iterator[Finding]:
    """Every rule of a served repository's layout that a manifest's files break.

    Triton (mode none) loads every folder at the root, each needs a version folder (core,
    model_lifecycle.cc), and KServe's S3 and Azure downloaders skip objects of zero bytes
    (kserve_storage.py), so that an empty file never arrives.
    """
    versions = set()
    for name, file in manifest.files.items():
        model, *rest = name.split("/")
        if model not in manifest.models or not rest:
            yield finding("stray", name, "a file of a model", "another", REBUILD)
        if file.bytes == 0:
            yield finding("empty-file", name, "at least one byte", "an empty file", REBUILD)
        if len(rest) > 1 and rest[0].isdecimal() and rest[0].isascii():
            versions.add(model)
        for parent in PurePosixPath(name).parents:
            if str(parent) in manifest.files:
                yield finding("path", name, f"'{parent}' to be a folder", "a file", REBUILD)
    for model in sorted(manifest.models.keys() - versions):
        found = "none with a file in it"
        yield finding("version-folder", model, "a version folder as '1'", found, REBUILD)
