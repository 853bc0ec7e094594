"""The types of a manifest's values, field by field: what is wrong, and what is missing.

A value of a wrong type is a mistake for every reader of the manifest. A missing field is a mistake
only for a reader that needs it, such as the list of contents or the sum of resources.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from repository.findings import Finding
from repository.manifest.schema import MANIFEST, REBUILD, finding

_WIDEST = 1 << 63
"""A larger number is not taken for a size or a count."""


@dataclass(frozen=True)
class Each:
    """An object of any keys, whose values all have one shape."""

    of: Shape


@dataclass(frozen=True)
class Items:
    """An array of one shape."""

    of: Shape


@dataclass(frozen=True)
class Fields:
    """An object that has these fields, and may have others."""

    of: Mapping[str, Shape]


@dataclass(frozen=True)
class Maybe:
    """A value that may also be null."""

    of: Shape


Shape = type | str | Each | Items | Fields | Maybe
TIME = "a time"

_SOURCE = Fields(
    {
        "uri": str,
        "revision": Maybe(str),
        "licence": str,
        "about": str,
        "files": Each(str),
    }
)
_SHAPES: Mapping[str, Shape] = {
    "kit": Fields({"name": str, "version": str}),
    "target": Fields({"triton": str, "device": str, "precision": str}),
    "profile": dict,
    "families": Each(Fields({"pipelines": Items(str), "sources": Each(_SOURCE)})),
    "exports": Each(
        Fields(
            {
                "family": str,
                "source": str,
                "parts": Items(str),
                "facts": dict,
                "bytes": int,
                "parity": Maybe(dict),
            }
        )
    ),
    "models": Each(
        Fields(
            {
                "kind": str,
                "backend": str,
                "families": Items(str),
                "exports": Items(str),
                "calls": Items(str),
                "bytes": int,
            }
        )
    ),
    "metrics": Items(
        Fields(
            {
                "family": str,
                "name": str,
                "pipeline": str,
                "better": str,
                "bound": float,
                "value": float,
            }
        )
    ),
    "tools": Each(str),
    "times": Fields({"built": TIME, "seconds": float, "steps": Each(float)}),
}
_NAMES = {
    dict: "an object",
    str: "a string",
    int: "a number of bytes",
    float: "a number",
    TIME: "a time in ISO 8601",
}
_OPTIONAL = ("about", "device", "parts", "precision")
"""Fields that can be done without: what is not said of a device is one for a CPU."""


def wrong_types(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Every value that is there and of a wrong type, with its place.

    Args:
        document: the manifest as JSON, whose fields are of the types in ``FIELDS``.
    """
    for name, shape in _SHAPES.items():
        yield from _wrong(document[name], shape, f"{MANIFEST}, {name}", complete=False)
    for name in document["models"]:
        if "/" in name or name in ("", ".", "..") or not name.isprintable():
            where = f"{MANIFEST}, models, {name[:40]!r}"
            yield finding("manifest", where, "a name of a folder", "another", REBUILD)


def lacking(document: Mapping[str, Any], *fields: str) -> list[Finding]:
    """Everything that is missing from a manifest's fields, or wrong in them.

    Args:
        document: the manifest's fields by name.
        fields: those that are needed, as ``target``.
    """
    return [
        each
        for name in fields
        for each in _wrong(document[name], _SHAPES[name], f"{MANIFEST}, {name}", complete=True)
    ]


def _wrong(value: Any, shape: Shape, where: str, *, complete: bool) -> Iterator[Finding]:
    if isinstance(shape, Maybe):
        if value is not None:
            yield from _wrong(value, shape.of, where, complete=complete)
    elif isinstance(shape, Items):
        if not isinstance(value, list | tuple):
            yield _finding(where, "an array", value)
            return
        for number, each in enumerate(value, 1):
            yield from _wrong(each, shape.of, f"{where}, {number}", complete=complete)
    elif isinstance(shape, Each | Fields):
        if not isinstance(value, Mapping):
            yield _finding(where, "an object", value)
            return
        shapes = shape.of if isinstance(shape, Fields) else dict.fromkeys(value, shape.of)
        for key, inner in shapes.items():
            if key in value:
                place = f"{where}, {key[:40]}"
                yield from _wrong(value[key], inner, place, complete=complete)
            elif complete and key not in _OPTIONAL:
                yield finding("manifest", f"{where}, {key}", _name(inner), "nothing", REBUILD)
    elif not _fits(value, shape):
        yield _finding(where, _name(shape), value)


def _fits(value: Any, shape: type | str) -> bool:
    if shape == TIME:
        try:
            return bool(datetime.datetime.fromisoformat(value))
        except (TypeError, ValueError):
            return False
    if shape is int:
        return type(value) is int and 0 <= value < _WIDEST
    if shape is float:
        return type(value) in (int, float) and abs(value) < _WIDEST
    if shape is str:
        return isinstance(value, str)
    return isinstance(value, Mapping)


def _name(shape: Shape) -> str:
    if isinstance(shape, Maybe):
        return _name(shape.of)
    if isinstance(shape, Items):
        return "an array"
    return "an object" if isinstance(shape, Each | Fields) else _NAMES[shape]


def _finding(where: str, expected: str, value: Any) -> Finding:
    found = type(value).__name__ if not isinstance(value, str | int | float) else repr(value)[:40]
    return finding("manifest", where, expected, found, REBUILD)
