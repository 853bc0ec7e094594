"""Rooms and the directions between them, read from the code and from pyproject.toml."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
UNSHOWN = ("__main__",)


@dataclass(frozen=True)
class Room:
    """A folder of modules, or one module.

    Attributes:
        name: dotted.
        says: the first line of its docstring.
    """

    name: str
    says: str


@dataclass(frozen=True)
class Storey:
    """What one contract declares of a package.

    Attributes:
        package: dotted; empty for the whole house.
        floors: rooms that stand beside each other, the uppermost floor first.
    """

    package: str
    floors: tuple[tuple[Room, ...], ...]


def contracts() -> list[Mapping[str, Any]]:
    """What pyproject.toml declares of imports."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    found: list[Mapping[str, Any]] = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    return found


def forbidden(package: str) -> set[str]:
    """What a package may not import though it stands below."""
    return {
        name
        for contract in contracts()
        if contract["type"] == "forbidden" and package in contract["source_modules"]
        for name in contract["forbidden_modules"]
    }


def storeys() -> Iterator[Storey]:
    """What is declared in floors, in the order of pyproject.toml; the house comes first."""
    for contract in contracts():
        if contract["type"] != "layers":
            continue
        (package,) = contract.get("containers", [""])
        floors = (
            tuple(
                room(f"{package}.{name}".lstrip("."))
                for name in layer.split(" | ")
                if name not in UNSHOWN
            )
            for layer in contract["layers"]
        )
        yield Storey(package, tuple(floor for floor in floors if floor))


def room(name: str) -> Room:
    """The room of that dotted name."""
    folder = ROOT.joinpath(*name.split("."))
    file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    return Room(name, says(file))


def says(file: Path) -> str:
    """The first line of a module's docstring, without its full stop."""
    text = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return text.partition("\n\n")[0].replace("\n", " ").rstrip(".")
