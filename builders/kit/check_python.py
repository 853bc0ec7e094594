"""Rules on a Python-backend model's files."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from builders.kit.check_reading import UNREADABLE, content, exists, is_file
from builders.kit.check_rule import finding, listed
from builders.kit.config import called
from builders.kit.findings import Finding
from builders.kit.proto import pb

_CLASS = "TritonPythonModel"
_HERE = "$$TRITON_MODEL_DIRECTORY"
LARGEST_CODE = 4 * 2**20
"""Bytes of a Python file that are read."""
_OLDEST_PYTHON = (3, 10)
"""The language of the oldest stub among the releases known here."""


def check_python(name: str, path: Path, config: pb.ModelConfig) -> Iterator[Finding]:
    """Findings about a ``model.py``.

    Args:
        name: the model's name.
        path: the file.
        config: the model's config.
    """
    where = f"{name}/{path.parent.name}/{path.name}"
    try:
        tree = parse_python(path)
    except (SyntaxError, *UNREADABLE) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        yield finding(
            "python-model",
            where + line,
            "Python 3.10",
            (error.msg if isinstance(error, SyntaxError) else "") or type(error).__name__,
            "Correct the file.",
        )
        return
    if not _binds(tree, _CLASS):
        yield finding(
            "python-model",
            where,
            f"a class {_CLASS}",
            "none",
            f"Define or import {_CLASS}.",
        )
    stage = config.parameters["stage"].string_value if "stage" in config.parameters else ""
    if stage and _loads_stages(tree) and not is_file(path.parent / "stages" / f"{stage}.py"):
        yield finding(
            "python-model",
            where,
            f"the stage's file stages/{stage}.py beside it",
            "none",
            "Copy the stage there, or correct the parameter 'stage'.",
        )
    if stage:
        yield from _undeclared_calls(name, path.parent / "stages", set(called(config)))
    yield from _environment(name, path.parent.parent, config)


def parse_python(path: Path) -> ast.Module:
    """The syntax tree of a file, in the language of the oldest stub.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: it is no Python, or too large.
        OSError: it cannot be read.
    """
    text = content(path, LARGEST_CODE + 1)
    if len(text) > LARGEST_CODE:
        raise ValueError(f"more than {LARGEST_CODE} bytes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a stranger's escapes are no matter of ours
        return ast.parse(text, filename=path.name, feature_version=_OLDEST_PYTHON)


def _binds(tree: ast.Module, name: str) -> bool:
    """Whether a module defines, imports or assigns a name anywhere."""
    return any(
        (isinstance(node, ast.ClassDef) and node.name == name)
        or (isinstance(node, ast.alias) and (node.asname or node.name) in (name, "*"))
        or (isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store))
        for node in ast.walk(tree)
    )


def _loads_stages(tree: ast.Module) -> bool:
    """Whether it is the kit's wrapper, which imports ``stages.<stage>``."""
    return any(
        isinstance(node, ast.Constant) and node.value == "stages." for node in ast.walk(tree)
    )


def called_models(path: Path) -> set[str]:
    """The models that a ``model.py`` calls by BLS, as far as it names them: the constants in its
    ``InferenceRequest(model_name=…)``.

    Args:
        path: the ``model.py``.
    """
    return {
        keyword.value.value
        for node in _calls_of(path, "InferenceRequest")
        for keyword in node.keywords
        if keyword.arg == "model_name"
        and isinstance(keyword.value, ast.Constant)
        and isinstance(keyword.value.value, str)
    }


def _undeclared_calls(name: str, stages: Path, declared: set[str]) -> Iterator[Finding]:
    for path in sorted(stages.glob("*.py")):
        named = {
            node.args[0].value
            for node in _calls_of(path, "call")
            if node.args
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str)
        }
        for missing in sorted(named - declared):
            yield finding(
                "undeclared-call",
                f"{name}/{stages.parent.name}/stages/{path.name}",
                f"calls of the models that '{name}' declares: {listed(declared)}",
                f"'{missing}'",
                "Name it in the model's calls, or correct the name in the stage.",
            )


def _calls_of(path: Path, function: str) -> Iterator[ast.Call]:
    """The calls of a function in a file; none if it is no Python."""
    try:
        tree = parse_python(path)
    except (SyntaxError, *UNREADABLE):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and function in (
            getattr(node.func, "attr", ""),
            getattr(node.func, "id", ""),
        ):
            yield node


def _environment(name: str, folder: Path, config: pb.ModelConfig) -> Iterator[Finding]:
    if "EXECUTION_ENV_PATH" not in config.parameters:
        return
    path = config.parameters["EXECUTION_ENV_PATH"].string_value
    found = ""
    if path.startswith(_HERE):
        inner = PurePosixPath(path.removeprefix(_HERE).lstrip("/"))
        if ".." in inner.parts:
            found = f"'{path}', which leads out of the model's folder"
        elif not exists(folder / inner):
            found = f"'{path}', which does not exist"
    elif not path.startswith("/"):
        found = f"'{path}'"
    if found:
        yield finding(
            "execution-environment",
            name,
            f"an absolute path, or one inside the model's folder after {_HERE}",
            found,
            "Pack the environment into the model's folder and name it from there.",
        )
