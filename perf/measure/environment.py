"""An environment of its own for what cannot be installed beside the project, made once."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import signal
import subprocess
import sysconfig
import venv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from perf.errors import LegFailed
from repository.children import ending_with_parent
from repository.files.hashing import sha256_of
from runtime.machine.turns import one_at_a_time

_STAMP = "stamp"


@dataclass(frozen=True)
class Environment:
    """A virtual environment of pinned packages.

    Attributes:
        folder: its root.
        requirements: a file of every package that it has, each with its version.
        title: whose environment it is, in sentences.
        takes: how long it takes to make, in words.
        variables: of pip's own environment, as ``CMAKE_ARGS``.
        beside: packages that it lacks are taken from the project's environment, as torch, which
            is large.
    """

    folder: Path
    requirements: Path
    title: str
    takes: str = "about a minute"
    variables: Mapping[str, str] = field(default_factory=dict)
    beside: bool = False

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python3"

    def install(self, report: Callable[[str], None] = lambda _: None) -> Path:
        """Makes the environment, unless it is there already.

        Args:
            report: gets a line before anything is made.

        Returns:
            its root.

        Raises:
            LegFailed: Python's venv module or pip failed; the sentence has the command to repeat.
        """
        if self._is_current():
            return self.folder
        try:
            with one_at_a_time(self.folder, report):
                if not self._is_current():
                    report(f"making {self.folder.name} for {self.title}: {self.takes}, once")
                    self._make()
        except OSError as error:
            sentence = f"The environment of {self.title} {self.folder} cannot be made: {error}"
            raise LegFailed(sentence) from error
        return self.folder

    def _stamp(self) -> str:
        settings = " ".join(f"{name}={value}" for name, value in sorted(self.variables.items()))
        return f"{platform.python_version()} {sha256_of(self.requirements)} {settings}".rstrip()

    def _is_current(self) -> bool:
        try:
            return (self.folder / _STAMP).read_text() == self._stamp()
        except OSError:
            return False

    def _make(self) -> None:
        """Makes it in its place, which a virtual environment cannot leave, and stamps it at the
        end: one that was not finished has no stamp, and is made anew."""
        shutil.rmtree(self.folder, ignore_errors=True)
        command = [
            str(self.python),
            *("-m", "pip", "--disable-pip-version-check", "install", "--no-input", "--no-deps"),
            *("--progress-bar", "off", "--requirement", str(self.requirements)),
        ]
        try:
            venv.EnvBuilder(with_pip=True, symlinks=True).create(self.folder)
            subprocess.run(
                command,
                check=True,
                capture_output=True,
                text=True,
                env=os.environ | self.variables,
                # If it were left, it would go on in a folder that the next install makes anew.
                preexec_fn=ending_with_parent(signal.SIGTERM),
            )
        except subprocess.CalledProcessError as error:
            output = f"{error.stdout or ''}\n{error.stderr or ''}".splitlines()
            said = [line for line in output if line.startswith("ERROR")] or [str(error)]
            raise LegFailed(
                f"The environment of {self.title} could not be made: {said[-1]} To repeat it: "
                f"{shlex.join(command)}"
            ) from error
        if self.beside:
            (packages,) = self.folder.glob("lib/python3*/site-packages")
            (packages / "beside.pth").write_text(sysconfig.get_path("purelib") + "\n")
        (self.folder / _STAMP).write_text(self._stamp())
