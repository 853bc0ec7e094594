"""How the commands show tables, and what a script reads."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from repository.cli.naming.program import named

if TYPE_CHECKING:
    from repository.findings import Finding
    from repository.table import Table

_CONTROLS = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""In a JSON document they stand in texts alone; the last two groups turn text round."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead, for a script.")]


def width() -> int | None:
    """The terminal's width; None if standard output is not a terminal, whatever COLUMNS says."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def show(table: Table) -> None:
    """Prints a table: as wide as the terminal, or, into a pipe, a line a row."""
    for line in table.lines(width()):
        typer.echo(line)


def show_json(value: Any) -> None:
    """Prints a JSON object over several lines, to standard output.

    Args:
        value: of what JSON knows.
    """
    typer.echo(harmless(json.dumps(value, ensure_ascii=False, indent=2)))


def harmless(document: str) -> str:
    """A JSON document with the same values, which a terminal can be shown.

    JSON escapes the first 32 control characters, and there are others.
    """
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def finding_as_json(finding: Finding) -> dict[str, str]:
    """A finding for a script: severity, rule, where, tensor, expected, found and remedy."""
    return {
        "severity": str(finding.severity),
        "rule": finding.rule,
        "where": finding.where,
        "tensor": finding.tensor,
        "expected": finding.expected,
        "found": finding.found,
        "remedy": named(finding.remedy),
    }


def findings_as_json(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Findings for a script, errors first, as :func:`repository.cli.exit.report` prints them."""
    ordered = sorted(findings, key=lambda each: (each.severity, each.where))
    return [finding_as_json(each) for each in ordered]
