"""How a build fails: every mistake with its remedy, and the task to look at first."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from builders.errors import BuildersError
from builders.kit.tasks.runner import TaskError
from repository.findings import Finding, Severity


class BuildError(BuildersError):
    """A build failed; the old repository is unchanged.

    Attributes:
        task: the name of the first task that failed, which
            :func:`builders.kit.build.only.reproduce` runs alone; None if none failed.
    """

    def __init__(self, findings: Sequence[Finding], task: str | None = None) -> None:
        super().__init__(findings)
        self.task = task


def raise_failures(failures: Sequence[TaskError]) -> None:
    """Raises one error for all tasks that failed, or that the disk is full.

    Raises:
        BuildError: a task failed.
        OSError: the disk is full.
    """
    if not failures:
        return
    for failure in failures:
        if is_full(failure.cause):
            raise failure.cause
    first = failures[0]
    raise BuildError([each.finding for each in failures], first.name) from first.cause


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
                    remedy="The last good repository is untouched. Free some, or put the cache "
                    "(XDG_CACHE_HOME) or the repository on another disk.",
                    arguments=("out",),
                )
            ]
        ) from error
