"""Locales that text operators ask for; a server's image has hardly any."""

from __future__ import annotations

from onnx import ModelProto, NodeProto

from repository.onnx.walk import nodes
from repository.onnxruntime_rules.facts import Violation

_EVERYWHERE = ("C", "POSIX", "C.UTF-8", "C.utf8")
"""Locales that every Linux image has; Triton's, without language packs, has no others."""

_DEFAULT = "en_US"
"""What onnxruntime takes where a file names none."""


def absent_locales(model: ModelProto) -> list[Violation]:
    """Operators that change the case of texts by a locale that no image of Triton has."""
    found = sorted({_locale(node) for node in nodes(model) if node.op_type == "StringNormalizer"})
    return [
        Violation(
            "locale",
            "",
            f"a locale that Triton's image has, as {_EVERYWHERE[0]}",
            f"'{name}' in a StringNormalizer",
            "Convert the model with options={TfidfVectorizer: {'locale': 'C.UTF-8'}} (so for "
            "CountVectorizer), or set the node's attribute locale.",
        )
        for name in found
        if name
    ]


def _locale(node: NodeProto) -> str:
    """The locale that a node needs; empty if it needs none of its own."""
    attributes = {each.name: each for each in node.attribute}
    action = attributes.get("case_change_action")
    if action is None or action.s in (b"", b"NONE"):
        return ""
    asked = attributes.get("locale")
    name = asked.s.decode("utf-8", "replace") if asked is not None and asked.s else _DEFAULT
    return "" if name in _EVERYWHERE else name
