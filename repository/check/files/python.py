"""Rules on a Python-backend model's files."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from repository.check.model.names import check_files_of_code
from repository.check.rules import finding, listed
from repository.config.facts import called
from repository.config.proto import pb
from repository.files.reading import UNREADABLE, content, exists, is_file, said
from repository.findings import Finding

_CLASS = "TritonPythonModel"
_HERE = "$$TRITON_MODEL_DIRECTORY"
_ON_CPU = "FORCE_CPU_ONLY_INPUT_TENSORS"
_UTILITIES = "triton_python_backend_utils.py"
STUB = "triton_python_backend_stub"
_ARCHIVES = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"PK")
"""How gzip, bzip2, xz, zstd and zip files begin."""
_TAR = (257, b"ustar")
_PROGRAM = b"\x7fELF"
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
        yield _no_python(where, error)
        return
    if not _binds(tree, _CLASS):
        yield finding(
            "python-model",
            where,
            f"a class {_CLASS}",
            "none",
            f"Define or import {_CLASS}.",
        )
    elif not _may_have(tree, "execute"):
        yield finding(
            "no-execute",
            where,
            f"a method execute in {_CLASS}",
            "none",
            "Define it: the model loads without, and each request fails.",
        )
    if exists(path.parent / _UTILITIES):
        yield finding(
            "own-utilities",
            f"{name}/{path.parent.name}/{_UTILITIES}",
            "Triton's own module of that name, and none in the model's folder",
            "one",
            "Remove it: it is imported instead of the release's own.",
        )
    stage = config.parameters["stage"].string_value if "stage" in config.parameters else ""
    of_kit = bool(stage) and _loads_stages(tree)
    if of_kit:
        yield from _unreadable_stages(where, path.parent / "stages")
    if of_kit and not is_file(path.parent / "stages" / f"{stage}.py"):
        yield finding(
            "python-model",
            where,
            f"the stage's file stages/{stage}.py beside it",
            "none",
            "Copy the stage there, or correct the parameter 'stage'.",
        )
    if stage:
        yield from _undeclared_calls(name, path.parent / "stages", set(called(config)))
    yield from check_files_of_code(name, path, of_kit=of_kit)
    yield from _environment(name, path.parent.parent, config)
    if _ON_CPU in config.parameters:
        value = config.parameters[_ON_CPU].string_value
        if value not in ("yes", "no"):
            yield finding(
                "python-parameter",
                name,
                f"yes or no in the parameter {_ON_CPU}",
                f"'{value}'",
                "Write yes, or no where the model takes tensors that lie on a GPU.",
            )
    yield from _stub(name, path.parent.parent / STUB)


def _unreadable_stages(where: str, stages: Path) -> Iterator[Finding]:
    """Stages that Triton's older Python cannot read: a build runs them in a newer one."""
    folder = where.rpartition("/")[0]
    for path in sorted(stages.glob("*.py")):
        try:
            parse_python(path)
        except (SyntaxError, *UNREADABLE) as error:
            yield _no_python(f"{folder}/stages/{path.name}", error)


def _no_python(where: str, error: Exception) -> Finding:
    line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
    return finding(
        "python-model",
        where + line,
        f"Python {'.'.join(map(str, _OLDEST_PYTHON))}, which Triton's images up to 24.10 have",
        said(error),
        "Correct the file.",
    )


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
        warnings.simplefilter("ignore")  # escapes in a stranger's code are not our concern
        return ast.parse(text, filename=path.name, feature_version=_OLDEST_PYTHON)


def may_complete(path: Path) -> bool:
    """Whether a model may have an ``auto_complete_config``, which completes its config.

    Args:
        path: the ``model.py``; if it cannot be read, the answer is yes.
    """
    try:
        return _may_have(parse_python(path), "auto_complete_config")
    except (SyntaxError, *UNREADABLE):
        return True


def _may_have(tree: ast.Module, method: str) -> bool:
    """Whether the model's class can have a method: of its own, or from elsewhere."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    own = [node for node in classes if node.name == _CLASS]
    return not own or any(
        node.bases
        or node.decorator_list
        or node.keywords
        or any(
            (isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.name == method)
            or (isinstance(each, ast.Name) and each.id == method)
            for each in ast.walk(node)
        )
        for node in own
    )


def _binds(tree: ast.Module, name: str) -> bool:
    """Whether a module defines, imports or assigns a name anywhere; a constant is no class."""
    constants = {
        id(target)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
    }
    return any(
        (isinstance(node, ast.ClassDef) and node.name == name)
        or (isinstance(node, ast.alias) and (node.asname or node.name) in (name, "*"))
        or (
            isinstance(node, ast.Name)
            and node.id == name
            and isinstance(node.ctx, ast.Store)
            and id(node) not in constants
        )
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
    """The calls of a function in a file; none if it is not Python."""
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


def _stub(name: str, path: Path) -> Iterator[Finding]:
    """A model may bring a stub for another Python. Triton starts whatever file has that name."""
    if not exists(path):
        return
    is_program = is_file(path) and content(path, len(_PROGRAM)) == _PROGRAM
    yield finding(
        "own-stub" if is_program else "stub-file",
        f"{name}/{STUB}",
        "no stub of its own in a model's folder" if is_program else "a stub, which is a program",
        "one" if is_program else "something else",
        "Remove it, unless the model needs it for another Python: Triton starts it as its own."
        if is_program
        else "Remove it: Triton starts it, and never ends loading the model.",
    )


def _environment(name: str, folder: Path, config: pb.ModelConfig) -> Iterator[Finding]:
    if "EXECUTION_ENV_PATH" not in config.parameters:
        return
    path = config.parameters["EXECUTION_ENV_PATH"].string_value
    found = ""
    if path.startswith(_HERE):
        rest = path.removeprefix(_HERE)
        inner = PurePosixPath(rest.lstrip("/"))
        # Triton puts the folder's path in its place: what follows without a slash is a sibling.
        if ".." in inner.parts or (rest and not rest.startswith("/")):
            found = f"'{path}', which leads out of the model's folder"
        elif not exists(folder / inner):
            found = f"'{path}', which does not exist"
        elif not _is_environment(folder / inner):
            found = f"'{path}', which is neither an archive nor a folder with bin/activate"
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


def _is_environment(path: Path) -> bool:
    """Whether Triton can unpack it, or start a stub in it."""
    if path.is_dir():
        return is_file(path / "bin" / "activate")
    head = content(path, _TAR[0] + len(_TAR[1])) if is_file(path) else b""
    return head.startswith(_ARCHIVES) or head[_TAR[0] :] == _TAR[1]
