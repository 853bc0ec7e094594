"""Environments of pinned packages for tests that want others than the project's own."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from runtime.machine.turns import one_at_a_time

OPTIONS = ("--no-deps", "--no-input", "--no-compile", "--quiet")


def installed(folder: Path, *requirements: Path) -> Path:
    """An environment of this Python with these packages and no others.

    Args:
        folder: where it is; made unless it is there already, from the same requirements.
        requirements: files that list all of its packages.

    Returns:
        Its interpreter.
    """
    stamp, python = folder / "stamp", folder / "bin" / "python"
    listed = b"".join(each.read_bytes() for each in requirements)
    current = f"{sys.version} {hashlib.sha256(listed).hexdigest()}"
    folder.parent.mkdir(exist_ok=True)
    with one_at_a_time(folder):
        if not stamp.exists() or stamp.read_text() != current:
            shutil.rmtree(folder, ignore_errors=True)
            # pip is this environment's: making another takes longer than all the rest.
            venv.EnvBuilder(symlinks=True).create(folder)
            pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
            files = [word for each in requirements for word in ("--requirement", each)]
            command = (*pip, "install", *OPTIONS, *files)
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, f"{folder.name} could not be made: {done.stderr[-500:]}"
            stamp.write_text(current)
    return python
