"""How a build fails: every mistake with its remedy, and the command that shows it again."""

from __future__ import annotations

import contextlib
import errno
import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from builders.kit.recipe.profile import Profile
from builders.kit.tasks.runner import TaskError
from repository.findings import Finding, Severity


class BuildError(Exception):
    """A build that did not end in a repository; the old one is as it was.

    Attributes:
        findings: everything that is wrong.
        command: reproduces the first failed task alone, with its full traceback; None where no
            task failed.
    """

    def __init__(self, findings: Sequence[Finding], command: str | None = None) -> None:
        lines = [str(finding) for finding in findings]
        if command:
            lines.append(f"Reproduce it with: {command}")
        super().__init__("\n".join(lines))
        self.findings = list(findings)
        self.command = command


def command_for(profile: Profile, task: str) -> str:
    """The command that runs one task again."""
    return shlex.join(
        ["python", "-m", "builders", "build", "--profile", profile.origin, "--only", task]
    )


def raise_failures(profile: Profile, failures: Sequence[TaskError]) -> None:
    """One error for all tasks that failed; a full disk is told by itself.

    Raises:
        BuildError: unless nothing failed.
        OSError: the disk is full.
    """
    if not failures:
        return
    for failure in failures:
        if is_full(failure.cause):
            raise failure.cause
    command = command_for(profile, failures[0].name)
    raise BuildError([failure.finding for failure in failures], command) from failures[0].cause


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is a full disk or a spent quota."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextlib.contextmanager
def disk_full_told(*folders: Path) -> Iterator[None]:
    """Tell a full disk as what it is.

    Args:
        folders: what a build writes to: the repository's parent, and the cache.

    Raises:
        BuildError: the disk was full.
    """
    try:
        yield
    except Exception as error:
        if not is_full(error):
            raise
        free = []
        for folder in folders:
            there = next(each for each in (folder, *folder.parents) if each.exists())
            free.append(f"{shutil.disk_usage(there).free / 1e6:,.0f} MB in {folder}")
        raise BuildError(
            [
                Finding(
                    severity=Severity.ERROR,
                    rule="disk-full",
                    where="the disk",
                    expected="room for the build",
                    found=f"it full ({', '.join(free)} free after tidying up)",
                    remedy="Free some, or set XDG_CACHE_HOME and --out to another disk; "
                    "the last good repository is untouched.",
                )
            ]
        ) from error
