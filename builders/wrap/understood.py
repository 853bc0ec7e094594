"""What an ONNX file is, as the family ``onnx`` understands it: the same that a plan would say."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
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
"""Names of files that say their format, and not what they are."""


@dataclass(frozen=True)
class Wrapped:
    """A file that can be served.

    Attributes:
        name: the model's.
        path: as it was given.
        file: what it says about itself.
        unbatched: why requests cannot be joined, a sentence each; empty if they can.
        operators: libraries of operators that it needs.
    """

    name: str
    path: Path
    file: OnnxFile
    unbatched: tuple[str, ...]
    operators: tuple[Path, ...] = ()


def understand(
    paths: Sequence[Path], release: Release, operators: Sequence[Path] = ()
) -> list[Wrapped]:
    """The files, each under a name of its own.

    Args:
        paths: ONNX files, or folders with one each; one that is named again is the same model.
        release: the Triton that will serve them.
        operators: libraries for those that have custom operators.

    Raises:
        WrapError: any of them cannot be served; all that is wrong with each.
    """
    findings: list[Finding] = []
    found: list[Wrapped] = []
    once: dict[str, Path] = {}
    for path in paths:
        once.setdefault(os.path.realpath(path), path)
    named = list(once.values())
    for name, path in zip(names_for(named), named, strict=True):
        try:
            if not path.exists():
                raise WrapError(f"{path}: expected an ONNX file, found none. Correct the path.")
            file = read_file(path)
        except KitError as error:
            findings += told(error)
            continue
        libraries = tuple(each.absolute() for each in operators if file.custom_operators)
        options = OnnxModelOptions(
            source=f"path:{path.absolute()}", operators=[f"path:{each}" for each in libraries]
        )
        refused = _findings(name, path, release, options)
        findings += map(_by_argument, refused)
        if not refused:
            joined = options.model_copy(update={"max_batch_size": ROWS})
            reasons = tuple(_reasons(_findings(name, path, release, joined)))
            found.append(Wrapped(name, path, file, reasons, libraries))
    if findings:
        raise WrapError(findings)
    return found


def told(error: KitError) -> list[Finding]:
    """What is wrong, mistake by mistake, also where an error has only a sentence."""
    return error.findings or [_refusal(str(error))]


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


def _by_argument(finding: Finding) -> Finding:
    """A finding whose remedy is a key of a profile, which is not written yet."""
    if finding.rule != "onnx-operators" or "operators:" not in finding.remedy:
        return finding
    remedy = (
        "Name the library that has them, which has to lie at that path on every machine that "
        "serves the model; or export it without them."
    )
    return replace(finding, remedy=remedy, arguments=("operators",))


def _findings(name: str, path: Path, release: Release, options: OnnxModelOptions) -> list[Finding]:
    """Why the family does not serve a file as the options say."""
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
