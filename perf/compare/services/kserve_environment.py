"""The environment of the KServe gateway, made when it is first needed.

KServe wants an older psutil and python-dateutil than the project's own environment has, and its
generated modules cannot be imported beside tritonclient's. So it has an environment of its own.
"""

from __future__ import annotations

import platform
import shlex
import shutil
import signal
import subprocess
import venv
from collections.abc import Callable
from pathlib import Path

from perf.errors import LegFailed
from repository.children import ending_with_parent
from repository.files.hashing import sha256_of
from repository.places import made_folder
from runtime.machine.turns import one_at_a_time

FOLDER = made_folder(".venv-kserve")
REQUIREMENTS = Path(__file__).with_name("kserve_requirements.txt")
_STAMP = "stamp"


def install(folder: Path = FOLDER, *, report: Callable[[str], None] = lambda _: None) -> Path:
    """Makes the environment, unless it is there already.

    Args:
        folder: its root.
        report: gets a line before anything is made.

    Returns:
        its root.

    Raises:
        LegFailed: Python's venv module or pip failed; the sentence has the command to repeat.
    """
    folder = folder.absolute()
    if _is_current(folder):
        return folder
    try:
        with one_at_a_time(folder, report):
            if not _is_current(folder):
                report(f"making {folder.name} for KServe's model server: about a minute, once")
                _make(folder)
    except OSError as error:
        raise LegFailed(f"Cannot make KServe's environment {folder}: {error}") from error
    return folder


def _stamp() -> str:
    return f"{platform.python_version()} {sha256_of(REQUIREMENTS)}"


def _is_current(folder: Path) -> bool:
    try:
        return (folder / _STAMP).read_text() == _stamp()
    except OSError:
        return False


def _make(folder: Path) -> None:
    """Makes it in its place, which a virtual environment cannot leave, and stamps it at the end:
    one that was not finished has no stamp, and is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [
        str(folder / "bin" / "python3"),
        *("-m", "pip", "--disable-pip-version-check", "install", "--no-input", "--no-deps"),
        *("--progress-bar", "off", "--requirement", str(REQUIREMENTS)),
    ]
    try:
        venv.EnvBuilder(with_pip=True, symlinks=True).create(folder)
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            # If it were left, it would go on in a folder that the next install makes anew.
            preexec_fn=ending_with_parent(signal.SIGTERM),
        )
    except subprocess.CalledProcessError as error:
        output = f"{error.stdout or ''}\n{error.stderr or ''}".splitlines()
        said = [line for line in output if line.startswith("ERROR")] or [str(error)]
        raise LegFailed(
            f"KServe's environment could not be made: {said[-1]} To repeat it: "
            f"{shlex.join(command)}"
        ) from error
    (folder / _STAMP).write_text(_stamp())
