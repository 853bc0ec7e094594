"""Which code makes a result: the modules that a function reaches, and the packages they import.

A build's keys must change when the code that makes a thing changes, and only then. So the imports
of a function's module are followed through the project's own sources, inside functions too, without
importing anything. Of each module the syntax tree counts; comments, layout and docstrings do not.
Other files of a module's folder (a word list, a table) count by their bytes, except ``*.md``.

A module that was edited while this process ran may differ from the loaded one, so its results get a
key that no other process has.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from repository.files.hashing import sha256_of
from repository.places import IS_CHECKOUT, PACKAGES, ROOT

BEHIND: Mapping[str, tuple[str, ...]] = {"torch": ("onnxscript",), "onnx": ("protobuf",)}
"""Packages that a package imports to do what it is asked for, without requiring them."""

_BEGAN = time.time()
"""When this process began to load code; what was written since may not be what it runs."""

_DISTRIBUTIONS = {
    "cv2": "opencv-python-headless",
    "flashlight": "flashlight-text",
    "google": "protobuf",
    "PIL": "pillow",
    "yaml": "pyyaml",
}
UNCOUNTED = frozenset({".pyc", ".md", ".typed"})
"""Suffixes of files that no result depends on."""

_DOTTED = re.compile(r"\w+(?:\.\w+)+")


@dataclass(frozen=True)
class Code:
    """What a result depends on beside its data.

    Attributes:
        modules: module or file, by name -> SHA-256 of what counts of it.
        tools: package -> version; "none" if it is not installed.
    """

    modules: Mapping[str, str]
    tools: Mapping[str, str]


@dataclass(frozen=True)
class _Module:
    sha256: str
    imports: frozenset[str]
    packages: frozenset[str]
    named: frozenset[str]


@dataclass(frozen=True)
class _Text:
    """What the text of a module says, whatever other modules there are."""

    imported: tuple[str, ...]
    dotted: frozenset[str]
    counted: str


@dataclass
class CodeReader:
    """Reads modules' sources, each once.

    Attributes:
        roots: folders whose modules count as ours.
        packages: further packages whose modules do -> the folder of each.
    """

    roots: tuple[Path, ...] = (ROOT,)
    packages: Mapping[str, Path] = field(default_factory=dict)
    _read: dict[str, _Module] = field(default_factory=dict)
    _loose: dict[str, Path] = field(default_factory=dict)

    def code_of(self, functions: Iterable[Callable[..., object]], *modules: str) -> Code:
        """All that functions, and modules given by name, can reach.

        Args:
            functions: plain functions, partial ones, or closures; callables and plain values that
                those were given count too.
            modules: dotted names.
        """
        pending = [*modules]
        found: dict[str, str] = {}
        for function in functions:
            for reached, given in _reached(function):
                pending.append(reached)
                if given:
                    text = repr(sorted(given)).encode()
                    found[f"what {reached} was given"] = hashlib.sha256(text).hexdigest()
        packages: set[str] = set()
        for name, path, module in self._follow(pending):
            found[name] = module.sha256
            found |= {
                f"{_package(name, path)}/{each.name}": sha256_of(each) for each in _data_files(path)
            }
            packages |= module.packages
        return Code(found, versions(packages))

    def files_of(self, *modules: str) -> tuple[frozenset[Path], frozenset[str]]:
        """All that modules can reach: files of ours, and packages of others.

        Modules that are named in a text, as the kit's that are copied into repositories, count as
        imported.

        Args:
            modules: dotted names.

        Returns:
            The modules' files with those beside them, and the packages' names.
        """
        files: set[Path] = set()
        packages: set[str] = set()
        for _, path, module in self._follow([*modules], named=True):
            files |= {path, *_data_files(path)}
            packages |= module.packages
        return frozenset(files), frozenset(packages)

    def _follow(
        self, pending: list[str], *, named: bool = False
    ) -> Iterator[tuple[str, Path, _Module]]:
        """Each module of ours that those lead to, once, with its file."""
        seen: set[str] = set()
        while pending:
            name = pending.pop()
            path = self.path(name)
            if name in seen or path is None:
                continue
            seen.add(name)
            if name not in self._read:
                self._read[name] = self._parse(name, path)
            module = self._read[name]
            yield name, path, module
            pending.extend(module.imports)
            if named:
                pending.extend(module.named)

    def path(self, name: str) -> Path | None:
        """The source file of one of our modules; None for anybody else's."""
        if not name:
            return None
        # Where the kit is installed, what lies beside it is not ours.
        apart = not IS_CHECKOUT and name.partition(".")[0] not in PACKAGES
        below = [(root, name.split(".")) for root in self.roots if not (root == ROOT and apart)]
        for package, folder in self.packages.items():
            if f"{name}.".startswith(f"{package}."):
                below.append((folder, name.removeprefix(package).split(".")[1:]))
        if (top := name.partition(".")[0]) in self._loose:
            below.append((self._loose[top], name.split(".")))
        for folder, parts in below:
            place = folder.joinpath(*parts)
            for path in [place / "__init__.py", place.with_suffix(".py")]:
                if path.is_file() and (parts or path.parent == place):
                    return path
        return None

    def _parse(self, name: str, path: Path) -> _Module:
        text = _text(path.read_bytes(), str(path), _package(name, path))
        imports: set[str] = set()
        packages: set[str] = set()
        for target in text.imported:
            if self.path(target) is not None:
                # Importing a.b.c runs a and a.b first.
                parts = target.split(".")
                imports |= {".".join(parts[: end + 1]) for end in range(len(parts))}
            elif self.path(target.rpartition(".")[0]) is None:
                top = target.partition(".")[0]
                ours = any(f"{each}.".startswith(f"{top}.") for each in self.packages)
                if not ours and top not in sys.stdlib_module_names and self.path(top) is None:
                    if (folder := _folder_of_loose(top)) is None:
                        packages.add(top)
                    else:
                        self._loose[top] = folder
                        imports |= {top, target}
        named = {each for each in text.dotted if self.path(each)}
        counted = text.counted
        if edited_meanwhile(path):
            # A key of this process alone: another would take the result for the new code's.
            counted += f" edited while process {os.getpid()} ran, from {_BEGAN}"
        sha256 = hashlib.sha256(counted.encode("utf-8", "surrogatepass")).hexdigest()
        return _Module(sha256, frozenset(imports), frozenset(packages), frozenset(named))


