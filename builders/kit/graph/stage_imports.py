"""What a stage imports, held to what Triton's interpreter has, before anything is built."""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from builders.kit.graph import Model, PythonModel
from builders.kit.graph.stage_source import is_module, is_ours, module_path, stage_modules
from repository.check.files.python import parse_python
from repository.files.reading import UNREADABLE
from repository.findings import Finding, finding_of
from runtime.machine.environment import REQUIREMENTS

MARK = "# stages:"
"""From here on the file of requirements says what stages may import."""

ENVIRONMENT = "EXECUTION_ENV_PATH"
"""A model with this parameter brings its own interpreter, about which nothing is known here."""

IMPORTED = {
    "flashlight-text": "flashlight",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "protobuf": "google",
}
"""Distributions whose package is called otherwise."""

ABSENT = frozenset({"asynchat", "asyncore", "distutils", "imp", "smtpd", "tomllib"})
"""Modules of the standard library that Python 3.10 or 3.12 has not: releases have either."""

_TRITON = ("triton_python_backend_utils", "c_python_backend_utils")


@functools.cache
def allowed() -> tuple[str, ...]:
    """The packages that stages may import, beside the standard library and each other."""
    _, _, listed = REQUIREMENTS.read_text("utf-8").partition(MARK)
    names = re.findall(r"^([A-Za-z0-9_.-]+)==", listed, re.MULTILINE)
    return ("numpy", *dict.fromkeys(IMPORTED.get(each, each.replace("-", "_")) for each in names))


def stage_mistakes(model: Model) -> Iterator[Finding]:
    """Findings about a stage's modules that are missing, unreadable or import what is missing.

    Args:
        model: any; only a stage has modules.
    """
    if not isinstance(model, PythonModel):
        return
    yield from _missing(model)
    for dotted in _modules(model):
        try:
            path = module_path(dotted)
        except ModuleNotFoundError:
            continue
        where = f"stage of {model.name}, {_shown(path)}"
        try:
            tree = parse_python(path)
        except (SyntaxError, *UNREADABLE) as error:
            line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
            expected = "the language of Python 3.10, which Triton's images up to 24.10 have"
            remedy = "Correct it."
            yield finding_of("stage", where + line, expected, str(error), remedy)
            continue
        if dotted in model.stages and not _defines(tree, "prepare"):
            expected, remedy = "a function prepare(folder, parameters)", "Define it."
            yield finding_of("stage", where, expected, "none", remedy)
        if ENVIRONMENT not in model.parameters:
            yield from _unknown(where, tree)


def _modules(model: PythonModel) -> tuple[str, ...]:
    """The modules of its stages, and those that they import; each once."""
    found = (each for stage in model.stages for each in (stage, *stage_modules(stage)))
    return tuple(dict.fromkeys(found))


def _missing(model: PythonModel) -> Iterator[Finding]:
    """Modules that are named and are not there."""
    for dotted in _modules(model):
        if not is_module(dotted):
            folder, _, name = dotted.rpartition(".")
            where = f"stage of {model.name}"
            expected, found = f"a module '{name}' in {folder or 'a package'}", "none"
            remedy = "Write the module, or correct its name where it is imported or declared."
            yield finding_of("stage", where, expected, found, remedy)


def _unknown(where: str, tree: ast.Module) -> Iterator[Finding]:
    for node, name in _imports(tree):
        line, top = node.lineno, name.partition(".")[0]
        known = top in sys.stdlib_module_names and top not in ABSENT
        # Only from-imports of the kit's modules are rewritten for the copies.
        copied = is_ours(name) and isinstance(node, ast.ImportFrom)
        if not (known or copied or top in _TRITON or top in allowed()):
            yield finding_of(
                "stage",
                f"{where}, line {line}",
                f"an import of what Triton's interpreter has: the standard library, "
                f"{', '.join(allowed())}, and by from-imports "
                "builders.kit.invalid_argument, builders.kit.unavailable, builders.stages, "
                "repository.copied, and the family's own, relatively",
                f"'{name}'",
                "Do that work in an export, which becomes ONNX, or write it with numpy.",
            )


def _imports(tree: ast.AST) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    """Each absolute import, and what it names; not of those for type checkers, or that may fail."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                yield from _imports(ast.Module([other], []))
        elif isinstance(node, ast.Try) and any(map(_is_guard, node.handlers)):
            for part in (*node.handlers, *node.orelse, *node.finalbody):
                yield from _imports(part)
        elif isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if not node.level:
                yield node, node.module or ""
        else:
            yield from _imports(node)


def _is_guard(handler: ast.ExceptHandler) -> bool:
    caught = ast.unparse(handler.type) if handler.type else "Exception"
    return any(each in caught for each in ("ImportError", "ModuleNotFoundError", "Exception"))


def _defines(tree: ast.Module, name: str) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return True
        if isinstance(node, ast.ImportFrom | ast.Import):
            if any((each.asname or each.name) == name for each in node.names):
                return True
        elif isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
            return True
    return False


def _shown(path: Path) -> str:
    """A file with the folder of its family, or as much of it as is sure to be known."""
    return "/".join(path.parts[-3:])
