"""What a profile is asked for: ONNX files, and folders that families take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builders.wrap.checkpoint import Taken, take
from builders.wrap.errors import WrapError
from builders.wrap.understood import Wrapped, told, understand
from repository.errors import KitError
from repository.findings import Finding, finding_of
from repository.release import Release


@dataclass(frozen=True)
class Given:
    """What can be served.

    Attributes:
        models: ONNX files.
        folders: checkpoints.
    """

    models: list[Wrapped]
    folders: list[Taken]


def read_given(paths: Sequence[Path], release: Release, operators: Sequence[Path] = ()) -> Given:
    """Read files and folders, and find who serves them.

    Args:
        paths: ONNX files; folders of checkpoints, or with an ONNX file each.
        release: the Triton that will serve them.
        operators: as for :func:`understand`.

    Raises:
        WrapError: any of them cannot be served; all that is wrong with each.
    """
    findings: list[Finding] = []
    folders: list[Taken] = []
    files: list[Path] = []
    models: list[Wrapped] = []
    for path in dict.fromkeys(paths):
        if not path.is_dir():
            files.append(path)
            continue
        try:
            taken = take(path, release)
        except KitError as error:
            findings += told(error)
            continue
        if taken is None:
            files.append(path)
            continue
        before = [each for each in folders if _key(each) == _key(taken)]
        findings += [_twice(taken, each) for each in before]
        folders.append(taken)
    try:
        models = understand(files, release, operators)
    except WrapError as error:
        findings += error.findings
    if findings:
        raise WrapError(findings)
    return Given(models, folders)


def _key(taken: Taken) -> tuple[str, str]:
    return taken.family, taken.component


def _twice(taken: Taken, before: Taken) -> Finding:
    expected = f"one folder for '{taken.component}' of the family '{taken.family}'"
    remedy = "Write a profile for each."
    return finding_of("checkpoint", str(taken.path), expected, f"{before.path} too", remedy)
