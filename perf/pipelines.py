"""The pipelines of a built repository as a table for a page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from repository.config.text import read_config
from repository.layout import BLS_SUFFIX, FUSED_SUFFIX, pipeline_of
from repository.manifest import read_manifest
from repository.usage.found import usages

FORMS = {FUSED_SUFFIX: "ensemble of fused models", BLS_SUFFIX: "BLS model"}
"""What other forms of a pipeline are called by, and what they are."""

KINDS = {"ensemble": "ensemble", "python": "Python model", "onnx": "ONNX model"}


def table(repository: Path) -> str:
    """A row of Markdown for each pipeline of a repository's families, and for its other forms.

    It has the inputs that every request needs, or the one that takes a file.
    """
    manifest, declared = read_manifest(repository), usages(repository).declared
    lines = ["| pipeline | what it does | takes | gives | kind |", "|---|---|---|---|---|"]
    for family in manifest.families.values():
        for name in family["pipelines"]:
            if pipeline_of(name) != name:
                continue
            config = read_config(repository / name / "config.pbtxt")
            usage = declared.get(name)
            file = usage.file if usage else None
            needed = [entry.name for entry in config.input if not entry.optional]
            cells = (
                f"`{name}`",
                usage.words if usage else "",
                _names(needed or [file if isinstance(file, str) else config.input[0].name]),
                _names(entry.name for entry in config.output),
                KINDS[manifest.models[name]["kind"]],
            )
            lines.append(f"| {' | '.join(cells)} |")
            lines += [
                f"| `{name}{suffix}` | the same | the same | the same | {kind} |"
                for suffix, kind in FORMS.items()
                if name + suffix in manifest.models
            ]
    return "\n".join(lines)


def _names(tensors: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in tensors)
