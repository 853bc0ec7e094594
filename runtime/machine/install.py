"""Makes the server environment from the one requirements file.

It is made aside and put in its place when it is complete, so servers that run from the old one
are not disturbed while pip works, and an installation that was killed leaves nothing in the way;
pip's cache makes the next one shorter.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path

from repository.children import ending_with_parent
from runtime.errors import EnvironmentUnfit
from runtime.machine.environment import (
    DEFAULT_ENVIRONMENT,
    REQUIREMENTS,
    SITE_HOOK,
    STAMP,
    ServerEnvironment,
    expected_stamp,
)
from runtime.machine.needs import check_machine
from runtime.machine.turns import one_at_a_time

Progress = Callable[[str], None]


def install(
    folder: Path = DEFAULT_ENVIRONMENT, *, progress: Progress = lambda _: None
) -> ServerEnvironment:
    """Makes the server environment, unless it is there already.

    Args:
        folder: its root.
        progress: is told, in a few words, what is being done.

    Raises:
        EnvironmentUnfit: this machine cannot run the server, or pip failed; the message ends with
            pip's own last lines and the command that repeats it.
    """
    check_machine()
    environment = ServerEnvironment(folder.absolute())
    if environment.is_current():
        return environment
    try:
        with one_at_a_time(environment.folder, progress):
            if not environment.is_current():
                _make(environment.folder, progress)
    except subprocess.CalledProcessError as error:
        raise EnvironmentUnfit(
            f"Python's venv module could not make {environment.folder} ({error}); "
            "install it whole (Debian and Ubuntu: apt-get install python3-venv)."
        ) from error
    except OSError as error:
        raise EnvironmentUnfit(
            f"Cannot make the server environment {environment.folder}: {error}"
        ) from error
    return environment


def _make(folder: Path, progress: Progress) -> None:
    started = time.monotonic()
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    progress(f"making {folder.name} with Python {sys.version.split()[0]}")
    venv.EnvBuilder(with_pip=True, symlinks=True).create(partial)
    made = ServerEnvironment(partial)
    command = [
        str(made.python),
        *("-m", "pip", "install", "--no-deps", "--no-input", "--no-compile"),
        *("--disable-pip-version-check", "--progress-bar", "off", "--requirement"),
        str(REQUIREMENTS),
    ]
    _run_pip(command, progress)
    if not made.stub.is_file():
        raise EnvironmentUnfit(
            f"The Triton wheel brought no Python stub {made.stub.relative_to(partial)}; "
            "the pinned nvidia-pytriton does not fit this Python."
        )
    progress("compiling")
    # Here, because those who run the server may not be allowed to write here.
    subprocess.run(
        [made.python, "-m", "compileall", "-q", "-j", "0", made.packages],
        check=False,
        stdout=subprocess.DEVNULL,
        preexec_fn=ending_with_parent(signal.SIGTERM),
    )
    (made.packages / SITE_HOOK[0]).write_text(SITE_HOOK[1])
    _relocate(partial, folder)
    (partial / STAMP).write_text(json.dumps(expected_stamp()))
    old = folder.with_name(f"{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    partial.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    progress(f"ready after {time.monotonic() - started:.0f} s")


def _relocate(made: Path, final: Path) -> None:
    """Writes the final path into the scripts, which name their environment."""
    for script in [made / "pyvenv.cfg", *(made / "bin").iterdir()]:
        if not script.is_symlink() and script.is_file():
            script.write_bytes(script.read_bytes().replace(bytes(made), bytes(final)))


def _run_pip(command: list[str], progress: Progress) -> None:
    variables = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    output: list[str] = []
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=variables,
        # If it were left, it would go on in a folder that the next install makes anew.
        preexec_fn=ending_with_parent(signal.SIGTERM),
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            output.append(line.rstrip())
            word, _, rest = line.strip().partition(" ")
            if word == "Collecting":
                progress(f"fetching {rest.split()[0]}")
            elif line.startswith("Installing collected packages"):
                progress("installing the packages")
    if pip.returncode:
        told = [line for line in output if line.startswith("ERROR")] or output
        raise EnvironmentUnfit(
            f"pip could not install the server environment (exit code {pip.returncode}):\n  "
            + "\n  ".join(told[-6:])
            + f"\nTo repeat it: {shlex.join(command)}"
        )
