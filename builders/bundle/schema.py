"""The JSON Schema of values files, by which editors complete and check them."""

from __future__ import annotations

import json
from typing import Any

from builders.bundle.gpus import SLICES
from builders.bundle.parts import Parts
from builders.bundle.values import Values

DIALECT = "http://json-schema.org/draft-07/schema#"
"""What yaml-language-server and editors know best; nothing newer is used here."""

NAME = "values.schema.json"


def schema_text(parts: Parts) -> str:
    """The schema of values for a bundle, with the names of what it offers.

    Args:
        parts: the bundle.
    """
    schema: dict[str, Any] = Values.model_json_schema(ref_template="#/definitions/{model}")
    definitions = schema.pop("$defs")
    keys = schema["properties"]
    keys["overlay"]["enum"] = list(parts.overlays)
    for key, known in (("services", parts.services), ("components", parts.components)):
        listed = keys[key] if "items" in keys[key] else keys[key]["anyOf"][0]
        listed["items"]["enum"] = list(known)
        listed["uniqueItems"] = True
    keys["images"]["propertyNames"] = {"enum": list(parts.images)}
    keys["replicas"]["propertyNames"] = {"enum": list(parts.services)}
    # A number stands for an object with that min.
    counts = keys["replicas"]["additionalProperties"]
    keys["replicas"]["additionalProperties"] = {
        "anyOf": [{"type": "integer", "minimum": 0}, counts]
    }
    gpu = definitions["Gpu"]["properties"]
    gpu["type"]["enum"] = list(SLICES)
    gpu["slice"]["enum"] = sorted({each for slices in SLICES.values() for each in slices})
    whole = {
        "$schema": DIALECT,
        "title": "Values of a Triton bundle on KServe",
        "description": "Rendered by tmk manifests.",
        "type": "object",
        "additionalProperties": False,
        "required": schema["required"],
        "properties": keys,
        "definitions": definitions,
    }
    return json.dumps(_plain(whole), indent=2, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    """Without what says nothing to an editor: that a key may be null, and empty defaults."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {key: _plain(each) for key, each in value.items()}
    options = [each for each in made.get("anyOf", ()) if each != {"type": "null"}]
    if len(options) == 1:
        made = {**options[0], **{key: each for key, each in made.items() if key != "anyOf"}}
    if "description" in made and not isinstance(made.get("default", ""), str | bool):
        del made["default"]
    return made
