"""The server's private folder of backends.

It is a copy, because Triton sets a stub's file mode when it loads a model, which only the file's
owner may: a server run by another user than the one who installed it could not start a model.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import repository
from runtime.errors import ServerFailed
from runtime.guard.state import ServerState
from runtime.machine.environment import ServerEnvironment

BACKENDS = Path(__file__).resolve().parents[1] / "backends"
"""Our Python-based backends, one folder each."""

REPOSITORY = Path(repository.__file__).parent
"""The package whose rules they share with the check of repositories."""

_TEMPORARY_NAME = b"/tmp/python_env_"
"""How the Python backend (pb_env.cc) names the folder that it makes at start: the first 16 bytes
of a 22 byte template. It makes one even where no model needs it, and a killed server leaves it."""


def names() -> list[str]:
    """The backends that the local server has."""
    ours = (path.parent.name for path in BACKENDS.glob("*/model.py"))
    return sorted({"python", *ours})


def make(environment: ServerEnvironment, state: ServerState) -> Path:
    """Makes the folder inside the server's state.

    Returns:
        the value for ``--backend-directory``.

    Raises:
        OSError: no space, or the environment is not readable.
        ServerFailed: the folder lies where no program may be run.
    """
    folder = state.folder / "backends"
    python = folder / "python"
    python.mkdir(parents=True)
    source = environment.triton / "backends" / "python"
    shutil.copyfile(
        source / "triton_python_backend_utils.py", python / "triton_python_backend_utils.py"
    )
    library = (source / "libtriton_python.so").read_bytes()
    (python / "libtriton_python.so").write_bytes(_own_temporary_name(library, state))
    shutil.copyfile(environment.stub, python / environment.stub.name)
    (python / environment.stub.name).chmod(0o755)
    if not os.access(python / environment.stub.name, os.X_OK):
        raise ServerFailed(
            f"Programs may not be run from {state.folder.parent} (it is mounted noexec); "
            "set TMPDIR to a folder from which they may, and unset XDG_RUNTIME_DIR."
        )
    for backend in BACKENDS.glob("*/model.py"):
        copy_backend(backend.parent, folder / backend.parent.name)
    return folder


def copy_backend(backend: Path, target: Path) -> None:
    """Copies one of our backends, and what it imports of `repository`.

    Args:
        backend: its folder below :data:`BACKENDS`.
        target: the folder to make.

    Raises:
        OSError: no space, or the target exists.
    """
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(backend, target, ignore=ignore)
    for name in ("__init__.py", "onnxruntime_rules", "copied"):
        source, place = REPOSITORY / name, target / "repository" / name
        if source.is_dir():
            shutil.copytree(source, place, ignore=ignore)
        else:
            place.parent.mkdir()
            shutil.copyfile(source, place)


def _own_temporary_name(library: bytes, state: ServerState) -> bytes:
    """Puts the server's id into the name, so leftovers of a killed server are known."""
    own = f"/tmp/{state.temporary_prefix}".encode()
    if len(own) != len(_TEMPORARY_NAME) or library.count(_TEMPORARY_NAME) != 1:
        return library
    return library.replace(_TEMPORARY_NAME, own)
