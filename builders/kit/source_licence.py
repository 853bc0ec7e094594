"""The licence that a checkpoint's own files, or its distribution's metadata, declare."""

from __future__ import annotations

import re
from email.message import Message
from pathlib import Path

import yaml

UNKNOWN = "unknown"

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


def of_folder(folder: Path) -> str:
    """From the model card's front matter (``license:``), else from a LICENSE file's heading."""
    card = folder / "README.md"
    if card.is_file():
        declared = _front_matter(card.read_text("utf-8", errors="replace"))
        if declared:
            return declared
    for file in sorted((*folder.glob("LICENSE*"), *folder.glob("LICENCE*"))):
        if file.is_file():
            heading = file.read_text("utf-8", errors="replace")[:500]
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


def _front_matter(card: str) -> str:
    match = re.match(r"\A\ufeff?---\s*\n(.*?)\n---\s*(?:\n|\Z)", card, re.DOTALL)
    if not match:
        return ""
    try:
        fields = yaml.safe_load(match.group(1))
    except yaml.YAMLError:
        return ""
    if not isinstance(fields, dict):
        return ""
    declared = fields.get("license")
    if declared == "other":
        declared = fields.get("license_name") or declared
    if isinstance(declared, list):
        declared = ", ".join(map(str, declared))
    return str(declared or "").strip()
