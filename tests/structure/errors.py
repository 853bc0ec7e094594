"""The tree of the project's errors, read from the code."""

from __future__ import annotations

import ast
import builtins
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from tests.structure.rooms import ROOT

FILE = "repository/errors.py"
PACKAGES = ("repository", "builders", "runtime", "clients", "perf", "training", "gateway", "tmk")
BASE = "repository.errors.KitError"
APART = {
    "Copied into repositories, where Triton's Python stub runs it": (
        "repository/copied/*",
        "builders/kit/invalid_argument.py",
        "builders/kit/unavailable.py",
        "builders/stages/*",
        "builders/*/stages/*",
        "clients/sound_file/*",
    ),
    "Triton's Python stub runs it as a backend": (
        "runtime/backends/*",
        "repository/onnxruntime_rules/*",
    ),
    "Copied into the server's image alone": ("runtime/live.py",),
}
"""Why code cannot import KitError -> the files that this is true of."""

BEGIN, END = "::\n\n", '"""\n'


@dataclass(frozen=True)
class Error:
    """A class of errors.

    Attributes:
        name: its own.
        file: where it is, from the checkout's root.
        bases: full names; those of built-in ones are short.
    """

    name: str
    file: str
    bases: tuple[str, ...]

    @property
    def module(self) -> str:
        """Where it is imported from."""
        return _module(Path(self.file))

    @property
    def apart(self) -> str:
        """Why it is no KitError; empty where it has to be one."""
        return next(
            (why for why, files in APART.items() if any(fnmatch(self.file, at) for at in files)),
            "",
        )


@functools.cache
def errors() -> Mapping[str, Error]:
    """Every class of errors that leaves its module, by its full name."""
    classes = {f"{each.module}.{each.name}": each for each in _classes()}
    return {
        name: each
        for name, each in sorted(classes.items())
        if not each.name.startswith("_") and _is_error(name, classes)
    }


def is_ours(name: str, known: Mapping[str, Error]) -> bool:
    """Whether a class derives from KitError."""
    return name == BASE or any(is_ours(base, known) for base in _bases(name, known))


def tree() -> str:
    """The classes as they are drawn in a docstring."""
    known = errors()
    lines = [*_drawn(BASE, known, 1)]
    for why in APART:
        apart = [name for name, each in known.items() if each.apart == why]
        if apart:
            lines += ["", f"    {why}", *(_line(known[name], 2) for name in apart)]
    return "\n".join(lines)


def written() -> str:
    """What :data:`FILE` should hold."""
    text = (ROOT / FILE).read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{begin}{tree()}\n{end}{after}"


def _drawn(name: str, known: Mapping[str, Error], depth: int) -> Iterator[str]:
    yield _line(known[name], depth)
    below = [each for each in known if name in known[each].bases]
    for each in sorted(below, key=lambda each: known[each].name):
        yield from _drawn(each, known, depth + 1)


def _line(error: Error, depth: int) -> str:
    more = [base for base in error.bases if "." not in base and base != "Exception"]
    beside = f", also {' and '.join(more)}" if more else ""
    return f"{'    ' * depth + error.name:36}{error.module}{beside}"


def _classes() -> Iterator[Error]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            file = path.relative_to(ROOT)
            parsed = ast.parse(path.read_text("utf-8"))
            names = _imported(parsed) | {
                each.name: f"{_module(file)}.{each.name}"
                for each in ast.walk(parsed)
                if isinstance(each, ast.ClassDef)
            }
            for each in ast.walk(parsed):
                if isinstance(each, ast.ClassDef):
                    bases = tuple(_full(ast.unparse(base), names) for base in each.bases)
                    yield Error(each.name, file.as_posix(), bases)


def _imported(parsed: ast.Module) -> dict[str, str]:
    """Name in a module -> the full name of what it imports by it."""
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        if isinstance(node, ast.ImportFrom)
        else alias.name
        for node in ast.walk(parsed)
        if isinstance(node, ast.ImportFrom | ast.Import)
        for alias in node.names
    }


def _full(base: str, names: Mapping[str, str]) -> str:
    first, dot, rest = base.partition(".")
    return f"{names.get(first, first)}{dot}{rest}"


def _bases(name: str, known: Mapping[str, Error]) -> tuple[str, ...]:
    return known[name].bases if name in known else ()


def _is_error(name: str, known: Mapping[str, Error]) -> bool:
    found = getattr(builtins, name, None)
    if isinstance(found, type):
        return issubclass(found, BaseException)
    return any(_is_error(base, known) for base in _bases(name, known))


def _module(file: Path) -> str:
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
