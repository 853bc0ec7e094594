"""Structural schemas, as a CRD holds them, turned into what jsonschema can check.

The rules are the API server's (kubernetes/apiextensions-apiserver, pkg/apiserver/schema):
unknown fields are refused as under strict field validation; ``x-kubernetes-int-or-string``,
``-preserve-unknown-fields``, ``-embedded-resource`` and ``-list-type`` mean there what they mean
here; patterns are RE2's; ``nullable`` admits null; defaults are filled in before validation.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import jsonschema
import re2
from jsonschema.validators import Draft4Validator, extend

Schema = dict[str, Any]

TYPE_META: Schema = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
_DURATION = re.compile(r"[-+]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)")
_FORMATS = jsonschema.FormatChecker(formats=("ipv4", "ipv6"))


@_FORMATS.checks("int32")
def _int32(value: object) -> bool:
    return not isinstance(value, int) or -(2**31) <= value < 2**31


@_FORMATS.checks("int64")
def _int64(value: object) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63


@_FORMATS.checks("duration")
def _duration(value: object) -> bool:
    return not isinstance(value, str) or bool(_DURATION.fullmatch(value))


@_FORMATS.checks("date-time", raises=ValueError)
def _date_time(value: object) -> bool:
    return not isinstance(value, str) or bool(datetime.fromisoformat(value).tzinfo)


def _pattern(_: Any, pattern: str, value: object, __: Schema) -> Iterator[Any]:
    if isinstance(value, str) and not re2.search(pattern, value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


def _list_type(_: Any, kind: str, value: object, schema: Schema) -> Iterator[Any]:
    if not isinstance(value, list) or kind not in ("set", "map"):
        return
    keys = [identity(item, schema) for item in value]
    for key in {repr(key): key for key in keys if keys.count(key) > 1}.values():
        yield jsonschema.ValidationError(f"{key!r} is there more than once")


Validator = extend(Draft4Validator, {"pattern": _pattern, "x-kubernetes-list-type": _list_type})


def identity(item: Any, schema: Schema) -> Any:
    """What tells an item of a list of type ``set`` or ``map`` from the others."""
    if schema.get("x-kubernetes-list-type") == "map" and isinstance(item, dict):
        return tuple(item.get(key) for key in schema["x-kubernetes-list-map-keys"])
    return item


def strict(schema: Mapping[str, Any]) -> Schema:
    """A JSON Schema that refuses what the API server refuses of an object of this schema."""
    result = {
        key: value
        for key, value in schema.items()
        if key not in ("properties", "items", "additionalProperties", "default", "nullable")
    }
    properties = {name: strict(value) for name, value in schema.get("properties", {}).items()}
    if schema.get("x-kubernetes-embedded-resource"):
        properties = {**TYPE_META, "metadata": {"type": "object"}, **properties}
        result["required"] = sorted({*schema.get("required", ()), *TYPE_META})
    if properties:
        result["properties"] = properties
    if "items" in schema:
        result["items"] = strict(schema["items"])
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        result["additionalProperties"] = strict(extra)
    elif schema.get("type") == "object":
        result["additionalProperties"] = bool(
            extra or schema.get("x-kubernetes-preserve-unknown-fields")
        )
    if schema.get("x-kubernetes-int-or-string"):
        result["type"] = ["integer", "string"]
    if schema.get("nullable"):
        return {"anyOf": [{"type": "null"}, result]}
    return result


def defaulted(value: Any, schema: Mapping[str, Any]) -> Any:
    """A copy of a value with the schema's defaults, as the API server stores it."""
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        extra = schema.get("additionalProperties")
        filled = {
            name: copy.deepcopy(each["default"])
            for name, each in properties.items()
            if "default" in each
        }
        filled |= {
            name: each
            for name, each in value.items()
            if each is not None or name not in filled or properties[name].get("nullable")
        }
        inner = extra if isinstance(extra, dict) else {}
        return {name: defaulted(each, properties.get(name, inner)) for name, each in filled.items()}
    if isinstance(value, list):
        return [defaulted(each, schema.get("items", {})) for each in value]
    return value


def mistakes(value: Any, schema: Schema) -> Iterator[tuple[str, str]]:
    """Where a value is not as a strict schema has it, and why."""
    validator = Validator(schema, format_checker=_FORMATS)
    for error in validator.iter_errors(value):
        for each in _leaves(error):
            place = ".".join(str(part) for part in each.absolute_path)
            yield place, each.message[:300]


def _leaves(error: jsonschema.ValidationError) -> Iterator[jsonschema.ValidationError]:
    """The errors of the branch that was meant: a value that may be null, and is not."""
    branches = error.schema.get("anyOf", ()) if isinstance(error.schema, dict) else ()
    if error.validator == "anyOf" and branches and branches[0] == {"type": "null"}:
        for inner in error.context or ():
            if inner.schema_path[0] == 1:
                yield from _leaves(inner)
    else:
        yield error
