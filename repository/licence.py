"""The licence, and the description, that a checkpoint's files or distribution declare."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.message import Message
from pathlib import Path
from typing import Any

from repository.files.bounded_file import Unreadable, read_bounded
from repository.files.yaml_text import parse_yaml

UNKNOWN = "unknown"

MAXIMUM_CARD = 4 << 20
"""Bytes of a model card; a larger one is not looked at."""

_HEADINGS = (
    (r"Apache License\s+Version 2\.0", "Apache-2.0"),
    (r"MIT License", "MIT"),
    (r"BSD 3-Clause License", "BSD-3-Clause"),
    (r"BSD 2-Clause License", "BSD-2-Clause"),
    (r"Mozilla Public License,? Version 2\.0", "MPL-2.0"),
    (r"GNU AFFERO GENERAL PUBLIC LICENSE\s+Version 3", "AGPL-3.0"),
    (r"GNU GENERAL PUBLIC LICENSE\s+Version 3", "GPL-3.0"),
    (r"Creative Commons Attribution 4\.0", "CC-BY-4.0"),
)
"""How well-known licences begin -> SPDX identifier."""


def about(folder: Path) -> str:
    """What the checkpoint is, from its model card's front matter (``description:``), or empty."""
    return " ".join(str(_front_matter(folder).get("description") or "").split())


def of_folder(folder: Path) -> str:
    """From the model card's front matter (``license:``), else from a LICENSE file's heading."""
    declared = _declared(_front_matter(folder))
    if declared:
        return declared
    for file in sorted((*folder.glob("LICENSE*"), *folder.glob("LICENCE*"))):
        if file.is_file():
            with file.open(encoding="utf-8", errors="replace") as opened:
                heading = opened.read(500)
            for pattern, identifier in _HEADINGS:
                if re.search(pattern, heading, re.IGNORECASE):
                    return identifier
            return f"see {file.name}"
    return UNKNOWN


def of_distribution(metadata: Message) -> str:
    """From a distribution's metadata: License-Expression, else License, else its classifiers.

    Source: PyPA's core metadata specification, 2.4.
    """
    for field in ("License-Expression", "License"):
        declared = str(metadata.get(field) or "").strip()
        if declared:
            return declared.splitlines()[0]
    prefix = "License :: OSI Approved :: "
    classifiers = [str(value) for value in metadata.get_all("Classifier", [])]
    found = [value.removeprefix(prefix) for value in classifiers if value.startswith(prefix)]
    return ", ".join(found) or UNKNOWN


def _front_matter(folder: Path) -> dict[str, Any]:
    """The fields at the head of a folder's model card; empty if it has no such head."""
    try:
        text = read_bounded(folder / "README.md", MAXIMUM_CARD).decode("utf-8", "replace")
        match = re.match(r"\A\ufeff?---\s*\n(.*?)\n---\s*(?:\n|\Z)", text, re.DOTALL)
        fields = parse_yaml(match.group(1).encode(), "README.md").value if match else None
    except Unreadable:
        return {}
    return fields if isinstance(fields, dict) else {}


def _declared(fields: Mapping[str, Any]) -> str:
    declared = fields.get("license")
    if declared == "other":
        declared = fields.get("license_name") or declared
    if isinstance(declared, list):
        declared = ", ".join(map(str, declared))
    return str(declared or "").strip()
