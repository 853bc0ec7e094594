"""What a ``manifest.json`` must look like; every mistake of a document at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from repository.findings import Finding, finding_of

MANIFEST = "manifest.json"
SCHEMA = 1
REBUILD = "Build the repository again: python -m builders build."

FIELDS: Mapping[str, type] = {
    "kit": dict,
    "target": dict,
    "profile": dict,
    "families": dict,
    "exports": dict,
    "models": dict,
    "metrics": list,
    "tools": dict,
    "files": dict,
    "digest": str,
    "times": dict,
}
_KINDS = {dict: "an object", list: "an array", str: "a string", int: "an integer"}


def digest_of(document: Mapping[str, Any]) -> str:
    """SHA-256 of a manifest's JSON document, without its ``times`` and its ``digest``."""
    counted = {key: value for key, value in document.items() if key not in ("times", "digest")}
    text = json.dumps(counted, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def finding(
    rule: str, where: str, expected: str, found: str, remedy: str, arguments: tuple[str, ...] = ()
) -> Finding:
    """An error, whose place may be a hostile file name: what cannot be printed is escaped."""
    where, expected, found = (
        each if each.isprintable() else ascii(each) for each in (where, expected, found)
    )
    return finding_of(rule, where, expected, found, remedy, arguments)


def mistakes(document: dict[str, Any]) -> Iterator[Finding]:
    """Everything wrong with a document: its schema, its paths, its digest."""
    if document.get("schema") != SCHEMA or isinstance(document.get("schema"), bool):
        found = str(document.get("schema"))[:40]
        yield finding("manifest", f"{MANIFEST}, schema", str(SCHEMA), found, REBUILD)
        return
    wrong = False
    for name, kind in FIELDS.items():
        if not isinstance(document.get(name), kind):
            wrong = True
            found = type(document[name]).__name__ if name in document else "nothing"
            yield finding("manifest", f"{MANIFEST}, {name}", _KINDS[kind], found, REBUILD)
    for name in sorted(document.keys() - FIELDS.keys() - {"schema"}):
        wrong = True
        yield finding("manifest", f"{MANIFEST}, {name[:40]}", "no such field", "one", REBUILD)
    if wrong:
        return
    for name, entry in document["files"].items():
        where = f"{MANIFEST}, files, {name[:80]!r}"
        if not _is_inside(name):
            yield finding("manifest", where, "a path in the repository", "another", REBUILD)
        if not _is_file_entry(entry):
            yield finding("manifest", where, "a SHA-256 and a size", "something else", REBUILD)
    if document["digest"] != digest_of(document):
        yield finding(
            "manifest", f"{MANIFEST}, digest", "that of the other fields", "another", REBUILD
        )


def _is_inside(name: str) -> bool:
    """Whether a name is a plain relative path, as the build writes it."""
    return (
        name == str(PurePosixPath(name))
        and not name.startswith("/")
        and not {"..", "."} & set(name.split("/"))
        and name.isprintable()
        and "\\" not in name
    )


def _is_file_entry(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and entry.keys() == {"sha256", "bytes"}
        and isinstance(entry["sha256"], str)
        and len(entry["sha256"]) == 64
        and set(entry["sha256"]) <= set("0123456789abcdef")
        and type(entry["bytes"]) is int
        and 0 <= entry["bytes"] < 1 << 63
    )
