"""Makes the server environment from the one requirements file.

The stamp is written last, so an environment without it was not finished and is made anew; pip's
cache keeps that short. A lock on the folder itself keeps two installations apart.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.environment import (
    DEFAULT_ENVIRONMENT,
    REQUIREMENTS,
    STAMP,
    ServerEnvironment,
    check_machine,
    expected_stamp,
)
from runtime.errors import EnvironmentUnfit

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
    environment = ServerEnvironment(folder)
    if environment.is_current():
        return environment
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentUnfit(f"Cannot make the folder {folder}: {error.strerror}.") from error
    with _locked(folder, progress):
        if not environment.is_current():
            _make(environment, progress)
    return environment


@contextmanager
def _locked(folder: Path, progress: Progress) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another installation to end")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _make(environment: ServerEnvironment, progress: Progress) -> None:
    started = time.monotonic()
    progress(f"making {environment.folder.name} with Python {sys.version.split()[0]}")
    # An environment inside an environment would point at the outer one's interpreter, which
    # `make clean` may remove; venv takes the base interpreter by itself. clear keeps the folder
    # itself, and so the lock.
    venv.EnvBuilder(clear=True, with_pip=True, symlinks=True).create(environment.folder)
    command = [
        str(environment.python),
        *("-m", "pip", "install", "--no-deps", "--no-input", "--no-compile"),
        *("--disable-pip-version-check", "--progress-bar", "off", "--requirement"),
        str(REQUIREMENTS),
    ]
    _run_pip(command, progress)
    if not environment.stub.is_file():
        raise EnvironmentUnfit(
            f"The Triton wheel brought no Python stub {environment.stub}; "
            "the pinned nvidia-pytriton does not fit this Python."
        )
    subprocess.run(
        [environment.python, "-m", "compileall", "-q", "-j", "0", environment.packages],
        check=False,
        stdout=subprocess.DEVNULL,
    )
    temporary = environment.folder / f"{STAMP}.partial"
    temporary.write_text(json.dumps(expected_stamp()))
    temporary.replace(environment.folder / STAMP)
    progress(f"server environment ready after {time.monotonic() - started:.0f} s")


def _run_pip(command: list[str], progress: Progress) -> None:
    variables = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    output: list[str] = []
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=variables,
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
