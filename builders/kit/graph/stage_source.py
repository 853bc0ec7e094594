"""A stage's module as it stands in a version folder, where a model's modules are one package.

In the checkout a stage's modules lie in rooms, and some of them are shared by families. In the
version folder they lie side by side, by the last part of their names, so imports are rewritten:
``from .page.tiles import split`` becomes ``from .tiles import split``, and ``from .page import
tiles`` becomes ``from . import tiles``.
"""

from __future__ import annotations

import ast
import importlib.util
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

OURS = ("builders", "clients", "repository.copied")
"""The packages whose modules are copied beside a stage."""

_WIDTH = 100


def module_path(dotted: str) -> Path:
    """A module's source file, found without importing it.

    Raises:
        ModuleNotFoundError: there is no such module with a source file.
    """
    found = importlib.util.find_spec(dotted)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"no module '{dotted}' with a source file")
    return Path(found.origin)


def is_ours(dotted: str) -> bool:
    """Whether a module, by its absolute name, is of :data:`OURS`."""
    return any(dotted == each or dotted.startswith(f"{each}.") for each in OURS)


def is_module(dotted: str) -> bool:
    """Whether there is a module of that name with a source file."""
    try:
        return module_path(dotted).is_file()
    except ModuleNotFoundError:
        return False


def stage_modules(stage: str) -> tuple[str, ...]:
    """The modules that a stage's module imports, and that those import, by dotted name, sorted.

    They are the relative imports, and the absolute ones of what families share, wherever they
    stand. One that does not exist is named: :mod:`builders.kit.graph.stage_imports` tells it.
    """
    found: set[str] = set()
    pending = [stage]
    while pending:
        module = pending.pop()
        if module not in found:
            found.add(module)
            pending += _imported(module)
    return tuple(sorted(found - {stage}))


def stage_source(dotted: str) -> bytes | Path:
    """A module's content in the version folder, or its file if nothing has to be rewritten.

    Imports that follow each other are written in an order that does not depend on the rooms: first
    the absolute ones, of what families share, as they come; then the relative ones, by their new
    names. Comments among them are left out.

    Raises:
        ModuleNotFoundError: there is no such module.
    """
    path = module_path(dotted)
    text = path.read_text("utf-8")
    package = _package(dotted, path)
    lines = text.splitlines(keepends=True)
    for run in sorted(_runs(ast.parse(text)), key=lambda run: -run[0].lineno):
        first, last = run[0], run[-1]
        margin = " " * first.col_offset
        written = textwrap.indent(_written(run, package), margin)
        lines[first.lineno - 1 : last.end_lineno] = [written]
    moved = "".join(lines)
    return path if moved == text else moved.encode()


@dataclass(frozen=True)
class _Import:
    """``from .module import name as alias``; an empty module is the package itself."""

    module: str
    name: str
    alias: str | None

    @property
    def told(self) -> str:
        return f"{self.name} as {self.alias}" if self.alias else self.name


def _imported(dotted: str) -> Iterator[str]:
    """The modules of this project that a module imports; empty if it is missing or not Python."""
    try:
        path = module_path(dotted)
        tree = ast.parse(path.read_bytes())
    except (ModuleNotFoundError, SyntaxError, ValueError, RecursionError, MemoryError):
        return
    package = _package(dotted, path)
    for run in _runs(tree):
        for node in run:
            base = _base(node, package)
            for alias in node.names:
                yield f"{base}.{alias.name}" if _holds(base, alias.name) else base


def _package(dotted: str, path: Path) -> str:
    return dotted if path.name == "__init__.py" else dotted.rpartition(".")[0]


def _runs(tree: ast.AST) -> Iterator[list[ast.ImportFrom]]:
    """Imports of ours that follow each other."""
    for node in ast.walk(tree):
        for _, body in ast.iter_fields(node):
            run: list[ast.ImportFrom] = []
            for child in body if isinstance(body, list) else ():
                if isinstance(child, ast.ImportFrom) and _is_ours(child):
                    run.append(child)
                elif run:
                    yield run
                    run = []
            if run:
                yield run


def _is_ours(node: ast.ImportFrom) -> bool:
    return node.level > 0 or is_ours(node.module or "")


def _written(run: Sequence[ast.ImportFrom], package: str) -> str:
    """Those imports from the one package: first what is shared, then what is the family's own."""
    own: dict[tuple[str, str], list[_Import]] = {}
    shared: list[list[_Import]] = []
    for node in run:
        found = [_flat(node, alias, package) for alias in node.names]
        if not node.level:
            shared += [[each for each in found if each.module == name] for name in _modules(found)]
            continue
        for each in found:
            own.setdefault((each.module, (each.alias and each.told) or ""), []).append(each)
    for (module, _), group in own.items():
        if not module:
            group.sort(key=lambda each: each.name)
    ordered = sorted(own.values(), key=lambda group: (group[0].module, group[0].name))
    blocks = [[*map(_statement, group)] for group in (shared, ordered) if group]
    return "\n".join("".join(block) for block in blocks)


def _flat(node: ast.ImportFrom, alias: ast.alias, package: str) -> _Import:
    base = _base(node, package)
    module = "" if _holds(base, alias.name) else base.rpartition(".")[2]
    return _Import(module, alias.name, alias.asname)


def _base(node: ast.ImportFrom, package: str) -> str:
    """The absolute name of what an import names after ``from``."""
    base = node.module or ""
    if not node.level:
        return base
    parents = package.split(".")
    kept = parents[: len(parents) - node.level + 1]
    return ".".join([*kept, base] if base else kept)


def _holds(package: str, name: str) -> bool:
    """Whether a name is a module of a package; what a module defines is not."""
    found = importlib.util.find_spec(package)
    folders = (found and found.submodule_search_locations) or ()
    return any((Path(folder) / f"{name}.py").is_file() for folder in folders)


def _modules(found: Sequence[_Import]) -> list[str]:
    return list(dict.fromkeys(each.module for each in found))


def _statement(group: Sequence[_Import]) -> str:
    names = [each.told for each in group]
    line = f"from .{group[0].module} import {', '.join(names)}\n"
    if len(line) <= _WIDTH + 1:
        return line
    listed = "".join(f"    {name},\n" for name in names)
    return f"from .{group[0].module} import (\n{listed})\n"
