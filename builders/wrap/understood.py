"""What an ONNX file is, as the family ``onnx`` understands it: the same that a plan would say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from builders.errors import FamilyError
from builders.kit.family import Conditions
from builders.onnx.file.reading import OnnxFile, read_file
from builders.onnx.making import make
from builders.onnx.options import OnnxModelOptions, OnnxOptions
from builders.wrap.errors import WrapError
from repository.errors import KitError
from repository.findings import Finding, clauses, finding_of
from repository.release import Release

ROWS = 8
"""The ``max_batch_size`` that is written for a file that can batch."""

_COMMON = {"model", "onnx", "model_fp16", "model_quantized", "model_optimized", "inference"}
"""Names that files have after their format, not after what they are."""


@dataclass(frozen=True)
class Wrapped:
    """A file that can be served.

    Attributes:
        name: the model's.
        path: as it was given.
        file: what it says of itself.
        unbatched: why requests cannot be joined, a sentence each; empty if they can.
    """

    name: str
    path: Path
    file: OnnxFile
    unbatched: tuple[str, ...]


def understand(paths: Sequence[Path], release: Release) -> list[Wrapped]:
    """The files, each under a name of its own.

    Args:
        paths: ONNX files, or folders with one each.
        release: the Triton that will serve them.

    Raises:
        WrapError: any of them cannot be served; all that is wrong with each.
    """
    findings: list[Finding] = []
    found: list[Wrapped] = []
    names = names_for(paths)
    for name, path in zip(names, paths, strict=True):
        try:
            if not path.exists():
                raise WrapError(f"{path}: expected an ONNX file, found none. Correct the path.")
            file = read_file(path)
        except KitError as error:
            findings += error.findings or [_refusal(str(error))]
            continue
        refused = _findings(name, path, release, 0)
        findings += refused
        if not refused:
            rows = _findings(name, path, release, ROWS)
            found.append(Wrapped(name, path, file, tuple(_reasons(rows))))
    if findings:
        raise WrapError(findings)
    return found


def names_for(paths: Sequence[Path]) -> list[str]:
    """A model's name for each file, after the file, or after its folder."""
    names: list[str] = []
    for path in paths:
        whole = path.absolute()
        # The folders' names come before it where it is a common one, or taken.
        parts = [whole.stem if whole.suffix == ".onnx" else whole.name]
        folders = [folder.name for folder in whole.parents]
        while folders and (parts[0].lower() in _COMMON or _name(parts) in names):
            kept = [] if parts[0].lower() in _COMMON else parts
            parts = [folders.pop(0), *kept]
        names.append(_free(_name(parts), names))
    return names


def _name(parts: Sequence[str]) -> str:
    return _clean("_".join(parts))


def _clean(name: str) -> str:
    cleaned = re.sub(r"[^A-Za-z0-9._~-]+", "_", name).lstrip(".-~").rstrip("_")
    return cleaned or "model"


def _free(name: str, taken: Sequence[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def _findings(name: str, path: Path, release: Release, rows: int) -> list[Finding]:
    """Why the family does not serve a file, with requests joined up to so many rows."""
    options = OnnxModelOptions(source=f"path:{path.absolute()}", max_batch_size=rows)
    conditions = Conditions(
        release=release,
        device="cpu",
        checkpoint=lambda uri: path.absolute(),
        place=lambda *keys: str(path),
    )
    try:
        make(OnnxOptions(models={name: options}), conditions)
    except FamilyError as error:
        return error.findings
    return []


def _reasons(findings: Iterable[Finding]) -> Iterable[str]:
    for each in findings:
        expected, found = clauses(each.expected, each.found)
        tensor = f"'{each.tensor}': " if each.tensor else ""
        yield f"{tensor}expected {expected}, found {found}"


def _refusal(sentence: str) -> Finding:
    """A sentence "WHERE: expected …, found …. REMEDY" in its parts."""
    where, _, rest = sentence.partition(": expected ")
    expected, _, rest = rest.partition(", found ")
    found, _, remedy = rest.partition(". ")
    if not remedy:
        return finding_of("onnx", "the file", "", sentence.rstrip("."), "Name another file.")
    return finding_of("onnx", where, expected, found, remedy)
