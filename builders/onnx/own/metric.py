"""A user's own metric: a function of a Python file, which gates the build."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from builders.errors import FamilyError
from builders.onnx.own.given import GivenError, local, regular
from repository.arrays import Array, Arrays
from repository.files.yaml_file import suggest
from repository.findings import Finding, finding_of

_MOST = 1_000
_MOST_BYTES = 1 << 30
"""Files beside a metric's, and their bytes, that are taken for its data."""


@dataclass(frozen=True)
class Found:
    """A metric that is there.

    Attributes:
        file: its Python file.
        function: its name.
        data: what decides its score: the file, and what it reads.
    """

    file: Path
    function: str
    data: tuple[Path, ...]


def find_function(
    uri: str,
    data: Sequence[str],
    base: Path,
    place: Callable[..., str],
    findings: list[Finding],
) -> Found | None:
    """A metric that a profile names; its file is read, not run.

    Args:
        uri: ``path:FILE.py:FUNCTION``.
        data: ``path:`` of what it reads; all files beside it if none are named.
        base: where relative paths start.
        place: keys of the model -> where they stand in the profile.
        findings: gets what is wrong.
    """
    at = place("metric")
    address, colon, function = uri.rpartition(":")
    if not colon or not address.endswith(".py") or not function.isidentifier():
        remedy = "Write it so: the file, a colon, and the function's name."
        findings.append(finding_of("onnx-metric", at, "path:FILE.py:FUNCTION", repr(uri), remedy))
        return None
    try:
        file = regular(local(address, base))
        tree = ast.parse(file.read_bytes(), str(file))
    except GivenError as error:
        findings.append(finding_of("onnx-metric", at, "", str(error).rstrip("."), "Mend it."))
        return None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        where = f"{file.name}, line {line}" if line else file.name
        found = getattr(error, "msg", None) or str(error)
        findings.append(
            finding_of("onnx-metric", f"{at}, {where}", "Python", found, "Mend the line.")
        )
        return None
    known = _defined(tree)
    if function not in known:
        expected = f"a function of {file.name}: {', '.join(known) or 'there are none'}"
        remedy = suggest(function, known)
        findings.append(finding_of("onnx-metric", at, expected, f"'{function}'", remedy))
        return None
    files = _data(file, data, base, place, findings)
    return None if files is None else Found(file, function, (file, *files))


def _in_calls(run: Callable[[Arrays], Arrays], rows: int, inputs: Arrays) -> Arrays:
    """What a model gives for any number of rows, by calls of as many as it takes."""
    given = {len(array) if array.ndim else 0 for array in inputs.values()}
    if not rows or len(given) != 1 or max(given) <= rows:
        return run(inputs)
    parts = [
        run({name: array[first : first + rows] for name, array in inputs.items()})
        for first in range(0, max(given), rows)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def score(file: str, function: str, rows: int, run: Callable[[Arrays], Arrays]) -> float:
    """The score that a user's function gives the model.

    Args:
        file: its Python file.
        function: its name.
        rows: the most in one call of the model; 0 if it does not batch. The function may send any
            number, which becomes several calls.
        run: the model: its inputs by name -> its outputs by name.

    Raises:
        FamilyError: it cannot be run, or does not return a number.
    """
    path = Path(file)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path.name
    where = f"{shown}, function {function}"
    value: object
    try:
        # What a build prints on standard output is its report alone.
        with contextlib.chdir("."), contextlib.redirect_stdout(sys.stderr), _beside(path.parent):
            value = _loaded(path, function)(lambda inputs: _Outputs(_in_calls(run, rows, inputs)))
        if isinstance(value, str | bytes):
            raise TypeError(f"the text {value!r}")
        number = float(value)  # type: ignore[arg-type]
        if not math.isfinite(number):
            raise ValueError(f"{number}, which is not finite")
        return number
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # also sys.exit: the build would end as if all were well
        line = _line(error, path)
        told = f"{type(error).__name__}: {error}".rstrip(": ")
        raise FamilyError(
            f"{where}{f', line {line}' if line else ''}: {told}. Mend the function."
        ) from error


class _Outputs(dict[str, Array]):
    """A model's outputs by name; a name that is not there is told with those that are."""

    def __missing__(self, name: object) -> Array:
        raise KeyError(f"no output {name!r}; the model has {', '.join(sorted(self))}")


def _loaded(path: Path, function: str) -> Callable[[Callable[[Arrays], Arrays]], object]:
    spec = importlib.util.spec_from_file_location(f"_metric_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    loaded: Callable[[Callable[[Arrays], Arrays]], object] = getattr(module, function)
    return loaded


@contextlib.contextmanager
def _beside(folder: Path) -> Iterator[None]:
    """Lets a file import the modules beside it, and forgets them: another may have such names."""
    path, known, wrote = [*sys.path], {*sys.modules}, sys.dont_write_bytecode
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:], sys.dont_write_bytecode = path, wrote
        for name in sys.modules.keys() - known:
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).is_relative_to(folder) and "site-packages" not in file:
                del sys.modules[name]


def _line(error: BaseException, path: Path) -> int:
    """The last line of the user's file that an error came through; 0 if none."""
    found, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


def _defined(tree: ast.Module) -> list[str]:
    """The names that a module has once it ran, as far as its text shows."""
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.ImportFrom):
            names += [alias.asname or alias.name for alias in node.names]
        elif isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return names


def _data(
    file: Path,
    data: Sequence[str],
    base: Path,
    place: Callable[..., str],
    findings: list[Finding],
) -> list[Path] | None:
    if data:
        paths: list[Path] = []
        for uri in data:
            try:
                path = local(uri, base)
                paths.append(path if path.is_dir() else regular(path))
            except GivenError as error:
                told = finding_of("onnx-metric", place("metric_data"), "", str(error), "Mend it.")
                findings.append(told)
        return paths
    beside = [
        each
        for each in sorted(file.parent.iterdir())
        if each != file and each.is_file() and not each.name.startswith(".")
    ]
    size = sum(each.stat().st_size for each in beside)
    if len(beside) > _MOST or size > _MOST_BYTES:
        findings.append(
            finding_of(
                "onnx-metric",
                place("metric"),
                f"at most {_MOST:,} files of {_MOST_BYTES >> 30} GiB beside it, all of them "
                "taken for what it reads",
                f"{len(beside):,} of {size / 2**30:.1f} GiB",
                "Name what it reads: metric_data: [path:FILE], or put it in a folder of its own.",
            )
        )
        return None
    return beside
