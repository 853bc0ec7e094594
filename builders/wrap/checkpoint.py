"""Which family takes a folder in Hugging Face format."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builders.kit.checkout import Checkout
from builders.kit.family import Checkpoint, Family
from builders.kit.sources.error import read_settings
from builders.wrap.errors import WrapError
from repository.errors import KitError
from repository.findings import printable, shortened

_MOST = 10
"""ONNX files of a folder that are listed."""


@dataclass
class _Asked:
    """What the families say about a folder.

    Attributes:
        takers: families, and the kind of checkpoint that they take it as.
        known: by family, what it takes.
        broken: why a family could not be asked.
    """

    takers: list[tuple[Family, Checkpoint]] = field(default_factory=list)
    known: dict[str, list[str]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


def told(folder: Path, checkout: Checkout | None = None) -> str:
    """Which family takes a folder, and how a profile says so.

    Args:
        folder: a checkpoint with config.json, or with ONNX files.
        checkout: where families lie.

    Raises:
        WrapError: none takes it; the text says what each takes, and what to do.
        SourceError: its config.json cannot be read.
    """
    if not folder.is_dir():
        found = "a file" if folder.exists() else "none"
        raise WrapError(f"{folder}: expected a folder in Hugging Face format, found {found}.")
    what = _what(folder)
    asked = _ask(folder, checkout or Checkout())
    files = sorted(folder.rglob("*.onnx"))
    if asked.takers:
        parts = [f"{printable(str(folder))}: {what}"]
        parts += [_taken(folder, family, kind) for family, kind in asked.takers]
        return "\n\n".join([*parts, *asked.broken])
    if files:
        return f"{printable(str(folder))}: {what}\n\n{_files(files)}"
    raise WrapError("\n".join(_refusal(folder, what, asked)))


def _ask(folder: Path, checkout: Checkout) -> _Asked:
    asked = _Asked()
    for name in checkout.families:
        try:
            family = checkout.declared(name)
            if family is None:
                continue
            for kind in family.checkpoints:
                asked.known.setdefault(name, []).append(kind.words)
                if kind.is_one(folder):
                    asked.takers.append((family, kind))
        except KitError as problem:
            asked.broken.append(f"The family '{name}' could not be asked: {problem}")
    return asked


def _what(folder: Path) -> str:
    """What config.json says that the folder holds."""
    file = folder / "config.json"
    if not file.exists():
        return "no config.json"
    content: dict[str, Any] = read_settings(file)
    kind, classes = content.get("model_type"), content.get("architectures")
    named = ", ".join(map(str, classes)) if isinstance(classes, list) and classes else "no class"
    return shortened(printable(f"{named}, model_type {kind}"), 200)


def _taken(folder: Path, family: Family, kind: Checkpoint) -> str:
    """That a family takes it, how to write that, and what is still wrong with it."""
    said = [
        f"The family '{family.name}' takes it as its component '{kind.component}': {kind.words}. "
        "In a profile:",
        "",
        "families:",
        f"  {family.name}:",
        f"    sources: {{{kind.component}: {json.dumps(f'path:{folder.absolute()}')}}}",
    ]
    for problem in _problems(folder, family, kind):
        said += ["", f"A build would refuse it: {problem}"]
    return "\n".join(said)


def _problems(folder: Path, family: Family, kind: Checkpoint) -> Iterator[str]:
    told: set[str] = set()
    for export in family.exports:
        if export.source == kind.component and export.form is not None:
            try:
                export.form(folder)
            except (KitError, ValueError) as problem:
                if str(problem) not in told:
                    told.add(str(problem))
                    yield str(problem)


def _files(files: list[Path]) -> str:
    lines = ["It has ONNX files, which the family 'onnx' serves. One of them, or several:", ""]
    lines += [f"python -m builders wrap {shlex.quote(str(each))}" for each in files[:_MOST]]
    if len(files) > _MOST:
        lines.append(f"(and {len(files) - _MOST} more)")
    return "\n".join(lines)


def _refusal(folder: Path, what: str, asked: _Asked) -> Iterator[str]:
    yield f"{folder}: expected a checkpoint that a family takes, found {what}."
    for name, kinds in asked.known.items():
        yield f"  The family '{name}' takes {'; '.join(kinds)}."
    yield from (f"  {each}" for each in asked.broken)
    if (folder / "config.json").exists():
        yield (
            "Export it to ONNX, as with `optimum-cli export onnx`, and wrap the file that this "
            "writes: `python -m builders wrap exported/model.onnx`. Or write a family for it."
        )
    else:
        yield "Give the folder that holds config.json, or name an ONNX file instead."