def versions(packages: Iterable[str]) -> dict[str, str]:
    """The installed version of each package, by distribution, and of those behind them."""
    wanted = {each for name in packages for each in (name, *BEHIND.get(name, ()))}
    return {name: version(name) for name in sorted(set(map(_distribution, wanted)))}


def edited_meanwhile(path: Path) -> bool:
    """Whether a module was written after this process began, which may run what it was before."""
    return path.stat().st_mtime > _BEGAN


def name_of(function: object) -> str:
    """The dotted name of a function, of the one under a partial, or of a callable's class."""
    if isinstance(function, functools.partial):
        return name_of(function.func)
    if not hasattr(function, "__qualname__"):
        function = type(function)
    return f"{function.__module__}.{function.__qualname__}"


@functools.cache
def version(distribution: str) -> str:
    """The installed version of a distribution; "none" if it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _distribution(package: str) -> str:
    """What a package is installed with; the package's own name where it is not installed."""
    known = _DISTRIBUTIONS.get(package, package)
    return known if version(known) != "none" else _owners().get(package, [known])[0]


@functools.cache
def _owners() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


def _folder_of_loose(top: str) -> Path | None:
    """Where a module lies that no distribution has, as one beside a script; None of any other."""
    if version(_distribution(top)) != "none":
        return None
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    file = Path(spec.origin)
    return file.parents[1] if spec.submodule_search_locations else file.parent


def _reached(function: object, depth: int = 4) -> Iterator[tuple[str, list[str]]]:
    """The module of a function and the plain values it was given, and those of its callables."""
    if isinstance(function, functools.partial):
        module = function.func.__module__
        given = (function.func, *function.args, *function.keywords.items())
    else:
        module = getattr(function, "__module__", None) or type(function).__module__
        cells = getattr(function, "__closure__", None) or ()
        given = tuple(cell.cell_contents for cell in cells)
    yield module, [repr(value) for value in given if _is_plain(value)]
    for value in given if depth else ():
        for part in value if isinstance(value, tuple) else (value,):
            if callable(part):
                yield from _reached(part, depth - 1)


def _is_plain(value: object) -> bool:
    """Whether a value's ``repr`` says all of it."""
    if isinstance(value, Mapping):
        return all(_is_plain(part) for item in value.items() for part in item)
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | bytes | int | float)


@functools.lru_cache(maxsize=1024)
def _text(source: bytes, file: str, package: str) -> _Text:
    """Read once in a process that builds many times, as the tests do."""
    tree = ast.parse(source, file)
    imported = tuple(dict.fromkeys(_imported(tree, package)))
    _drop_docstrings(tree)
    dotted = frozenset(text for text in _texts(tree) if _DOTTED.fullmatch(text))
    return _Text(imported, dotted, ast.dump(tree))


def _imported(tree: ast.AST, package: str) -> Iterator[str]:
    """The dotted names that a module imports, wherever; those for type checkers only, not."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                yield from _imported(ast.Module([other], []), package)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                kept = parents[: len(parents) - node.level + 1]
                base = ".".join([*kept, base] if base else kept)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        else:
            yield from _imported(node, package)


def _drop_docstrings(tree: ast.AST) -> None:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        # A bare string is a docstring, or documents the attribute before it.
        node.body = [  # type: ignore[attr-defined]
            child
            for child in body
            if not (
                isinstance(child, ast.Expr)
                and isinstance(child.value, ast.Constant)
                and isinstance(child.value.value, str)
            )
        ]


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _package(name: str, path: Path) -> str:
    """The package in whose folder a module lies."""
    return name if path.name == "__init__.py" else name.rpartition(".")[0]


def _data_files(path: Path) -> Iterator[Path]:
    """Files beside a module that are no modules."""
    for each in path.parent.iterdir():
        if each.is_file() and each.suffix not in {".py", *UNCOUNTED}:
            yield each
