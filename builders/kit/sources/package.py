"""``package:``: a file or folder inside an installed distribution, checked against its RECORD."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from pathlib import Path

from builders.kit.sources.error import SourceError
from builders.kit.sources.files import FILE_PATTERNS, inside, record_hash, sha256, source_file
from builders.kit.sources.weights import matches
from repository.findings import shortened


def find(
    name: str,
) -> tuple[importlib.metadata.Distribution, Path, Mapping[str, str]]:
    """The distribution that installed a path, the path itself, and its files' SHA-256.

    Nothing of the package is imported.

    Args:
        name: as RECORD has it: ``package/folder/file``, or a folder.

    Raises:
        SourceError: no such distribution or path, or a file that differs from RECORD.
    """
    package = name.split("/", 1)[0]
    candidates = _distributions(package)
    for distribution in candidates:
        records = {
            str(record): record.hash
            for record in distribution.files or ()
            if str(record) == name
            or (str(record).startswith(f"{name}/") and matches(str(record), FILE_PATTERNS))
        }
        if not records:
            continue
        root = Path(str(distribution.locate_file(""))).resolve()
        for record, expected in records.items():
            _verify(distribution, root, record, expected)
        path = root / name
        if path.is_file():
            return distribution, path, source_file(path)
        prefix = len(name) + 1
        return distribution, path, {r[prefix:]: sha256(root / r) for r in sorted(records)}
    if candidates:
        known = ", ".join(f"{d.name} {d.version}" for d in candidates)
        raise SourceError(
            f"package:{shortened(name)}: expected that path in {known}, found no such file. "
            "List what there is with 'pip show -f'."
        )
    raise SourceError(
        f"package:{shortened(name)}: expected an installed distribution with a package "
        f"'{shortened(package)}', found none. Install it: pip install {shortened(package)}."
    )


def _distributions(package: str) -> list[importlib.metadata.Distribution]:
    """Distributions of the package's name, or those that install a package of that name."""
    try:
        return [importlib.metadata.distribution(package)]
    except (importlib.metadata.PackageNotFoundError, ValueError):
        names = importlib.metadata.packages_distributions().get(package, [])
        return [importlib.metadata.distribution(name) for name in dict.fromkeys(names)]


def _verify(
    distribution: importlib.metadata.Distribution,
    root: Path,
    record: str,
    expected: importlib.metadata.FileHash | None,
) -> None:
    where = f"package:{record}"
    again = f"Install it again: pip install --force-reinstall {distribution.name}=="
    again += f"{distribution.version}."
    if expected is None or expected.mode != "sha256":
        raise SourceError(f"{where}: expected a SHA-256 in RECORD, found none. {again}")
    file = inside(root, record)
    if not file.is_file():
        raise SourceError(f"{where}: expected the file that RECORD lists, found none. {again}")
    found = record_hash(sha256(file))
    if found != expected.value.rstrip("="):
        raise SourceError(
            f"{where}: expected SHA-256 {expected.value} as in RECORD, found {found}. The "
            f"installed file was changed. {again}"
        )
